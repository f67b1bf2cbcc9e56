/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The monitor's part of the router: checks every server all the time and puts
 * what it finds on the board: health, role, replication, lag, positions.
 */
#ifndef SLUICE_MYSQL_MONITOR_H
#define SLUICE_MYSQL_MONITOR_H

#include "process.h"

/* For struct process_daemon. */
int monitor_start(struct worker *worker);

#endif /* SLUICE_MYSQL_MONITOR_H */
