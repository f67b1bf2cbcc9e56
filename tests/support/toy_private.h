/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Between toy.c, which runs the daemon, and toy_daemon.c, which is the daemon. */
#ifndef SLUICE_TEST_TOY_PRIVATE_H
#define SLUICE_TEST_TOY_PRIVATE_H

#include "process.h"

extern const struct process_daemon toy_daemon;

#endif /* SLUICE_TEST_TOY_PRIVATE_H */
