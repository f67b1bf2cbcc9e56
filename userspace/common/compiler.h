/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The few words that C lacks: used by every daemon, free of other headers.
 */
#ifndef SLUICE_COMPILER_H
#define SLUICE_COMPILER_H

#include <stddef.h>

#define __must_check __attribute__((warn_unused_result))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif /* SLUICE_COMPILER_H */
