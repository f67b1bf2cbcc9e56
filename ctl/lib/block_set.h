/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set, changed in place: what is done takes effect at once, for each prefix by
 * itself. The trie holds it exactly; summaries in front of it are kept so that they never
 * say anything else, whenever the writer dies.
 */
#ifndef SLUICE_BLOCK_SET_H
#define SLUICE_BLOCK_SET_H

#include "dataplane.h"

struct block_set {
	struct dataplane *dp;
	__u64 *kinds; /* sluice_block_kinds, mapped */
	size_t bytes;
};

struct block_entry {
	struct prefix prefix;
	bool allow;	/* an exception: not blocked, whatever is around it */
	__u64 until_ns; /* CLOCK_MONOTONIC; 0: for ever */
};

/* Needs the lock. */
int block_set_open(struct block_set *set, struct dataplane *dp) __must_check;
void block_set_close(struct block_set *set);
/* Idempotent; what the same prefix was before is replaced. -ENOSPC: the set is full. */
int block_set_add(struct block_set *set, const struct block_entry *entry) __must_check;
/* -ENOENT: not in the set. */
int block_set_del(struct block_set *set, const struct prefix *prefix) __must_check;
/* Calls `each` for what is in the set and in force, until it returns not 0, which is returned. */
int block_set_each(const struct dataplane *dp,
		   int (*each)(const struct block_entry *entry, void *data), void *data);

/* CLOCK_MONOTONIC, in nanoseconds: of until_ns. */
__u64 block_set_now_ns(void);

#endif /* SLUICE_BLOCK_SET_H */
