/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The way to a backend, remembered for a moment: asking the kernel's routing
 * table costs more than all the rest of a balanced packet.
 *
 * One cache for each program and CPU, so that no packet sees another's half written
 * entry, and `lbctl trace` leaves none behind. An entry lives ten milliseconds: a
 * route, a neighbour or an MTU that changed is seen that soon, far below a
 * retransmission.
 */
#ifndef SLUICE_BPF_HOP_CACHE_H
#define SLUICE_BPF_HOP_CACHE_H

#include "route.h"

#define HOP_CACHE_ENTRIES 1024 /* a power of two; backends that share one ask more often */
#define HOP_CACHE_LIFE_NS (10 * 1000 * 1000ULL)

struct hop_entry {
	__u64 expires_ns;
	__u32 slot; /* of the backend, */
	__u32 incarnation;
	__u32 is_v6; /* and the family of the address that the hop leads to */
	struct next_hop hop;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOP_CACHE_ENTRIES);
	__type(key, __u32);
	__type(value, struct hop_entry);
} sluice_hops SEC(".maps");

/*
 * As find_next_hop() towards a backend of `slot` and `incarnation`, asking it when
 * the answer is not known. *hop stays good for this packet.
 */
static __always_inline enum sluice_outcome
find_backend_hop(struct xdp_md *ctx, struct packet *pkt, const struct tuple *tuple, __u32 length,
		 __u32 slot, __u32 incarnation, __u64 now_ns, const struct next_hop **hop)
{
	__u32 is_v6 = !addr_is_v4(&tuple->dst);
	__u32 index = (slot * 2 + is_v6) & (HOP_CACHE_ENTRIES - 1);
	struct hop_entry *entry = bpf_map_lookup_elem(&sluice_hops, &index);
	enum sluice_outcome outcome;

	if (!entry)
		return SLUICE_INTERNAL;
	*hop = &entry->hop;
	if (!config.trace && entry->expires_ns > now_ns && entry->slot == slot &&
	    entry->incarnation == incarnation && entry->is_v6 == is_v6 && entry->hop.mtu >= length)
		return SLUICE_CONTINUE;
	entry->expires_ns = 0;
	outcome = find_next_hop(ctx, pkt, tuple, length, &entry->hop);
	if (outcome)
		return outcome;
	entry->slot = slot;
	entry->incarnation = incarnation;
	entry->is_v6 = is_v6;
	entry->expires_ns = now_ns + HOP_CACHE_LIFE_NS;
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_HOP_CACHE_H */
