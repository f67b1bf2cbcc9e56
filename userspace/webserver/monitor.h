/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The monitor of sluice-web: checks of the upstreams, and metrics.
 */
#ifndef SLUICE_WEB_MONITOR_H
#define SLUICE_WEB_MONITOR_H

#include "process.h"

/* For struct process_daemon. */
int web_monitor_start(struct worker *monitor);
void web_expose(FILE *out, const struct worker *monitor, const uint64_t *counters,
		const uint64_t *gauges);

#endif /* SLUICE_WEB_MONITOR_H */
