/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Checks every backend of the roster at its service's interval, and turns the
 * results into the own view. Checks of different backends are spread in time;
 * each interval varies by a tenth, so that balancers do not check in step.
 */
#ifndef SLUICE_AGENT_CHECKER_H
#define SLUICE_AGENT_CHECKER_H

#include "roster.h"

struct checker {
	struct loop *loop;
	SSL_CTX *tls;
	/* Called when the own view of a backend changed. */
	void (*changed)(struct checker *checker, struct backend_state *backend);
};

int checker_init(struct checker *checker, struct loop *loop,
		 void (*changed)(struct checker *, struct backend_state *)) __must_check;
void checker_fini(struct checker *checker);

/*
 * Follows a new roster: begins to check what is new, lets the other checks go on
 * (in their new way, from the next one), stops those of services without check.
 */
int checker_start(struct checker *checker, struct roster *roster) __must_check;
/* Stops every check of the roster, whose states may be freed then. */
void checker_stop(struct roster *roster);

#endif /* SLUICE_AGENT_CHECKER_H */
