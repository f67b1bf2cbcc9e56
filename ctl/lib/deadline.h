/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Changes that wait for a confirmation: see bpf/deadline.bpf.c and docs/adr. The record and
 * the timer are made, and pinned with the node's maps, when the first change waits.
 */
#ifndef SLUICE_DEADLINE_H
#define SLUICE_DEADLINE_H

#include "dataplane.h"

/* A copy of the record; all zero: no change ever waited. */
int deadline_read(const struct dataplane *dp, struct sluice_deadline *out) __must_check;

/* Whether the generation in force waits. */
bool deadline_is_armed(const struct dataplane *dp);
/* Seconds that are left, at least 1 while it waits. */
unsigned deadline_left_s(const struct sluice_deadline *deadline);

/*
 * Starts the time of dp->confirm_s: if it is over, and the generation's word is `armed`
 * then, it becomes `back`. Called before the word turns to `armed`.
 */
int deadline_arm(const struct dataplane *dp, __u64 armed, __u64 back) __must_check;

/*
 * The time begins anew, now that all is done that waits for it: loading programs may take
 * long. Should this be cut off, the time that runs already is over all the same.
 */
int deadline_renew(const struct dataplane *dp) __must_check;

/* From one state to another, if nobody was faster. */
bool deadline_move(const struct dataplane *dp, enum sluice_deadline_state from,
		   enum sluice_deadline_state to);

/* Does at once what the timer would do. False: nothing waits. */
bool deadline_turn_back(const struct dataplane *dp);

/* Lets go of rings that only the generation before had. */
void deadline_drop_rings(const struct dataplane *dp);

#endif /* SLUICE_DEADLINE_H */
