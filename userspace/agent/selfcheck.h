/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether this node can do what it announces: on every interface with roles
 * the program is attached, the link is up, and forwarding is on for the
 * families that it has addresses of (bpf_fib_lookup needs it).
 */
#ifndef SLUICE_AGENT_SELFCHECK_H
#define SLUICE_AGENT_SELFCHECK_H

#include "model.h"

#define SELFCHECK_REASON_BYTES 96

/*
 * What the last look at each interface found. libxdp 1.3 leaks a descriptor
 * per look at a program, so it is asked only when the program's id changed.
 */
struct selfcheck {
	struct {
		unsigned ifindex, prog_id; /* 0: not looked at yet */
		bool ours;
	} seen[SLUICE_MAX_PORTS];
};

/* True if all is well; otherwise `reason` says what is not. */
bool selfcheck_run(struct selfcheck *check, const struct node *node,
		   char reason[SELFCHECK_REASON_BYTES]);

#endif /* SLUICE_AGENT_SELFCHECK_H */
