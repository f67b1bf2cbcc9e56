/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Findings about a host as text and JSON: for `host` and `doctor`. */
#ifndef SLUICE_CTL_HOST_VIEW_H
#define SLUICE_CTL_HOST_VIEW_H

#include "host.h"
#include "session.h"

unsigned host_view_count(const struct host_report *report, enum host_severity severity);
/* [{"severity", "finding", "fix"}]; NULL: out of memory. */
json_t *host_view_json(const struct host_report *report);
/* Prints the report of session's node. Returns an exit code. */
int host_view_print(const struct session *session, const struct host_report *report);

#endif /* SLUICE_CTL_HOST_VIEW_H */
