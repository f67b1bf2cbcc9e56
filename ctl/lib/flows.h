/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flows that a node remembers: those of firewalls (sluice_flows) and of balancers
 * (sluice_conns4, sluice_conns6), in one shape, with the names of what they belong to.
 */
#ifndef SLUICE_FLOWS_H
#define SLUICE_FLOWS_H

#include "dataplane.h"

struct flow {
	bool of_balancer;		/* else of a firewall's table */
	bool has_client, has_server;	/* a VIP that is a prefix does not tell its addresses */
	struct endpoint client, server; /* who opened it, and what it was opened to */
	int proto;
	enum sluice_flow_state state;
	unsigned left_s; /* until it is forgotten, if no packet comes */
	unsigned rule;	 /* id of the rule that accepted it, or SLUICE_NONE */
	unsigned port;	 /* slot of the interface that its opener came in by, or SLUICE_NONE */
	const struct vip *vip;	       /* NULL: none, or it is no more */
	const struct service *service; /* of the model that was given */
	const struct backend *backend;
	/* for flow_kill() */
	struct sluice_flow_key key;
	__u64 *at, value;
};

/* Not 0: enough, which flows_walk() returns. */
typedef int flow_function(void *context, const struct flow *flow);

/*
 * Calls `each` for every flow that is not over. Packets go on meanwhile: a flow that comes or
 * goes during the walk may be told or not, and no other is told twice.
 */
int flows_walk(const struct dataplane *dp, const struct cluster *cluster, flow_function *each,
	       void *context) __must_check;

/*
 * Forgets it, from within `each`, with the lock: its next packet is that of a new flow. -ENOENT: it has ended
 * or moved on since it was read.
 */
int flow_kill(const struct dataplane *dp, const struct flow *flow) __must_check;

#endif /* SLUICE_FLOWS_H */
