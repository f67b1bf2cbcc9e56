/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Forwarding mode nat: the destination of what goes to a backend becomes the backend's address
 * and port, and the source of what comes back the VIP's. The source of a request stays, so no
 * state is needed: which VIP a reply comes from is said by the backend's address, port and
 * protocol alone, on every balancer. Checksums are changed, not made anew (RFC 1624); packets
 * are routed as a router does, their TTL one less.
 *
 * The pipeline says what a packet is, and notes it; the rewriting is done in stages (rare.h).
 * Of fragments, only the first has ports and a checksum; their addresses are all rewritten.
 */
#ifndef SLUICE_BPF_NAT_H
#define SLUICE_BPF_NAT_H

#include "balancer.h"

#define TCP_CHECK_AT 16
#define UDP_CHECK_AT 6

/* --- in the pipeline --------------------------------------------------------- */

/*
 * Whether a packet that is for no VIP comes from a backend of nat, or is an error about what
 * went to one. A firewall knows its flow by the VIP then. A fragment whose first was not seen
 * may be part of a reply or not: it is nobody's.
 */
STAGE find_reply(struct packet *pkt, const struct tables *tables, struct choice *choice)
{
	struct sluice_nat_key key = {
		.addr = pkt->flow.src, .port = pkt->flow.sport, .proto = pkt->flow.proto};
	__u32 slot = tables->slot;
	void *nats = bpf_map_lookup_elem(&sluice_nats, &slot);
	struct deferred *note = deferred();
	const struct sluice_nat *nat;

	if (!nats || !note)
		return SLUICE_CONTINUE;
	if (pkt->is_fragment && !key.port)
		key.proto = 0;
	nat = bpf_map_lookup_elem(nats, &key);
	if (!nat)
		return SLUICE_CONTINUE;
	if (!key.proto)
		return SLUICE_NAT_FRAGMENT;
	note->from = *nat;
	choice->is_reply = 1;
	if (HAS_ROLE(FIREWALL)) {
		pkt->flow.src = nat->vip;
		pkt->flow.sport = nat->port;
	}
	return SLUICE_CONTINUE;
}

/* On to the stage that rewrites it. */
static __always_inline enum sluice_outcome defer_to_nat(const struct packet *pkt,
							const struct choice *choice)
{
	struct deferred *note = deferred();

	if (!note)
		return SLUICE_INTERNAL; /* for the verifier */
	note->backend = choice->slot;
	note->l4_offset = pkt->is_fragment ? 0 : pkt->l4_offset;
	note->dport = pkt->self.dport;
	note->proto = pkt->self.proto;
	if (choice->is_reply)
		return defer_to(pkt->is_error ? SLUICE_STAGE_NAT_REPLY_ERROR
					      : SLUICE_STAGE_NAT_REPLY);
	return defer_to(pkt->is_error ? SLUICE_STAGE_NAT_ERROR : SLUICE_STAGE_NAT);
}

/* --- checksums --------------------------------------------------------------- */

/* A change is what a sum grows by when words of what it is over are replaced. */
static __always_inline __u64 change_16(__u16 before, __u16 after)
{
	return (__u64)(__u16)~before + after;
}

static __always_inline __u64 change_32(__u32 before, __u32 after)
{
	return (__u64)(__u32)~before + after;
}

static __always_inline __u16 changed_checksum(__u16 check, __u64 change)
{
	__u64 sum = change + (__u16)~check;

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return fold_checksum(sum);
}

/* UDP's 0 says that there is none, and stays (RFC 768, RFC 6935). */
static __always_inline void change_l4_checksum(__u16 *check, __u8 proto, __u64 change)
{
	if (proto == IPPROTO_UDP && !*check)
		return;
	*check = changed_checksum(*check, change);
	if (proto == IPPROTO_UDP && !*check)
		*check = 0xffff;
}

/* --- the packet -------------------------------------------------------------- */

/* What one end of the packet becomes. */
struct nat_end {
	struct sluice_addr addr;
	__be16 port; /* 0: it stays */
	__u8 is_source;
	__u8 pad;
};

struct nat_packet {
	struct tuple towards; /* where it is sent, for the routing table */
	__u16 length;	      /* of the IP packet */
	__u8 is_v6;
	__u8 ttl;
	struct arrival arrival;
	__u8 pad[2];
};

