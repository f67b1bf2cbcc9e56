/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The version of every program of Sluice. */
#ifndef SLUICE_VERSION_H
#define SLUICE_VERSION_H

#define SLUICE_VERSION "0.1.0"

#endif /* SLUICE_VERSION_H */
