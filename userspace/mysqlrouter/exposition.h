/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the router has to tell at /metrics. */
#ifndef SLUICE_MYSQL_EXPOSITION_H
#define SLUICE_MYSQL_EXPOSITION_H

#include <stdio.h>

#include "process.h"

/* For struct process_daemon. */
void exposition_write(FILE *out, const struct worker *monitor, const uint64_t *counters,
		      const uint64_t *gauges);

#endif /* SLUICE_MYSQL_EXPOSITION_H */
