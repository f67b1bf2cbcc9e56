/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Between the roster and the data plane: what health is in force there, and how
 * a change of what was agreed gets there. The lock is held for that moment
 * only, and never waited for.
 */
#ifndef SLUICE_AGENT_PUBLISH_H
#define SLUICE_AGENT_PUBLISH_H

#include "dataplane.h"
#include "roster.h"

/*
 * Looks up every backend's slot and the health in force. A backend that is new
 * to the agent begins with that health, so that a restart changes nothing.
 */
void publish_adopt(struct roster *roster, const struct dataplane *dp,
		   const struct cluster *cluster);

/*
 * Puts in force what was agreed and is not yet applied. -EBUSY: somebody else
 * is writing; -EAGAIN: the configuration is no longer `generation`; both are to
 * be tried again.
 */
int publish_health(struct roster *roster, const struct cluster *cluster, const char *node,
		   unsigned generation) __must_check;

#endif /* SLUICE_AGENT_PUBLISH_H */
