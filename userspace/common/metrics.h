/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Writes the Prometheus text format, version 0.0.4. Samples of a family follow
 * its head at once; the caller sees to it that no family is written twice.
 */
#ifndef SLUICE_METRICS_H
#define SLUICE_METRICS_H

#include <stdint.h>
#include <stdio.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

/* HELP and TYPE. `name` by the conventions: unit at the end, counters in _total. */
void metrics_family(FILE *out, enum metrics_type type, const char *name, const char *help);

/* One sample; labels are pairs of name and value, ended by NULL. Values are escaped. */
void metrics_uint(FILE *out, const char *name, uint64_t value, ...) __attribute__((sentinel));
void metrics_double(FILE *out, const char *name, double value, ...) __attribute__((sentinel));

/* process_* of the calling process: CPU, memory, descriptors, start. */
void metrics_process(FILE *out);

#endif /* SLUICE_METRICS_H */
