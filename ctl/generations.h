/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A session's side of the store: each publication becomes a generation there, and, unless
 * it is ephemeral, what a boot restores.
 *
 * What a boot is to restore is written before the publication, under a name of its own, and
 * renamed behind it. Whoever dies in between leaves a file that tells the next writer its
 * generation: in force, it becomes the boot's; else it is removed.
 */
#ifndef SLUICE_CTL_GENERATIONS_H
#define SLUICE_CTL_GENERATIONS_H

#include "session.h"
#include "store.h"

/* Finishes what a writer that was killed left. For sessions that hold the lock. */
void generations_heal(struct session *session);

/*
 * If ephemeral changes are in force, or the next one is, what a boot restores differs: it is
 * kept in session->boot, so that a lasting change can be made there, too.
 */
int generations_load_boot(struct session *session, bool ephemeral) __must_check;

/* Around a publication. A store that cannot be written is warned of, and stops nothing. */
void generations_prepare(struct session *session);
void generations_finish(struct session *session);
void generations_abandon(struct session *session);

/* The generation in force was taken back, as it could not be completed. */
void generations_undone(const struct session *session, unsigned number);

/* Stores the configuration in force, which no command of now made. */
void generations_note(struct session *session, const char *by);

/* What waited is to stay, and to be what a boot restores. */
void generations_confirmed(struct session *session);

/* A stored configuration, parsed; *out is valid only with EXIT_OK. */
int generations_read(struct session *session, unsigned number, struct cluster *out);

#endif /* SLUICE_CTL_GENERATIONS_H */
