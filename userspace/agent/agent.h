/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The agent of one node. It owns no state that packets need: it follows the
 * configuration in force in the node's pinned maps, and what it finds out it
 * writes back there, to routes and to the neighbour roster. Killed at any time,
 * it leaves all of that as it is.
 */
#ifndef SLUICE_AGENT_H
#define SLUICE_AGENT_H

#include <sys/types.h>

#include "announce.h"
#include "check_board.h"
#include "checker.h"
#include "dataplane.h"
#include "scrape.h"
#include "exchange.h"
#include "loop.h"
#include "neighbour.h"
#include "vlans.h"
#include "selfcheck.h"
#include "roster.h"

#define AGENT_TICK_NS (200 * NS_PER_MS) /* how soon a new configuration is seen */

struct agent {
	struct loop loop;
	char node_name[SLUICE_NAME_LEN];
	int lock_fd; /* one agent per node */

	bool opened; /* dp is valid */
	struct dataplane dp;
	ino_t pin_inode; /* of sluice_control: another one means another data plane */
	int last_error;	 /* of opening or loading, as logged */

	bool configured; /* cluster and node are valid */
	unsigned generation;
	struct cluster cluster;
	const struct node *node; /* NULL: the configuration has no such node */

	struct roster roster;
	struct check_path check_path;
	struct checker checker;
	struct check_board check_board;
	struct exchange exchange;
	struct announcer announcer;
	struct neighbours neighbours;
	struct vlans vlans;
	struct scrape_server scrape;

	struct selfcheck selfcheck;
	bool well; /* by the last self check */
	char reason[SELFCHECK_REASON_BYTES];
	uint64_t publish_failures;

	struct loop_timer tick, act, watchdog;
	struct loop_watch signals;
};

/* Takes the node's agent lock: -EBUSY if another agent runs. */
int agent_init(struct agent *agent, const char *node_name) __must_check;
/* Runs until SIGTERM or SIGINT. */
int agent_run(struct agent *agent) __must_check;
void agent_fini(struct agent *agent);

/* The lock that agent_init() takes, by itself: returns a descriptor or -errno. */
int agent_lock(const char *node_name) __must_check;

#endif /* SLUICE_AGENT_H */
