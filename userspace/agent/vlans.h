/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VLAN devices kept known to the data plane, as they come and go: of what lies below a
 * device, and of its tags, packets know what sluice_vlan_in and sluice_vlan_out say.
 */
#ifndef SLUICE_AGENT_VLANS_H
#define SLUICE_AGENT_VLANS_H

#include "loop.h"

#define VLANS_REFRESH_NS (10 * NS_PER_SEC)

struct nl_sock;

struct vlans {
	struct loop *loop;
	struct nl_sock *changes; /* notifications of links */
	struct loop_watch watch;
	struct loop_timer refresh;
	int in_fd, out_fd; /* -1: no data plane */
	int last_error;	   /* what was told of last */
};

int vlans_init(struct vlans *vlans, struct loop *loop) __must_check;
void vlans_fini(struct vlans *vlans);
/* Follows the maps in this directory, until the next call or vlans_pause(). */
void vlans_configure(struct vlans *vlans, const char *pin_dir);
void vlans_pause(struct vlans *vlans);

#endif /* SLUICE_AGENT_VLANS_H */
