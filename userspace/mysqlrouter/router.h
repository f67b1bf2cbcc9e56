/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A worker of the router, for struct process_daemon. */
#ifndef SLUICE_MYSQL_ROUTER_H
#define SLUICE_MYSQL_ROUTER_H

#include "process.h"

int router_start(struct worker *worker);
void router_accepted(struct worker *worker, int fd, const struct process_listener *listener,
		     const struct sockaddr_storage *peer);
/*
 * For a new generation sessions stay, as long as `drain` lets them. When the
 * daemon ends, they are closed as soon as they are between transactions.
 */
void router_drain(struct worker *worker);

#endif /* SLUICE_MYSQL_ROUTER_H */
