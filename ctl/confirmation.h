/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A session's side of changes that wait for a confirmation. What the kernel's timer turned
 * back is settled by the next command that opens the node for writing: guards are replaced
 * by plain programs, and the store is told.
 *
 * All functions that return an exit code have printed why it is not EXIT_OK.
 */
#ifndef SLUICE_CTL_CONFIRMATION_H
#define SLUICE_CTL_CONFIRMATION_H

#include "session.h"

/* --confirm of the session's command; 0: none. */
unsigned confirmation_wanted_s(const struct session *session);

/* Seconds that are left of what waits; 0: nothing does. */
unsigned confirmation_left_s(const struct session *session);

/* What waits is complete: its time begins now. */
int confirmation_start(struct session *session);

/* Settles what is over. For sessions that hold the lock. */
void confirmation_settle(struct session *session);

/* Keeps what waits. */
int confirmation_give(struct session *session);

/* Turns back at once what waits. False: nothing does. */
bool confirmation_turn_back(struct session *session);

/* "the generation in force waits", and what to do: for a change that is refused. */
void confirmation_refuse(const struct session *session);

#endif /* SLUICE_CTL_CONFIRMATION_H */
