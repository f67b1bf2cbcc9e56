/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Parsing: Ethernet, IPv4, IPv6 with extension headers, TCP, UDP, ICMP and the
 * header that an ICMP error quotes. A cursor moves over the frame; each parser
 * checks its own bounds and leaves the cursor behind its header.
 */
#ifndef SLUICE_BPF_PARSE_H
#define SLUICE_BPF_PARSE_H

#include <linux/icmpv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "packet.h"

#define MAX_EXT_HEADERS	  6
#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_BITS  0x3fff /* more fragments, and the offset */
#define IP6_FRAGMENT_BITS 0xfff9 /* the same in the IPv6 fragment header */

/* RFC 792. <linux/icmp.h> cannot be had here: it draws in the C library's headers. */
#define ICMP_ECHOREPLY	   0
#define ICMP_DEST_UNREACH  3
#define ICMP_FRAG_NEEDED   4 /* code of destination unreachable */
#define ICMP_ECHO	   8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 id; /* of an echo */
	__be16 sequence;
};

struct cursor {
	void *pos;
	void *end;
};

struct ext_header {
	__u8 next;
	__u8 length; /* in units of 8 bytes, not counting the first 8 */
	__be16 fragment;
	__u8 rest[4];
};

/* The `size` bytes at the cursor, which moves behind them; NULL: not that many left. */
static __always_inline void *cursor_take(struct cursor *cur, __u32 size)
{
	void *header = cur->pos;

	if (header + size > cur->end)
		return NULL;
	cur->pos = header + size;
	return header;
}

