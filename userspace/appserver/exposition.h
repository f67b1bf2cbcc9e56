/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Metrics of sluice-app. */
#ifndef SLUICE_APP_EXPOSITION_H
#define SLUICE_APP_EXPOSITION_H

#include <stdio.h>

#include "process.h"

/* For struct process_daemon. */
void app_expose(FILE *out, const struct worker *monitor, const uint64_t *counters,
		const uint64_t *gauges);

#endif /* SLUICE_APP_EXPOSITION_H */
