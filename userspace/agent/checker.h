/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Checks every backend of the roster at its service's interval, and turns the
 * results into the own view. Checks of different backends are spread in time,
 * and each interval varies by the service's jitter, so that nothing goes in step.
 * As many run at once as the limit allows; the others wait for their turn.
 */
#ifndef SLUICE_AGENT_CHECKER_H
#define SLUICE_AGENT_CHECKER_H

#include "roster.h"

#define CHECKER_RUNNING_MAX 2048

struct checker {
	struct loop *loop;
	struct check_path *path;
	/* Called when a check of a backend has ended; `changed`: and with it the own view. */
	void (*ended)(struct checker *checker, struct backend_state *backend, bool changed);
	unsigned running, running_max;
	unsigned waiting;
	struct backend_state *first_waiting, **waiting_end;
	struct loop_task begin_waiting;
};

void checker_init(struct checker *checker, struct loop *loop, struct check_path *path,
		  void (*ended)(struct checker *, struct backend_state *, bool changed));

/*
 * Follows a new roster: begins to check what is new, lets the other checks go on
 * (in their new way, from the next one), stops those of services without check.
 */
int checker_start(struct checker *checker, struct roster *roster) __must_check;
/* Stops every check of the roster, whose states may be freed then. */
void checker_stop(struct roster *roster);

#endif /* SLUICE_AGENT_CHECKER_H */
