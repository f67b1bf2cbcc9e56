/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set beyond a reboot: each block and unblock is a line of a file, and a boot does
 * them again, one after the other.
 */
#ifndef SLUICE_CTL_BLOCKS_H
#define SLUICE_CTL_BLOCKS_H

#include "block_set.h"
#include "session.h"

/* Notes what was added to the set in the kernel, or left it; warns if it cannot. */
void blocks_note(const struct session *session, const struct block_entry *entry);
void blocks_note_removal(const struct session *session, const struct prefix *prefix);
/* The same of many at once: writes down what is in the set. */
void blocks_note_all(const struct session *session);
/* Fills the set of the kernel, and shortens the file to what is in it. */
int blocks_restore(struct session *session, unsigned *count) __must_check;

#endif /* SLUICE_CTL_BLOCKS_H */
