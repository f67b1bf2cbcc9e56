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

static __always_inline __u8 tunnel_proto(const struct packet *inner)
{
	return inner->is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

static __always_inline __u32 tunnel_overhead(const struct tuple *outer)
{
	return addr_is_v4(&outer->dst) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/*
 * Link header and outer header of what goes to one backend, made once. Of the packet
 * itself only the class of traffic and the length are missing. In words, because copies
 * in narrow pieces would stall whoever reads them as a whole.
 */
struct tunnel_header {
	union {
		struct {
			struct ethhdr eth;
			union {
				struct iphdr v4;
				struct ipv6hdr v6;
			};
		} __attribute__((packed));
		__u64 words[7];
	};
	__u32 sum; /* IPv4: RFC 1071 sum of the header without what is missing */
	__u32 pad;
};

static __always_inline void make_outer_v4(struct tunnel_header *header, const struct tuple *outer)
{
	__be32 src = outer->src.words[3], dst = outer->dst.words[3];

	header->eth.h_proto = bpf_htons(ETH_P_IP);
	header->v4.version = 4;
	header->v4.ihl = 5;
	header->v4.frag_off = bpf_htons(IP_DF);
	header->v4.ttl = TUNNEL_TTL;
	header->v4.protocol = outer->proto;
	header->v4.saddr = src;
	header->v4.daddr = dst;
	header->sum = bpf_htons(0x4500) + bpf_htons(IP_DF) +
		      bpf_htons(TUNNEL_TTL << 8 | outer->proto) + (src & 0xffff) + (src >> 16) +
		      (dst & 0xffff) + (dst >> 16);
}

static __always_inline void make_outer_v6(struct tunnel_header *header, const struct tuple *outer)
{
	header->eth.h_proto = bpf_htons(ETH_P_IPV6);
	header->v6.version = 6;
	header->v6.nexthdr = outer->proto;
	header->v6.hop_limit = TUNNEL_TTL;
	__builtin_memcpy(&header->v6.saddr, outer->src.bytes, sizeof(header->v6.saddr));
	__builtin_memcpy(&header->v6.daddr, outer->dst.bytes, sizeof(header->v6.daddr));
}

/* The IP header of the tunnel; zeroed before, and the link addresses are the caller's. */
static __always_inline void make_outer(struct tunnel_header *header, const struct tuple *outer)
{
	if (addr_is_v4(&outer->dst))
		make_outer_v4(header, outer);
	else
		make_outer_v6(header, outer);
}

/* Puts an IPv4 outer header in front of an IP packet of `length` bytes. */
static __always_inline enum sluice_outcome
encapsulate_v4(struct xdp_md *ctx, const struct tunnel_header *header, __u8 tos, __u16 length)
{
	__be16 total = bpf_htons(length + sizeof(struct iphdr));
	const __u64 *from = header->words;
	struct iphdr *ip;
	__u64 *to;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return SLUICE_INTERNAL;
	to = (void *)(long)ctx->data;
	ip = (void *)to + ETH_HLEN;
	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return SLUICE_INTERNAL;
	tos &= DSCP_MASK;
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
	*(__u16 *)&to[4] = *(const __u16 *)&from[4];
	ip->tos = tos;
	ip->tot_len = total;
	ip->check = fold_checksum(header->sum + bpf_htons(tos) + total);
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome
encapsulate_v6(struct xdp_md *ctx, const struct tunnel_header *header, __u8 tos, __u16 length)
{
	const __u64 *from = header->words;
	struct ipv6hdr *ip;
	__u64 *to;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct ipv6hdr)))
		return SLUICE_INTERNAL;
	to = (void *)(long)ctx->data;
	ip = (void *)to + ETH_HLEN;
	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return SLUICE_INTERNAL;
	tos &= DSCP_MASK;
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
	to[4] = from[4];
	to[5] = from[5];
	*(__u32 *)&to[6] = *(const __u32 *)&from[6];
	*((__u16 *)&to[6] + 2) = *((const __u16 *)&from[6] + 2);
	*(__be16 *)ip = bpf_htons(6 << 12 | tos << 4);
	ip->payload_len = bpf_htons(length);
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
