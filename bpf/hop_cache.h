/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The way to a backend, remembered for a moment: asking the kernel's routing
 * table costs more than all the rest of a balanced packet.
 *
 * One cache for each program and CPU, so that no packet sees another's half written
 * entry, and `lbctl trace` leaves none behind. An entry lives ten milliseconds: a
 * route, a neighbour or an MTU that changed is seen that soon, far below a
 * retransmission. It holds the headers of what goes there too, so a new generation of
 * the configuration ends it.
 */
#ifndef SLUICE_BPF_HOP_CACHE_H
#define SLUICE_BPF_HOP_CACHE_H

#include "route.h"
#include "tunnel.h"

#define HOP_CACHE_ENTRIES 1024 /* a power of two; backends that share one ask more often */

struct hop_entry {
	__u64 expires; /* jiffies */
	__u32 slot;    /* of the backend, */
	__u32 incarnation;
	__u32 generation; /* of the configuration */
	struct next_hop hop;
	__u8 inner_v6; /* family of the packets that go there ... */
	__u8 outer_v6; /* ... and of the address that they go to */
	__u8 forward;  /* enum sluice_forward */
	__u8 pad;
	__u32 overhead;		     /* bytes of the tunnel's headers */
	struct tunnel_header header; /* without a tunnel: the link header alone */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOP_CACHE_ENTRIES);
	__type(key, __u32);
	__type(value, struct hop_entry);
} sluice_hops SEC(".maps");

/* What an entry is for. */
struct hop_key {
	__u64 now; /* jiffies */
	__u32 slot;
	__u32 incarnation;
	__u32 generation;
	__u8 inner_v6;
	__u8 pad[3];
};

static __always_inline int is_tunnelled(__u8 forward)
{
	return forward == SLUICE_FORWARD_IPIP || forward == SLUICE_FORWARD_GUE;
}

/* Ten milliseconds, and two jiffies at least: one may end at once. */
static __always_inline __u64 hop_life(void)
{
	return config.hz / 100 + 1;
}

static __always_inline struct hop_entry *hop_entry(const struct hop_key *key)
{
	__u32 index = (key->slot * 2 + key->inner_v6) & (HOP_CACHE_ENTRIES - 1);

	return bpf_map_lookup_elem(&sluice_hops, &index);
}

static __always_inline int hop_is_good(const struct hop_entry *entry, const struct hop_key *key,
				       __u32 length)
{
	return entry->expires > key->now && entry->slot == key->slot &&
	       entry->incarnation == key->incarnation && entry->generation == key->generation &&
	       entry->inner_v6 == key->inner_v6 && entry->hop.mtu >= length;
}

static __always_inline void hop_fill(struct hop_entry *entry, const struct hop_key *key,
				     const struct tuple *towards, __u8 forward)
{
	__builtin_memset(&entry->header, 0, sizeof(entry->header));
	__builtin_memcpy(entry->header.eth.h_dest, entry->hop.dmac, ETH_ALEN);
	__builtin_memcpy(entry->header.eth.h_source, entry->hop.smac, ETH_ALEN);
	entry->outer_v6 = !addr_is_v4(&towards->dst);
	entry->forward = forward;
	entry->overhead = 0;
	if (is_tunnelled(forward)) {
		entry->overhead = tunnel_overhead(towards);
		make_outer(&entry->header, towards);
	} else {
		entry->header.eth.h_proto =
			entry->outer_v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	}
	entry->slot = key->slot;
	entry->incarnation = key->incarnation;
	entry->generation = key->generation;
	entry->inner_v6 = key->inner_v6;
	entry->expires = key->now + hop_life();
}

/*
 * As find_next_hop() towards a backend, asking it when the answer is not known.
 * *found stays good for this packet.
 */
static __always_inline enum sluice_outcome
find_backend_hop(struct xdp_md *ctx, struct arrival arrival, const struct tuple *towards,
		 __u8 forward, __u32 length, const struct hop_key *key,
		 const struct hop_entry **found)
{
	struct hop_entry *entry = hop_entry(key);
	enum sluice_outcome outcome;

	if (!entry)
		return SLUICE_INTERNAL;
	*found = entry;
	if (!config.trace && hop_is_good(entry, key, length))
		return SLUICE_CONTINUE;
	entry->expires = 0;
	outcome = find_next_hop(ctx, arrival, towards, length, &entry->hop);
	if (!outcome)
		hop_fill(entry, key, towards, forward);
	return outcome;
}

static __always_inline enum sluice_outcome put_link_header(struct xdp_md *ctx,
							   const struct ethhdr *header)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return SLUICE_INTERNAL;
	*eth = *header;
	return SLUICE_CONTINUE;
}

/* Link header and, with a tunnel, outer headers; then out of the interface. */
static __always_inline enum sluice_outcome
send_to_hop(struct xdp_md *ctx, const struct hop_entry *hop, const struct tunnelled *packet)
{
	enum sluice_outcome outcome;

	switch (hop->forward) {
	case SLUICE_FORWARD_IPIP:
		outcome = hop->outer_v6 ? encapsulate_v6(ctx, &hop->header, packet, 0)
					: encapsulate_v4(ctx, &hop->header, packet, 0);
		break;
	case SLUICE_FORWARD_GUE:
		outcome = hop->outer_v6 ? encapsulate_v6(ctx, &hop->header, packet, 1)
					: encapsulate_v4(ctx, &hop->header, packet, 1);
		break;
	default:
		outcome = put_link_header(ctx, &hop->header.eth);
	}
	return outcome ? outcome : transmit(ctx, hop->hop.ifindex);
}

#endif /* SLUICE_BPF_HOP_CACHE_H */
