/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How balancers agree on the health of a service's backends: every one of them
 * computes the same function of the same views (docs/adr/0004). No time, no I/O.
 *
 * An observer that sees no usable backend at all is "blind": more likely its
 * own network is at fault, so it is not believed unless all are blind.
 */
#ifndef SLUICE_AGENT_AGREEMENT_H
#define SLUICE_AGENT_AGREEMENT_H

#include <stdbool.h>
#include <stddef.h>

enum opinion { OPINION_NONE, OPINION_UP, OPINION_DOWN };

/* The view of one observer that was heard lately (the own one included). */
struct observer {
	bool blind;
	const unsigned char *opinions; /* enum opinion, by backend */
};

/*
 * Sets up[i] for each backend: it is down if any observer that is not blind sees it down;
 * if all are blind, they are believed. Who serves when too few are up is the schedule's
 * decision (ctl/lib/schedule.h), and the same on every balancer, too.
 */
void agreement_merge(const struct observer *observers, size_t observer_count, size_t backend_count,
		     bool *up);

#endif /* SLUICE_AGENT_AGREEMENT_H */
