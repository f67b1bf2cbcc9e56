/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Tunnels. IP in IP: 4in4 (RFC 2003), 6in6 and 4in6 (RFC 2473), 6in4 (RFC 4213). GUE: IP in
 * UDP (draft-ietf-intarea-gue, variant 1), whose source port tells flows apart to whoever
 * spreads packets over links and queues; without a checksum, also over IPv6 (RFC 6935).
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

#define GUE_SOURCE_FIRST  49152
#define ENTROPY_PRIME_1	  0x9e3779b97f4a7c15ULL
#define ENTROPY_PRIME_2	  0xd6e8feb86659fd93ULL
#define FRAME_OFFSET_MASK 0x3fff /* for the verifier: where a header may start */

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
	__u32 gue = outer->proto == IPPROTO_UDP ? sizeof(struct udphdr) : 0;

	return (addr_is_v4(&outer->dst) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + gue;
}

/*
 * Sixteen bits that are the flow's: of its source and its ports, on every balancer the same.
 * The express way has the first two as one word, and no tuple.
 */
static __always_inline __u16 flow_entropy_v4(__u64 source, __be16 dport)
{
	return (source ^ (__u64)dport << 48) * ENTROPY_PRIME_1 >> 48;
}

static __always_inline __u16 flow_entropy_v6(const __u64 src[2], __u64 source, __be16 dport)
{
	__u64 hash = (src[0] ^ source ^ (__u64)dport << 48) * ENTROPY_PRIME_1;

	return (hash ^ hash >> 32 ^ src[1]) * ENTROPY_PRIME_2 >> 48;
}

static __always_inline __u16 flow_entropy(const struct tuple *flow, int is_v6)
{
	__u64 source = (__u64)flow->sport << 32, src[2];

	if (!is_v6)
		return flow_entropy_v4(source | flow->src.words[3], flow->dport);
	__builtin_memcpy(src, flow->src.bytes, sizeof(src));
	return flow_entropy_v6(src, source, flow->dport);
}

/* A port of the dynamic range (RFC 6335): a server's would draw what is meant for it. */
static __always_inline __be16 gue_source(__u16 entropy)
{
	return bpf_htons(entropy | GUE_SOURCE_FIRST);
}

/*
 * Link header and outer headers of what goes to one backend, made once. Of the packet
 * itself only the class of traffic, the length and the entropy are missing. In words,
 * because copies in narrow pieces would stall whoever reads them as a whole.
 */
