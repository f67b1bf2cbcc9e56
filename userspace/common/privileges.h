/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Giving up what a daemon does not need, once it has what it needs:
 * capabilities(7), for good.
 */
#ifndef SLUICE_PRIVILEGES_H
#define SLUICE_PRIVILEGES_H

#include <linux/capability.h>
#include <stddef.h>

#include "compiler.h"

/*
 * Keeps these capabilities (CAP_*) of those that the process has, gives up all
 * others in every set, and any way to gain one by executing a program.
 */
int privileges_keep(const int *capabilities, size_t count) __must_check;

#endif /* SLUICE_PRIVILEGES_H */
