/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Last words of a worker: which request it was running when it crashed.
 */
#ifndef SLUICE_APP_CRASH_H
#define SLUICE_APP_CRASH_H

#include "compiler.h"

/* From now on a fatal signal is logged before it ends the process, as it would anyway. */
int crash_report_requests(void) __must_check;

#endif /* SLUICE_APP_CRASH_H */
