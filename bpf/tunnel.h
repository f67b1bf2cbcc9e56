/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * IP in IP: 4in4 (RFC 2003), 6in6 and 4in6 (RFC 2473), 6in4 (RFC 4213).
 *
 * ECN is kept in compatibility mode (RFC 6040, 4.3): the outer header says
 * not-ECT, so that no congestion mark is lost on the way out of the tunnel.
 */
#ifndef SLUICE_BPF_TUNNEL_H
#define SLUICE_BPF_TUNNEL_H

#include "parse.h"
#include "tables.h"

#define TUNNEL_TTL 64
#define DSCP_MASK  0xfc
#define IP_DF	   0x4000

static __always_inline __u16 fold_checksum(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * RFC 1071 of the header that write_outer_v4() builds, from the values: reading
 * back what was just written in other widths would stall on the store buffer.
 */
static __always_inline __u16 outer_checksum(__u8 tos, __be16 length, const struct tuple *outer)
{
	__be32 src = outer->src.words[3], dst = outer->dst.words[3];
	__u32 sum = bpf_htons(0x4500 | tos) + length + bpf_htons(IP_DF) +
		    bpf_htons(TUNNEL_TTL << 8 | outer->proto);

	sum += (src & 0xffff) + (src >> 16) + (dst & 0xffff) + (dst >> 16);
	return fold_checksum(sum);
}

static __always_inline __u8 tunnel_proto(const struct packet *inner)
{
	return inner->is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

static __always_inline __u32 tunnel_overhead(const struct tuple *outer)
{
	return addr_is_v4(&outer->dst) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

static __always_inline void write_outer_v4(struct iphdr *ip, const struct packet *inner,
					   const struct tuple *outer)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = inner->tos & DSCP_MASK;
	ip->tot_len = bpf_htons(inner->l3_length + sizeof(*ip));
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = TUNNEL_TTL;
	ip->protocol = outer->proto;
	ip->saddr = outer->src.words[3];
	ip->daddr = outer->dst.words[3];
	ip->check = outer_checksum(ip->tos, ip->tot_len, outer);
}

static __always_inline void write_outer_v6(struct ipv6hdr *ip, const struct packet *inner,
					   const struct tuple *outer)
{
	__u8 class = inner->tos & DSCP_MASK;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->priority = class >> 4;
	ip->flow_lbl[0] = class << 4;
	ip->payload_len = bpf_htons(inner->l3_length);
	ip->nexthdr = outer->proto;
	ip->hop_limit = TUNNEL_TTL;
	__builtin_memcpy(&ip->saddr, outer->src.bytes, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, outer->dst.bytes, sizeof(ip->daddr));
}

/* Puts the outer header in front; the link header is the caller's to write. */
static __always_inline enum sluice_outcome encapsulate(struct xdp_md *ctx, struct packet *pkt,
						       const struct tuple *outer)
{
	__u32 overhead = tunnel_overhead(outer);
	void *header, *end;

	if (bpf_xdp_adjust_head(ctx, -(int)overhead))
		return SLUICE_INTERNAL;
	header = (void *)(long)ctx->data + ETH_HLEN;
	end = (void *)(long)ctx->data_end;
	if (header + sizeof(struct ipv6hdr) > end)
		return SLUICE_INTERNAL;
	if (addr_is_v4(&outer->dst))
		write_outer_v4(header, pkt, outer);
	else
		write_outer_v6(header, pkt, outer);
	trace(SLUICE_STEP_ENCAP, outer->proto, pkt->l3_length + overhead);
	return SLUICE_CONTINUE;
}

static __always_inline int is_tunnel(const struct packet *pkt)
{
	return pkt->self.proto == IPPROTO_IPIP || pkt->self.proto == IPPROTO_IPV6;
}

static __always_inline int sender_is_balancer(const struct packet *pkt, const struct tables *tables)
{
	__u32 slot = tables->slot;
	void *tunnels = bpf_map_lookup_elem(&sluice_tunnels, &slot);

	return tunnels && bpf_map_lookup_elem(tunnels, &pkt->self.src);
}

/* Takes the outer header off; the packet must be parsed again. */
static __always_inline enum sluice_outcome strip_outer(struct xdp_md *ctx, __u32 overhead,
						       __be16 ethertype)
{
	struct ethhdr *eth = (void *)(long)ctx->data, saved;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return SLUICE_INTERNAL;
	saved = *eth;
	saved.h_proto = ethertype;
	if (bpf_xdp_adjust_head(ctx, overhead))
		return SLUICE_TUNNEL_INNER;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return SLUICE_TUNNEL_INNER;
	*eth = saved;
	return SLUICE_CONTINUE;
}

/* Padding of the frame goes first, so that no inner packet can be longer than the outer one. */
static __always_inline int strip_padding(struct xdp_md *ctx, const struct packet *pkt)
{
	int padding = pkt->frame_length - ETH_HLEN - pkt->l3_length;

	return padding > 0 ? bpf_xdp_adjust_tail(ctx, -padding) : 0;
}

static __always_inline enum sluice_outcome decapsulate(struct xdp_md *ctx, struct packet *pkt,
						       const struct tables *tables)
{
	int believed = sender_is_balancer(pkt, tables);
	enum sluice_outcome outcome;

	trace(SLUICE_STEP_DECAP, believed, pkt->self.proto);
	if (!believed)
		return SLUICE_TUNNEL_SOURCE;
	if (pkt->is_fragment)
		return SLUICE_FRAGMENT;
	if (strip_padding(ctx, pkt))
		return SLUICE_INTERNAL;
	outcome = strip_outer(ctx, pkt->l4_offset - ETH_HLEN,
			      pkt->self.proto == IPPROTO_IPV6 ? bpf_htons(ETH_P_IPV6)
							      : bpf_htons(ETH_P_IP));
	if (outcome)
		return outcome;
	return parse(ctx, pkt) ? SLUICE_TUNNEL_INNER : SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_TUNNEL_H */
