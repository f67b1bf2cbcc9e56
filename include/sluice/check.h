/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The contract between the agent and its program for health checks (bpf/check.bpf.c): how
 * a check gets to a VIP at one backend. Nothing of it is pinned or outlives the agent.
 */
#ifndef SLUICE_CHECK_H
#define SLUICE_CHECK_H

#include "abi.h"

/* Of a socket that is connected to some address in place of the VIP. */
struct sluice_check_way {
	struct sluice_addr vip;	    /* of the same family as the socket */
	struct sluice_addr backend; /* outer destination of a tunnel, of any family */
	struct sluice_addr source;  /* outer source if the backend's family is another one */
	__be16 vip_port;
	__be16 gue_port;
	__u8 forward; /* enum sluice_forward */
	__u8 taken;   /* 1: packets of the socket went this way; set by the program */
	__u8 pad[2];
};

/* A flow as seen from the balancer. */
struct sluice_check_flow {
	struct sluice_addr local;
	struct sluice_addr remote;
	__be16 local_port;
	__be16 remote_port;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad[3];
};

/* What a socket calls its peer. */
struct sluice_check_peer {
	struct sluice_addr addr;
	__be16 port;
	__u8 pad[2];
};

_Static_assert(sizeof(struct sluice_check_flow) == 40, "ABI");
_Static_assert(sizeof(struct sluice_check_peer) == 20, "ABI");
_Static_assert(sizeof(struct sluice_check_way) == 56, "ABI");

#endif /* SLUICE_CHECK_H */