static __always_inline int is_ext_header(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

/* Follows the chain from `next`; leaves the upper protocol in tuple->proto. */
static __always_inline enum sluice_outcome parse_ext_headers(struct cursor *cur, __u8 next,
							     struct tuple *tuple, __u8 *fragment)
{
	struct ext_header *ext;
	int i;

	for (i = 0; i < MAX_EXT_HEADERS && is_ext_header(next); i++) {
		ext = cursor_take(cur, sizeof(*ext));
		if (!ext)
			return SLUICE_MALFORMED;
		if (next != IPPROTO_FRAGMENT)
			cur->pos += ext->length * 8;
		else if (ext->fragment & bpf_htons(IP6_FRAGMENT_BITS))
			*fragment = 1;
		next = ext->next;
		if (*fragment)
			break; /* what follows is readable in the first fragment at best */
	}
	if (is_ext_header(next) && !*fragment)
		return SLUICE_EXT_HEADERS;
	tuple->proto = next;
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome parse_ipv4(struct cursor *cur, struct packet *pkt)
{
	__u32 left = cur->end - cur->pos;
	struct iphdr *ip = cursor_take(cur, sizeof(*ip));
	__u32 header_length;

	if (!ip || ip->version != 4)
		return SLUICE_MALFORMED;
	header_length = ip->ihl * 4;
	pkt->l3_length = bpf_ntohs(ip->tot_len);
	if (header_length < sizeof(*ip) || pkt->l3_length < header_length || pkt->l3_length > left)
		return SLUICE_MALFORMED;
	cur->pos += header_length - sizeof(*ip);
	addr_set_v4(&pkt->self.src, ip->saddr);
	addr_set_v4(&pkt->self.dst, ip->daddr);
	pkt->self.proto = ip->protocol;
	pkt->tos = ip->tos;
	pkt->ttl = ip->ttl;
	pkt->is_fragment = !!(ip->frag_off & bpf_htons(IP_FRAGMENT_BITS));
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome parse_ipv6(struct cursor *cur, struct packet *pkt)
{
	__u32 left = cur->end - cur->pos;
	struct ipv6hdr *ip = cursor_take(cur, sizeof(*ip));

	if (!ip || ip->version != 6)
		return SLUICE_MALFORMED;
	if (bpf_ntohs(ip->payload_len) + sizeof(*ip) > left)
		return SLUICE_MALFORMED;
	pkt->l3_length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	addr_set_v6(&pkt->self.src, &ip->saddr);
	addr_set_v6(&pkt->self.dst, &ip->daddr);
	pkt->is_v6 = 1;
	pkt->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	pkt->ttl = ip->hop_limit;
	return parse_ext_headers(cur, ip->nexthdr, &pkt->self, &pkt->is_fragment);
}

static __always_inline int is_icmp_error(const struct packet *pkt)
{
	if (pkt->is_v6)
		return pkt->icmp_type < 128; /* RFC 4443, 2.1 */
	return pkt->icmp_type == ICMP_DEST_UNREACH || pkt->icmp_type == ICMP_TIME_EXCEEDED ||
	       pkt->icmp_type == ICMP_PARAMETERPROB;
}

static __always_inline int is_icmp_echo(const struct packet *pkt)
{
	if (pkt->is_v6)
		return pkt->icmp_type == ICMPV6_ECHO_REQUEST || pkt->icmp_type == ICMPV6_ECHO_REPLY;
	return pkt->icmp_type == ICMP_ECHO || pkt->icmp_type == ICMP_ECHOREPLY;
}

/*
 * The packet that an ICMP error quotes, turned round: its flow in the direction
 * in which the error travels. A quotation that cannot be read, or of a packet
 * that another host sent, leaves the error a flow of its own.
 */
static __always_inline void parse_quoted(struct cursor *cur, struct packet *pkt, void *frame)
{
	struct tuple quoted = {};
	__be16 *ports;
	__u8 fragment = 0;

	if (pkt->is_v6) {
		struct ipv6hdr *ip = cursor_take(cur, sizeof(*ip));

		if (!ip)
			return;
		addr_set_v6(&quoted.src, &ip->daddr);
		addr_set_v6(&quoted.dst, &ip->saddr);
		if (parse_ext_headers(cur, ip->nexthdr, &quoted, &fragment))
			return;
	} else {
		struct iphdr *ip = cursor_take(cur, sizeof(*ip));

		if (!ip || ip->ihl < 5)
			return;
		addr_set_v4(&quoted.src, ip->daddr);
		addr_set_v4(&quoted.dst, ip->saddr);
		quoted.proto = ip->protocol;
		fragment = !!(ip->frag_off & bpf_htons(IP_FRAGMENT_BITS));
		cur->pos += (ip->ihl - 5) * 4;
	}
	if (fragment)
		return;
	ports = cursor_take(cur, 8); /* RFC 792: at least 64 bits are quoted */
	if (!ports || cur->pos - frame > ETH_HLEN + pkt->l3_length)
		return;
	if (!addr_equal(&quoted.dst, &pkt->self.dst))
		return;
	if (quoted.proto == IPPROTO_TCP || quoted.proto == IPPROTO_UDP) {
		quoted.sport = ports[1];
		quoted.dport = ports[0];
	} else if (quoted.proto == IPPROTO_ICMP || quoted.proto == IPPROTO_ICMPV6) {
		quoted.sport = quoted.dport = ports[2]; /* identifier of an echo */
	}
	pkt->flow = quoted;
	pkt->is_error = 1;
}

static __always_inline enum sluice_outcome parse_icmp(struct cursor *cur, struct packet *pkt,
						      __u32 length)
{
	struct icmp_header *icmp = cursor_take(cur, sizeof(*icmp));

	if (!icmp || length < sizeof(*icmp))
		return SLUICE_MALFORMED;
	pkt->icmp_type = icmp->type;
	pkt->icmp_code = icmp->code;
	if (is_icmp_echo(pkt))
		pkt->self.sport = pkt->self.dport = icmp->id;
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome parse_tcp(struct cursor *cur, struct packet *pkt,
						     __u32 length)
{
	struct tcphdr *tcp = cursor_take(cur, sizeof(*tcp));

	if (!tcp || length < sizeof(*tcp) || tcp->doff < 5 || tcp->doff * 4 > length)
		return SLUICE_MALFORMED;
	pkt->self.sport = tcp->source;
	pkt->self.dport = tcp->dest;
	pkt->tcp_flags = ((__u8 *)tcp)[13];
	return SLUICE_CONTINUE;
}

static __always_inline enum sluice_outcome parse_udp(struct cursor *cur, struct packet *pkt,
						     __u32 length)
{
	struct udphdr *udp = cursor_take(cur, sizeof(*udp));

	if (!udp || bpf_ntohs(udp->len) < sizeof(*udp) || bpf_ntohs(udp->len) > length)
		return SLUICE_MALFORMED;
	pkt->self.sport = udp->source;
	pkt->self.dport = udp->dest;
	return SLUICE_CONTINUE;
}

static __always_inline int is_icmp(const struct packet *pkt)
{
	return pkt->self.proto == (pkt->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static __always_inline enum sluice_outcome parse_l4(struct cursor *cur, struct packet *pkt,
						    void *frame)
{
	__u32 l4_offset = cur->pos - frame;
	enum sluice_outcome outcome = SLUICE_CONTINUE;
	__u32 length;

	/* Extension headers may not reach past the length that the IP header states. */
	if (l4_offset > ETH_HLEN + pkt->l3_length)
		return SLUICE_MALFORMED;
	pkt->l4_offset = l4_offset;
	length = ETH_HLEN + pkt->l3_length - l4_offset;
	if (pkt->is_fragment)
		outcome = SLUICE_CONTINUE;
	else if (pkt->self.proto == IPPROTO_TCP)
		outcome = parse_tcp(cur, pkt, length);
	else if (pkt->self.proto == IPPROTO_UDP)
		outcome = parse_udp(cur, pkt, length);
	else if (is_icmp(pkt))
		outcome = parse_icmp(cur, pkt, length);
	if (outcome)
		return outcome;
	pkt->flow = pkt->self;
	if (!pkt->is_fragment && is_icmp(pkt) && is_icmp_error(pkt))
		parse_quoted(cur, pkt, frame);
	return SLUICE_CONTINUE;
}

/* A switch floods what it does not know, and a device may listen to all of it. */
static __always_inline int is_for_other_host(const struct ethhdr *eth)
{
	int i;

#pragma unroll
	for (i = 0; i < ETH_ALEN; i++)
		if (eth->h_dest[i] != config.mac[i])
			return 1;
	return 0;
}

static __always_inline int is_tpid(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
}

/* Reads the frame anew; what an earlier call had found is forgotten. VLAN: it has tags. */
int parse(struct xdp_md *ctx, struct packet *pkt);

ISOLATED_STAGE parse(struct xdp_md *ctx, struct packet *pkt)
{
	void *frame = (void *)(long)ctx->data;
	struct cursor cur = {.pos = frame, .end = (void *)(long)ctx->data_end};
	struct ethhdr *eth;
	enum sluice_outcome outcome;

	if (!pkt)
		return SLUICE_INTERNAL; /* for the verifier */
	__builtin_memset(pkt, 0, sizeof(*pkt));
	pkt->frame_length = cur.end - cur.pos;
	eth = cursor_take(&cur, sizeof(*eth));
	if (!eth)
		return SLUICE_MALFORMED;
	pkt->to_group = eth->h_dest[0] & 1;
	if (!pkt->to_group && is_for_other_host(eth))
		outcome = SLUICE_PASS_OTHER_HOST;
	else if (eth->h_proto == bpf_htons(ETH_P_IP))
		outcome = parse_ipv4(&cur, pkt);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		outcome = parse_ipv6(&cur, pkt);
	else if (is_tpid(eth->h_proto))
		return SLUICE_VLAN;
	else
		outcome = SLUICE_PASS_NOT_IP;
	if (!outcome)
		outcome = parse_l4(&cur, pkt, frame);
	trace(SLUICE_STEP_PARSE, pkt->self.proto, pkt->l3_length);
	return outcome;
}

#endif /* SLUICE_BPF_PARSE_H */
