/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set beyond a reboot: each block and unblock is a line of a file, and a boot does
 * them again, one after the other.
 */
#ifndef SLUICE_CTL_BLOCKS_H
#define SLUICE_CTL_BLOCKS_H

#include "session.h"

/* Notes what was done to the set in the kernel; warns if it cannot. */
void blocks_note(const struct session *session, const struct prefix *prefix, bool blocked);
/* Fills the set of the kernel, and shortens the file to what is in it. */
int blocks_restore(struct session *session, unsigned *count) __must_check;

#endif /* SLUICE_CTL_BLOCKS_H */
