/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VIP announcement: a route for each address or prefix of an announced service in
 * kernel table ANNOUNCE_TABLE, which no rule consults: only the BGP daemon
 * reads it (docs/adr/0003). The metric says how the node is. A change puts the
 * new route in before it takes the old one out, so the daemon never sees none.
 *
 * Routes stay when the agent ends or dies; they go only when the configuration
 * no longer announces the address, or with announce_withdraw().
 */
#ifndef SLUICE_AGENT_ANNOUNCE_H
#define SLUICE_AGENT_ANNOUNCE_H

#include "loop.h"
#include "model.h"

#define ANNOUNCE_TABLE	     200
#define ANNOUNCE_METRIC_GOOD 100
#define ANNOUNCE_METRIC_BAD  1000
#define ANNOUNCE_NONE	     0		      /* no route */
#define ANNOUNCE_HOLD_NS     NS_PER_SEC	      /* well for so long before the metric improves */
#define ANNOUNCE_READ_NS     NS_PER_SEC	      /* how soon a route that others removed is missed */
#define ANNOUNCE_WITHDRAW_NS (2 * NS_PER_SEC) /* bad for so long before it is gone */

struct nl_sock;

struct announced {
	struct prefix vip; /* of all its bits: one address */
	unsigned metric;   /* of the best route in the kernel; ANNOUNCE_NONE */
	bool others;	   /* there are more routes of ours for it */
	bool wanted;
	bool failing;		/* the last attempt to write it failed: logged */
	uint64_t good_since_ns; /* 0: not good now */
};

struct announcer {
	struct nl_sock *sock;
	struct announced *vips;
	size_t count;
	uint64_t read_ns; /* when announcer_mend() last read the routes; 0: never */
};

int announcer_init(struct announcer *announcer) __must_check;
void announcer_fini(struct announcer *announcer);

/* Reads the routes that are there: those of an earlier run are taken over. */
int announcer_refresh(struct announcer *announcer) __must_check;

/* What is to be announced from now on; other routes of ours are removed. */
int announcer_configure(struct announcer *announcer, const struct cluster *cluster,
			const struct node *node) __must_check;

/*
 * Now and then reads the routes again, for others remove them, too (systemd-networkd
 * does when it starts); announcer_set() then puts back what is missing.
 */
int announcer_mend(struct announcer *announcer, uint64_t now_ns) __must_check;

/*
 * Announces `vip` as good or bad. `reason` is logged when the metric changes.
 * A bad one that is good now waits ANNOUNCE_HOLD_NS first.
 */
void announcer_set(struct announcer *announcer, struct announced *vip, bool good,
		   const char *reason, uint64_t now_ns);

/* First tells routers to leave (metric bad, for ANNOUNCE_WITHDRAW_NS), then removes all routes. */
int announce_withdraw(void) __must_check;

#endif /* SLUICE_AGENT_ANNOUNCE_H */
