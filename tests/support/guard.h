/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Input of parsers, placed so that a byte read behind its end is a fault.
 */
#ifndef SLUICE_GUARD_H
#define SLUICE_GUARD_H

#include <stddef.h>

#define GUARD_MAX_BYTES 65536

/* A copy whose end is the end of readable memory; valid until the next call. */
char *guard_copy(const void *bytes, size_t len);

#endif /* SLUICE_GUARD_H */