struct tunnel_header {
	union {
		struct {
			struct ethhdr eth;
			union {
				struct {
					struct iphdr v4;
					struct udphdr udp4;
				};
				struct {
					struct ipv6hdr v6;
					struct udphdr udp6;
				};
			};
		} __attribute__((packed));
		__u64 words[8];
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
	header->udp4.dest = outer->dport;
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
	header->udp6.dest = outer->dport;
}

/* The headers of the tunnel; zeroed before, and the link addresses are the caller's. */
static __always_inline void make_outer(struct tunnel_header *header, const struct tuple *outer)
{
	if (addr_is_v4(&outer->dst))
		make_outer_v4(header, outer);
	else
		make_outer_v6(header, outer);
}

/* An even number of bytes, known at compile time. */
static __always_inline void copy_words(void *to, const __u64 *from, const unsigned int bytes)
{
	const unsigned int whole = bytes / sizeof(*from) * sizeof(*from);
	unsigned int i;

#pragma unroll
	for (i = 0; i < bytes / sizeof(*from); i++)
		((__u64 *)to)[i] = from[i];
	if (bytes & 4)
		*(__u32 *)(to + whole) = *(const __u32 *)((const void *)from + whole);
	if (bytes & 2)
		*(__u16 *)(to + whole + (bytes & 4)) =
			*(const __u16 *)((const void *)from + whole + (bytes & 4));
}

/* Makes room in front of the frame, and puts link and outer headers there. NULL: no room. */
static __always_inline void *put_headers(struct xdp_md *ctx, const struct tunnel_header *header,
					 const unsigned int overhead)
{
	void *frame;

	if (bpf_xdp_adjust_head(ctx, -(int)overhead))
		return NULL;
	frame = (void *)(long)ctx->data;
	if (frame + ETH_HLEN + overhead > (void *)(long)ctx->data_end)
		return NULL;
	copy_words(frame, header->words, ETH_HLEN + overhead);
	return frame + ETH_HLEN;
}

/* What differs from packet to packet in the headers of a tunnel. */
struct tunnelled {
	__u16 length; /* of the IP packet inside */
	__u16 entropy;
	__u8 tos;
};

static __always_inline void finish_gue(struct udphdr *udp, const struct tunnelled *inner)
{
	udp->source = gue_source(inner->entropy);
	udp->len = bpf_htons(inner->length + sizeof(*udp));
}

/* Puts IPv4 outer headers in front of an IP packet. `gue` is known at compile time. */
static __always_inline enum sluice_outcome encapsulate_v4(struct xdp_md *ctx,
							  const struct tunnel_header *header,
							  const struct tunnelled *inner,
							  const int gue)
{
	const unsigned int overhead = sizeof(struct iphdr) + (gue ? sizeof(struct udphdr) : 0);
	__be16 total = bpf_htons(inner->length + overhead);
	struct iphdr *ip = put_headers(ctx, header, overhead);
	__u8 tos = inner->tos & DSCP_MASK;

	if (!ip)
		return SLUICE_INTERNAL;
	ip->tos = tos;
	ip->tot_len = total;
	ip->check = fold_checksum(header->sum + bpf_htons(tos) + total);
	if (gue)
		finish_gue((void *)(ip + 1), inner);
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome encapsulate_v6(struct xdp_md *ctx,
							  const struct tunnel_header *header,
							  const struct tunnelled *inner,
							  const int gue)
{
	const unsigned int udp = gue ? sizeof(struct udphdr) : 0;
	struct ipv6hdr *ip = put_headers(ctx, header, sizeof(*ip) + udp);

	if (!ip)
		return SLUICE_INTERNAL;
	*(__be16 *)ip = bpf_htons(6 << 12 | (inner->tos & DSCP_MASK) << 4);
	ip->payload_len = bpf_htons(inner->length + udp);
	if (gue)
		finish_gue((void *)(ip + 1), inner);
	return SLUICE_CONTINUE;
}

/* --- decapsulation ----------------------------------------------------------- */

static __always_inline int is_tunnel_end(const struct tables *tables,
					 const struct sluice_addr *addr, __u32 flag)
{
	__u32 slot = tables->slot;
	void *tunnels = bpf_map_lookup_elem(&sluice_tunnels, &slot);
	const __u32 *flags = tunnels ? bpf_map_lookup_elem(tunnels, addr) : NULL;

	return flags && (*flags & flag);
}

/*
 * Ethertype of what GUE carries; 0: this is no packet in UDP, but what another program may
 * expect on the port. With a checksum it is not ours either: the stack will verify it.
 */
static __always_inline __be16 gue_ethertype(struct xdp_md *ctx, const struct packet *pkt)
{
	__u32 offset = pkt->l4_offset & FRAME_OFFSET_MASK;
	void *end = (void *)(long)ctx->data_end;
	struct udphdr *udp = (void *)(long)ctx->data + offset;
	__u8 *inner = (void *)(udp + 1);

	if ((void *)(inner + 1) > end || udp->check)
		return 0;
	if (bpf_ntohs(udp->len) != ETH_HLEN + pkt->l3_length - offset)
		return 0;
	switch (*inner >> 4) {
	case 4:
		return bpf_htons(ETH_P_IP);
	case 6:
		return bpf_htons(ETH_P_IPV6);
	default:
		return 0;
	}
}

/* Ethertype of the packet inside; 0: this is no tunnel, or none that ends on this node. */
static __always_inline __be16 tunnel_ethertype(struct xdp_md *ctx, const struct packet *pkt,
					       const struct tables *tables)
{
	__be16 ethertype = 0;

	if (pkt->self.proto == IPPROTO_IPIP)
		ethertype = bpf_htons(ETH_P_IP);
	else if (pkt->self.proto == IPPROTO_IPV6)
		ethertype = bpf_htons(ETH_P_IPV6);
	else if (pkt->self.proto == IPPROTO_UDP && pkt->self.dport == tables->port->gue_port &&
		 !pkt->is_fragment && is_tunnel_end(tables, &pkt->self.src, SLUICE_TUNNEL_FROM))
		ethertype = gue_ethertype(ctx, pkt);
	if (!ethertype || !is_tunnel_end(tables, &pkt->self.dst, SLUICE_TUNNEL_HERE))
		return 0;
	return ethertype;
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

static __always_inline enum sluice_outcome
decapsulate(struct xdp_md *ctx, struct packet *pkt, const struct tables *tables, __be16 ethertype)
{
	int believed = is_tunnel_end(tables, &pkt->self.src, SLUICE_TUNNEL_FROM);
	__u32 overhead = pkt->l4_offset - ETH_HLEN;
	enum sluice_outcome outcome;

	trace(SLUICE_STEP_DECAP, believed, pkt->self.proto);
	if (!believed)
		return SLUICE_TUNNEL_SOURCE;
	if (pkt->is_fragment)
		return SLUICE_FRAGMENT;
	if (strip_padding(ctx, pkt))
		return SLUICE_INTERNAL;
	if (pkt->self.proto == IPPROTO_UDP)
		overhead += sizeof(struct udphdr);
	outcome = strip_outer(ctx, overhead, ethertype);
	if (outcome)
		return outcome;
	return parse(ctx, pkt) ? SLUICE_TUNNEL_INNER : SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_TUNNEL_H */
