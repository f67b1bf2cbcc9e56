/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Next hops kept resolved. The XDP program can only forward to a neighbour
 * whose link address the kernel knows, and nothing else would ask for it. So
 * gateways, other nodes on the same network and on-link backends become
 * managed neighbours (NTF_EXT_MANAGED, Linux 5.16): the kernel itself keeps
 * them resolved, with or without the agent. Next hops that packets missed
 * (sluice_misses) are added as they are met, and dropped again when nobody
 * answers, so that a scan of a network leaves nothing behind.
 */
#ifndef SLUICE_AGENT_NEIGHBOUR_H
#define SLUICE_AGENT_NEIGHBOUR_H

#include "loop.h"
#include "model.h"

#define NEIGHBOUR_MISS_POLL_NS (50 * NS_PER_MS)
#define NEIGHBOUR_REFRESH_NS   (5 * NS_PER_SEC)
#define NEIGHBOUR_GIVE_UP_NS   (10 * NS_PER_SEC)
#define NEIGHBOUR_MAX	       SLUICE_MAX_MISSES /* learnt from packets */

struct nl_sock;

struct neighbour {
	struct sluice_addr addr;
	unsigned ifindex;
	bool learnt;		   /* from a packet or an earlier run, not from configuration */
	bool present;		   /* seen in the last dump */
	bool managed;		   /* the kernel keeps it resolved, or it is permanent */
	bool reported;		   /* its failure was logged */
	uint64_t failing_since_ns; /* 0: not failing */
	uint64_t solicited_ns;	   /* last asked for because of a miss */
};

struct neighbour_port {
	unsigned ifindex; /* 0: the interface is not there, or has no program of ours below it */
	unsigned roles;	  /* of a VLAN device: those of the interface that it is on */
	const struct interface *interface; /* borrowed from the cluster in force */
};

struct neighbours {
	struct loop *loop;
	struct nl_sock *sock;	 /* requests */
	struct nl_sock *changes; /* notifications of route changes */
	struct loop_watch watch; /* on changes */
	struct loop_timer poll, refresh;
	bool routes_changed;
	int misses_fd, vlans_fd; /* -1: no data plane */

	const struct cluster *cluster; /* borrowed */
	const struct node *node;
	struct neighbour_port ports[SLUICE_MAX_PORTS];
	size_t port_count;
	struct neighbour *list;
	size_t count;
	uint64_t misses; /* packets */
};

int neighbours_init(struct neighbours *neighbours, struct loop *loop) __must_check;
void neighbours_fini(struct neighbours *neighbours);

/*
 * Follows a configuration, which must stay valid until the next call or
 * neighbours_pause(). pin_dir: where the node's maps are.
 */
void neighbours_configure(struct neighbours *neighbours, const struct cluster *cluster,
			  const struct node *node, const char *pin_dir);
/* Lets go of the data plane and the configuration. */
void neighbours_pause(struct neighbours *neighbours);

#endif /* SLUICE_AGENT_NEIGHBOUR_H */