/* The IP header, which the pipeline has found sound. */
static __always_inline enum sluice_outcome nat_read(struct xdp_md *ctx, const struct deferred *note,
						    struct nat_packet *packet)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)(eth + 1);

	if ((void *)(ip + 1) > end)
		return SLUICE_INTERNAL;
	packet->arrival.tagged = note->tag_bytes;
	packet->is_v6 = eth->h_proto == bpf_htons(ETH_P_IPV6);
	if (!packet->is_v6) {
		packet->length = bpf_ntohs(ip->tot_len);
		packet->arrival.tos = ip->tos;
		packet->ttl = ip->ttl;
		addr_set_v4(&packet->towards.dst, ip->daddr);
		return SLUICE_CONTINUE;
	}
	if ((void *)(ip6 + 1) > end)
		return SLUICE_INTERNAL;
	packet->length = bpf_ntohs(ip6->payload_len) + sizeof(*ip6);
	packet->arrival.tos = ip6->priority << 4 | ip6->flow_lbl[0] >> 4;
	packet->ttl = ip6->hop_limit;
	addr_set_v6(&packet->towards.dst, &ip6->daddr);
	return SLUICE_CONTINUE;
}

/* *change: of a checksum that covers the address, too. */
static __always_inline enum sluice_outcome rewrite_v4(struct iphdr *ip, void *frame_end,
						      const struct nat_end *to, __u64 *change)
{
	__be32 *addr = to->is_source ? &ip->saddr : &ip->daddr;

	if ((void *)(ip + 1) > frame_end)
		return SLUICE_INTERNAL;
	*change = change_32(*addr, to->addr.words[3]);
	*addr = to->addr.words[3];
	ip->check = changed_checksum(ip->check, *change);
	decrement_ttl_v4(ip);
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome rewrite_v6(struct ipv6hdr *ip, void *frame_end,
						      const struct nat_end *to, __u64 *change)
{
	__be32 *addr = to->is_source ? ip->saddr.in6_u.u6_addr32 : ip->daddr.in6_u.u6_addr32;
	int i;

	if ((void *)(ip + 1) > frame_end)
		return SLUICE_INTERNAL;
	*change = 0;
#pragma unroll
	for (i = 0; i < 4; i++) {
		*change += change_32(addr[i], to->addr.words[i]);
		addr[i] = to->addr.words[i];
	}
	ip->hop_limit--;
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome rewrite_ip(struct xdp_md *ctx, int is_v6,
						      const struct nat_end *to, __u64 *change)
{
	void *ip = (void *)(long)ctx->data + ETH_HLEN, *end = (void *)(long)ctx->data_end;

	return is_v6 ? rewrite_v6(ip, end, to, change) : rewrite_v4(ip, end, to, change);
}

/* The port, and the checksum over it and the addresses. */
static __always_inline enum sluice_outcome
rewrite_l4(struct xdp_md *ctx, const struct deferred *note, const struct nat_end *to, __u64 change)
{
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 at = note->l4_offset & FRAME_OFFSET_MASK, check_at;
	__be16 *port = frame + at + (to->is_source ? 0 : 2);
	__u16 *check;

	if ((void *)(port + 1) > end)
		return SLUICE_INTERNAL;
	if (to->port) {
		change += change_16(*port, to->port);
		*port = to->port;
	}
	check_at = at + (note->proto == IPPROTO_TCP ? TCP_CHECK_AT : UDP_CHECK_AT);
	check = frame + check_at;
	if ((void *)(check + 1) > end)
		return SLUICE_INTERNAL;
	change_l4_checksum(check, note->proto, change);
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome rewrite(struct xdp_md *ctx, const struct deferred *note,
						   int is_v6, const struct nat_end *to)
{
	enum sluice_outcome outcome;
	__u64 change;

	outcome = rewrite_ip(ctx, is_v6, to, &change);
	if (outcome || !note->l4_offset)
		return outcome;
	return rewrite_l4(ctx, note, to, change);
}

/* --- sending ----------------------------------------------------------------- */

/* What each stage begins with. */
static __always_inline enum sluice_outcome nat_begin(struct xdp_md *ctx,
						     const struct deferred *note,
						     struct tables *tables,
						     struct nat_packet *packet)
{
	enum sluice_outcome outcome = tables_load(tables);

	return outcome ? outcome : nat_read(ctx, note, packet);
}

/* To the backend that the pipeline chose: where it is, and the way there. */
static __always_inline enum sluice_outcome nat_aim(struct xdp_md *ctx, const struct tables *tables,
						   const struct deferred *note,
						   struct nat_packet *packet, struct nat_end *to,
						   const struct hop_entry **hop)
{
	__u32 slot = note->backend;
	const struct sluice_backend *backend = bpf_map_lookup_elem(&sluice_backends, &slot);
	struct hop_key key = {.now = bpf_jiffies64(),
			      .slot = slot,
			      .generation = tables->generation,
			      .inner_v6 = packet->is_v6};
	struct tuple *towards = &packet->towards;

	if (!backend)
		return SLUICE_INTERNAL; /* for the verifier */
	if (backend->flags & SLUICE_BACKEND_LOCAL)
		return SLUICE_PASS_LOCAL;
	if (!(backend->flags & (packet->is_v6 ? SLUICE_BACKEND_HAS6 : SLUICE_BACKEND_HAS4)))
		return SLUICE_NO_ROUTE;
	to->addr = packet->is_v6 ? backend->addr6 : backend->addr4;
	to->port = backend->port;
	trace(SLUICE_STEP_NAT, slot, bpf_ntohs(to->port));
	if (packet->ttl <= 1)
		return SLUICE_NAT_TTL;
	key.incarnation = backend->incarnation;
	towards->src = packet->is_v6 ? tables->port->tunnel_source6 : tables->port->tunnel_source4;
	towards->dst = to->addr;
	towards->proto = note->proto;
	return to_backend_outcome(find_backend_hop(ctx, packet->arrival, towards,
						   SLUICE_FORWARD_NAT, packet->length, &key, hop));
}

/*
 * Back to the client, as from the VIP. What is for this node itself is no reply, but the
 * backend's own: a check's answer, for one.
 */
static __always_inline enum sluice_outcome nat_aim_reply(struct xdp_md *ctx,
							 const struct deferred *note,
							 struct nat_packet *packet,
							 struct nat_end *to, struct next_hop *hop)
{
	struct tuple *towards = &packet->towards;
	enum sluice_outcome outcome;

	to->addr = note->from.vip;
	to->port = note->from.port;
	to->is_source = 1;
	towards->src = to->addr;
	towards->sport = to->port;
	towards->dport = note->dport;
	towards->proto = note->proto;
	trace(SLUICE_STEP_NAT_REPLY, note->from.service, bpf_ntohs(to->port));
	outcome = find_next_hop(ctx, packet->arrival, towards, packet->length, hop);
	if (!outcome && packet->ttl <= 1)
		return SLUICE_PASS_TTL;
	return outcome;
}

static __always_inline enum sluice_outcome nat_send(struct xdp_md *ctx, const struct next_hop *hop,
						    int is_v6)
{
	return send_to(ctx, hop, is_v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP));
}

/* --- the stages -------------------------------------------------------------- */

static __always_inline enum sluice_outcome nat_forward(struct xdp_md *ctx)
{
	const struct deferred *note = deferred();
	const struct hop_entry *hop = NULL;
	struct nat_packet packet = {};
	struct tables tables = {};
	struct nat_end to = {};
	enum sluice_outcome outcome;

	if (!note)
		return SLUICE_INTERNAL; /* for the verifier */
	outcome = nat_begin(ctx, note, &tables, &packet);
	if (!outcome)
		outcome = nat_aim(ctx, &tables, note, &packet, &to, &hop);
	if (!outcome)
		outcome = rewrite(ctx, note, packet.is_v6, &to);
	if (outcome || !hop)
		return outcome;
	return nat_send(ctx, &hop->hop, packet.is_v6);
}

static __always_inline enum sluice_outcome nat_reply(struct xdp_md *ctx)
{
	const struct deferred *note = deferred();
	struct nat_packet packet = {};
	struct next_hop hop = {};
	struct nat_end to = {};
	enum sluice_outcome outcome;

	if (!note)
		return SLUICE_INTERNAL; /* for the verifier */
	outcome = nat_read(ctx, note, &packet);
	if (!outcome)
		outcome = nat_aim_reply(ctx, note, &packet, &to, &hop);
	if (!outcome)
		outcome = rewrite(ctx, note, packet.is_v6, &to);
	return outcome ? outcome : nat_send(ctx, &hop, packet.is_v6);
}

#endif /* SLUICE_BPF_NAT_H */
