/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Next hops and sending. The kernel's own routing table and neighbours decide;
 * a next hop without a link address is noted for the agent to resolve and the
 * packet dropped, never handed to the stack to be forwarded around the firewall.
 */
#ifndef SLUICE_BPF_ROUTE_H
#define SLUICE_BPF_ROUTE_H

#include "rare.h"

#ifndef AF_INET
#define AF_INET	 2
#define AF_INET6 10
#endif

struct next_hop {
	__u32 ifindex;
	__u16 mtu; /* of the route; 0: not known */
	__u16 pad;
	__u8 dmac[ETH_ALEN];
	__u8 smac[ETH_ALEN];
};

static __always_inline void note_miss(const struct bpf_fib_lookup *fib)
{
	struct sluice_miss_key key = {.ifindex = fib->ifindex};
	struct sluice_miss first = {.packets = 1}, *miss;

	if (config.trace)
		return;
	if (fib->family == AF_INET)
		addr_set_v4(&key.next_hop, fib->ipv4_dst);
	else
		__builtin_memcpy(key.next_hop.bytes, fib->ipv6_dst, sizeof(key.next_hop.bytes));
	miss = bpf_map_lookup_elem(&sluice_misses, &key);
	if (miss)
		__sync_fetch_and_add(&miss->packets, 1);
	else
		bpf_map_update_elem(&sluice_misses, &key, &first, BPF_NOEXIST);
}

static __always_inline enum sluice_outcome fib_outcome(long result, struct bpf_fib_lookup *fib)
{
	switch (result) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		return SLUICE_CONTINUE;
	case BPF_FIB_LKUP_RET_NOT_FWDED: /* local, multicast, or no route: not ours to send */
		return SLUICE_PASS_LOCAL;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return SLUICE_FORWARDING_OFF;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		note_miss(fib);
		return SLUICE_NO_NEIGHBOUR;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return SLUICE_PASS_TOO_BIG;
	default:
		return SLUICE_NO_ROUTE;
	}
}

/* What routing asks of a packet besides its tuple. */
struct arrival {
	__u8 tos;
	__u8 tagged; /* not 0: its VLAN tags were taken off */
};

static __always_inline struct arrival arrival_of(const struct packet *pkt)
{
	return (struct arrival){.tos = pkt->tos, .tagged = pkt->tagged};
}

/* Where the stack would say that the packet came in: of a tagged one, the VLAN device. */
static __always_inline __u32 ingress(const struct xdp_md *ctx, struct arrival arrival)
{
	const struct deferred *note = arrival.tagged ? deferred() : NULL;
	__u32 ifindex = ctx->ingress_ifindex;

	/* clang would load through either pointer by one offset, which a verifier refuses. */
	asm volatile("" : "+r"(ifindex));
	return note ? note->ifindex_in : ifindex;
}

/*
 * The next hop towards `tuple`'s destination for an IP packet of `length` bytes.
 * Ports take part where routes are multipath. PASS_LOCAL: there is none.
 */
static __always_inline enum sluice_outcome find_next_hop(struct xdp_md *ctx, struct arrival arrival,
							 const struct tuple *tuple, __u32 length,
							 struct next_hop *hop)
{
	struct bpf_fib_lookup fib;
	long result;

	__builtin_memset(&fib, 0, sizeof(fib));
	fib.l4_protocol = tuple->proto;
	fib.sport = tuple->sport;
	fib.dport = tuple->dport;
	fib.tot_len = length;
	fib.ifindex = ingress(ctx, arrival);
	if (addr_is_v4(&tuple->dst)) {
		fib.family = AF_INET;
		fib.tos = arrival.tos & 0xfc;
		fib.ipv4_src = tuple->src.words[3];
		fib.ipv4_dst = tuple->dst.words[3];
	} else {
		fib.family = AF_INET6;
		__builtin_memcpy(fib.ipv6_src, tuple->src.bytes, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, tuple->dst.bytes, sizeof(fib.ipv6_dst));
	}
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	trace(SLUICE_STEP_ROUTE, result, fib.ifindex);
	hop->ifindex = fib.ifindex;
	hop->mtu = fib.mtu_result;
	__builtin_memcpy(hop->dmac, fib.dmac, ETH_ALEN);
	__builtin_memcpy(hop->smac, fib.smac, ETH_ALEN);
	return fib_outcome(result, &fib);
}

static __always_inline enum sluice_outcome transmit_on(struct xdp_md *ctx, __u32 ifindex)
{
	if (ifindex == ctx->ingress_ifindex)
		return SLUICE_TX;
	if (bpf_redirect_map(&sluice_txports, ifindex, 0) != XDP_REDIRECT)
		return SLUICE_NOT_ATTACHED;
	capture_note_way_out(ifindex);
	return SLUICE_REDIRECT;
}

/* The same, of an interface that may be a VLAN device. */
static __always_inline enum sluice_outcome transmit(struct xdp_md *ctx, __u32 ifindex)
{
	enum sluice_outcome outcome = transmit_on(ctx, ifindex);
	struct deferred *note = outcome == SLUICE_NOT_ATTACHED ? deferred() : NULL;

	if (!note)
		return outcome;
	note->ifindex_out = ifindex;
	return defer_to(SLUICE_STAGE_TAG);
}

/* Writes the link header of a frame whose IP header is in place, and sends it. */
static __always_inline enum sluice_outcome send_to(struct xdp_md *ctx, const struct next_hop *hop,
						   __be16 ethertype)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return SLUICE_INTERNAL;
	__builtin_memcpy(eth->h_dest, hop->dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, hop->smac, ETH_ALEN);
	eth->h_proto = ethertype;
	return transmit(ctx, hop->ifindex);
}

/* RFC 1624, equation 3, for a field that went down by one in its high byte. */
static __always_inline void decrement_ttl_v4(struct iphdr *ip)
{
	__u32 sum = ip->check + bpf_htons(0x0100);

	ip->check = sum + (sum >= 0xffff);
	ip->ttl--;
}

static __always_inline enum sluice_outcome decrement_ttl(struct xdp_md *ctx,
							 const struct packet *pkt)
{
	void *header = (void *)(long)ctx->data + ETH_HLEN;
	void *end = (void *)(long)ctx->data_end;

	if (pkt->is_v6) {
		struct ipv6hdr *ip = header;

		if ((void *)(ip + 1) > end)
			return SLUICE_INTERNAL;
		ip->hop_limit--;
	} else {
		struct iphdr *ip = header;

		if ((void *)(ip + 1) > end)
			return SLUICE_INTERNAL;
		decrement_ttl_v4(ip);
	}
	return SLUICE_CONTINUE;
}

/*
 * Routes the packet as a router does. What the kernel must answer itself (TTL
 * spent, too big) is passed to it: it answers before it would forward.
 */
STAGE forward(struct xdp_md *ctx, struct packet *pkt)
{
	struct next_hop hop = {};
	enum sluice_outcome outcome;

	outcome = find_next_hop(ctx, arrival_of(pkt), &pkt->self, pkt->l3_length, &hop);
	if (outcome)
		return outcome;
	if (pkt->ttl <= 1)
		return SLUICE_PASS_TTL;
	outcome = decrement_ttl(ctx, pkt);
	if (outcome)
		return outcome;
	return send_to(ctx, &hop, pkt->is_v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP));
}

#endif /* SLUICE_BPF_ROUTE_H */
