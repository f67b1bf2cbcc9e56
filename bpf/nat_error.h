/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ICMP errors under nat, in both directions: what a client's side says about a reply, which
 * quotes the VIP, goes to the backend that sent it; what the backend's side says about a
 * request, which quotes the backend, comes from the VIP for the client. The quoted packet is
 * rewritten with its checksums, as far as it is quoted, and the ICMP checksum that covers it.
 */
#ifndef SLUICE_BPF_NAT_ERROR_H
#define SLUICE_BPF_NAT_ERROR_H

#include <stddef.h>

#include "nat.h"

#define ICMP_CHECK_AT 2

/* Where the packet is that an error quotes. */
struct quotation {
	__u32 at; /* offsets in the frame */
	__u32 l4_at;
	__u32 end;
	__u8 is_v6;
	__u8 proto;
	__u8 pad[2];
};

/* parse() has read it before, and found ports. */
static __always_inline enum sluice_outcome find_quotation(struct xdp_md *ctx,
							  struct quotation *quoted)
{
	__u32 at = quoted->at & FRAME_OFFSET_MASK;
	void *frame = (void *)(long)ctx->data;
	struct cursor cur = {.pos = frame + at, .end = (void *)(long)ctx->data_end};
	struct tuple tuple = {};
	__u8 fragment = 0;

	if (quoted->is_v6) {
		struct ipv6hdr *ip = cursor_take(&cur, sizeof(*ip));

		if (!ip || parse_ext_headers(&cur, ip->nexthdr, &tuple, &fragment))
			return SLUICE_INTERNAL;
		quoted->proto = tuple.proto;
	} else {
		struct iphdr *ip = cursor_take(&cur, sizeof(*ip));

		if (!ip || ip->ihl < 5)
			return SLUICE_INTERNAL;
		quoted->proto = ip->protocol;
		cur.pos += (ip->ihl - 5) * 4;
	}
	quoted->l4_at = cur.pos - frame;
	return SLUICE_CONTINUE;
}

/* Puts words in the place of others, and adds that to a change. `bytes`: known when compiled. */
static __always_inline enum sluice_outcome replace(struct xdp_md *ctx, __u32 at, const void *after,
						   const __u32 bytes, __u64 *change)
{
	__be16 before[8];
	__u32 i;

	if (bpf_xdp_load_bytes(ctx, at, before, bytes))
		return SLUICE_INTERNAL;
#pragma unroll
	for (i = 0; i < bytes / 2; i++)
		*change += change_16(before[i], ((const __be16 *)after)[i]);
	return bpf_xdp_store_bytes(ctx, at, (void *)after, bytes) ? SLUICE_INTERNAL
								  : SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome replace_address(struct xdp_md *ctx,
							   const struct quotation *quoted,
							   const struct nat_end *to, __u64 *change)
{
	__u32 at = quoted->at;

	if (quoted->is_v6) {
		at += to->is_source ? offsetof(struct ipv6hdr, saddr)
				    : offsetof(struct ipv6hdr, daddr);
		return replace(ctx, at, to->addr.bytes, 16, change);
	}
	at += to->is_source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr);
	return replace(ctx, at, &to->addr.words[3], 4, change);
}

/* Changes the checksum at `at` by `inner`, and says what that changes in one over it. */
static __always_inline enum sluice_outcome replace_checksum(struct xdp_md *ctx, __u32 at,
							    __u8 proto, __u64 inner, __u64 *change)
{
	__u16 check;

	if (bpf_xdp_load_bytes(ctx, at, &check, sizeof(check)))
		return SLUICE_INTERNAL;
	change_l4_checksum(&check, proto, inner);
	return replace(ctx, at, &check, sizeof(check), change);
}

/* Of the quoted packet; a TCP checksum may be beyond what is quoted. */
static __always_inline enum sluice_outcome replace_l4(struct xdp_md *ctx,
						      const struct quotation *quoted,
						      const struct nat_end *to, __u64 inner,
						      __u64 *change)
{
	__u32 at = quoted->l4_at, check_at = at + UDP_CHECK_AT;
	__u64 ports = 0;

	if (quoted->proto == IPPROTO_TCP)
		check_at = at + TCP_CHECK_AT;
	if (to->port && replace(ctx, at + (to->is_source ? 0 : 2), &to->port, 2, &ports))
		return SLUICE_INTERNAL;
	*change += ports;
	if (check_at + 2 > quoted->end)
		return SLUICE_CONTINUE;
	return replace_checksum(ctx, check_at, quoted->proto, inner + ports, change);
}

/* *change: of the ICMP checksum. */
static __attribute__((noinline)) int replace_quoted(struct xdp_md *ctx,
						    const struct quotation *quoted,
						    const struct nat_end *to, __u64 *change)
{
	__u32 check_at = quoted->at + offsetof(struct iphdr, check);
	enum sluice_outcome outcome;
	__u64 inner = 0;

	outcome = replace_address(ctx, quoted, to, &inner);
	*change += inner;
	if (!outcome && !quoted->is_v6)
		outcome = replace_checksum(ctx, check_at, IPPROTO_IP, inner, change);
	return outcome ? outcome : replace_l4(ctx, quoted, to, inner, change);
}

/* The error whose outer end becomes `to`, and the end of what it quotes that is the same. */
static __always_inline enum sluice_outcome rewrite_error(struct xdp_md *ctx,
							 const struct deferred *note,
							 const struct nat_packet *packet,
							 const struct nat_end *to)
{
	__u32 at = note->l4_offset & FRAME_OFFSET_MASK;
	struct quotation quoted = {.at = at + sizeof(struct icmp_header),
				   .end = ETH_HLEN + packet->length,
				   .is_v6 = packet->is_v6};
	struct nat_end other = *to;
	enum sluice_outcome outcome;
	__u64 change = 0, outer = 0;
	__u16 check;

	other.is_source = !to->is_source;
	outcome = rewrite_ip(ctx, packet->is_v6, to, &outer);
	if (!outcome)
		outcome = find_quotation(ctx, &quoted);
	if (!outcome)
		outcome = replace_quoted(ctx, &quoted, &other, &change);
	if (outcome)
		return outcome;
	if (packet->is_v6)
		change += outer;
	at += ICMP_CHECK_AT;
	if (bpf_xdp_load_bytes(ctx, at, &check, sizeof(check)))
		return SLUICE_INTERNAL;
	check = changed_checksum(check, change);
	return bpf_xdp_store_bytes(ctx, at, &check, sizeof(check)) ? SLUICE_INTERNAL
								   : SLUICE_CONTINUE;
}

/* --- the stages -------------------------------------------------------------- */

/* About a reply: to the backend that sent it. */
static __always_inline enum sluice_outcome nat_forward_error(struct xdp_md *ctx)
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
		outcome = rewrite_error(ctx, note, &packet, &to);
	if (outcome || !hop)
		return outcome;
	return nat_send(ctx, &hop->hop, packet.is_v6);
}

/* About a request: to the client, as from the VIP, whoever said it. */
static __always_inline enum sluice_outcome nat_reply_error(struct xdp_md *ctx)
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
		outcome = rewrite_error(ctx, note, &packet, &to);
	return outcome ? outcome : nat_send(ctx, &hop, packet.is_v6);
}

#endif /* SLUICE_BPF_NAT_ERROR_H */
