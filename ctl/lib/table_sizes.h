/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tables whose size is a setting: `limits` of the cluster file. A size counts when a
 * node's tables are made. One list is the structure, the keys of the file, and what the maps
 * are made with.
 */
#ifndef SLUICE_TABLE_SIZES_H
#define SLUICE_TABLE_SIZES_H

#include "sluice/abi.h"

/* X(member, key, default, least, most): entries. Connections: 0 is twice the flows. */
#define TABLE_SIZES(X)                                                                             \
	X(flows, "flows", 262144, 16, 1U << 26)                                                    \
	X(connections, "connections", 0, 16, 1U << 27)                                             \
	X(sources, "sources", 131072, 16, 1U << 26)                                                \
	X(blocks, "blocks", SLUICE_MAX_BLOCKS, 16, 1U << 24)                                       \
	X(fragments, "fragments", SLUICE_MAX_NOTES, 16, 1U << 24)                                  \
	X(next_hops, "next-hops", SLUICE_MAX_MISSES, 16, 1U << 20)

struct table_sizes {
#define TABLE_SIZE_MEMBER(member, key, normal, least, most) unsigned member;
	TABLE_SIZES(TABLE_SIZE_MEMBER)
#undef TABLE_SIZE_MEMBER
};

static const struct table_sizes table_sizes_default = {
#define TABLE_SIZE_DEFAULT(member, key, normal, least, most) .member = (normal),
	TABLE_SIZES(TABLE_SIZE_DEFAULT)
#undef TABLE_SIZE_DEFAULT
};

/* With defaults for what is 0. */
static inline struct table_sizes table_sizes_settle(const struct table_sizes *sizes)
{
	struct table_sizes out = table_sizes_default;

#define TABLE_SIZE_SETTLE(member, key, normal, least, most)                                        \
	if (sizes && sizes->member)                                                                \
		out.member = sizes->member;
	TABLE_SIZES(TABLE_SIZE_SETTLE)
#undef TABLE_SIZE_SETTLE
	/* Entries for twice as many: few buckets of four then have to hold more. */
	if (!out.connections)
		out.connections = 2 * out.flows;
	return out;
}

#endif /* SLUICE_TABLE_SIZES_H */
