/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Slow start: a backend that comes up counts with a small share of its weight, which grows in
 * steps to all of it. Clocks of balancers differ, so none of them decides: each tells the
 * others, with its view, how far it has got, and all follow the farthest. A step that one
 * takes, the others take with its next datagram. No I/O here.
 */
#ifndef SLUICE_AGENT_RAMP_H
#define SLUICE_AGENT_RAMP_H

#include "roster.h"

/*
 * Sets the share of every backend, after roster_agree(): the first step while it is not
 * healthy or not usable. True if one changed, for the others to be told.
 */
bool ramp_step(struct roster *roster, uint64_t now_ns);

#endif /* SLUICE_AGENT_RAMP_H */
