/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set: sources that are dropped before any rule or flow. A summary of two bits
 * answers nearly all packets; the rest asks for the addresses of a /24, and only what is
 * not settled there, because of an allowed prefix or of a time, goes to the trie.
 */
#ifndef SLUICE_BPF_BLOCK_H
#define SLUICE_BPF_BLOCK_H

#include "maps.h"
#include "packet.h"

#define BLOCK_NESTED_EXPIRED 8 /* expired prefixes that may lie above one that counts */

static __always_inline __u32 block_kind(const struct sluice_addr *src, int is_v6)
{
	__u32 at = is_v6 ? sluice_block_summary6(bpf_ntohl(src->words[0]))
			 : bpf_ntohl(src->words[3]) >> 8;
	__u32 word = at / SLUICE_BLOCK_KINDS_PER_WORD;
	const __u64 *kinds = bpf_map_lookup_elem(&sluice_block_kinds, &word);

	if (!kinds)
		return SLUICE_BLOCK_EXACT;
	return *kinds >> at % SLUICE_BLOCK_KINDS_PER_WORD * 2 & 3;
}

/* The longest prefix that is in force decides. */
static __always_inline int is_blocked_exactly(const struct sluice_addr *src, __u64 now_ns)
{
	struct sluice_lpm_key key = {.bits = 128, .addr = *src};
	__u32 shortest = addr_is_v4(src) ? SLUICE_V4_PREFIX_BITS : 0;
	int i;

#pragma unroll
	for (i = 0; i < BLOCK_NESTED_EXPIRED; i++) {
		const struct sluice_block *found = bpf_map_lookup_elem(&sluice_block, &key);

		/* A short IPv6 prefix, as ::/0, holds mapped addresses, but does not mean them. */
		if (!found || found->bits < shortest)
			return 0;
		if (!found->until_ns || found->until_ns > now_ns)
			return !found->allow;
		if (!found->bits)
			return 0;
		key.bits = found->bits - 1;
	}
	return 0;
}

/* Whether a source is blocked that the summary does not settle. */
static __attribute__((noinline)) int is_blocked_at(const struct sluice_addr *src, __u32 kind)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns();
	__u32 last = bpf_ntohl(src->words[3]), network = last >> 8;
	const struct sluice_block_group *group;

	if (kind == SLUICE_BLOCK_PART) {
		group = bpf_map_lookup_elem(&sluice_block_groups, &network);
		if (group && (!group->until_ns || group->until_ns > now_ns))
			return group->bits[last >> 6 & 3] >> (last & 63) & 1;
	}
	return is_blocked_exactly(src, now_ns);
}

static __always_inline int is_blocked(const struct sluice_addr *src, int is_v6)
{
	__u32 kind = block_kind(src, is_v6);

	if (kind == SLUICE_BLOCK_NONE || kind == SLUICE_BLOCK_FULL)
		return kind == SLUICE_BLOCK_FULL;
	return is_blocked_at(src, kind);
}

#endif /* SLUICE_BPF_BLOCK_H */
