/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The express way: the commonest packets of a balancer without a firewall, answered from
 * registers. A plain TCP or UDP packet of an established flow goes to its backend by a way
 * that is known; what is for no VIP passes. It says CONTINUE, with nothing changed, to
 * everything else, and the pipeline takes that packet from the start.
 *
 * It must never find another answer than the pipeline: tests/bpf/express_test.c runs packets
 * through both and compares outcome, frame, counters and connections.
 */
#ifndef SLUICE_BPF_EXPRESS_H
#define SLUICE_BPF_EXPRESS_H

#include "balancer.h"
#include "firewall.h"

#define LINK_ADDRESS_MASK bpf_cpu_to_be64(0xffffffffffff0000ULL)

/* Trace shows the stages, and a firewall has other questions. */
#define HAS_EXPRESS_WAY                                                                            \
	(HAS_ROLE(BALANCER) && !HAS_ROLE(FIREWALL) && !config.trace && !config.no_express)

/* What the IP header said; the ports are read from the packet when needed. */
struct express {
	struct sluice_vip_words to;
	__u64 conn_key; /* without the VIP's id */
	__u64 src[2];	/* IPv6 */
	__u32 frame_bytes;
	__u16 length; /* of the IP packet */
	__u8 tos;
	__u8 proto;
};

/* The ports as one word, in network order; 0: the pipeline must look. */
static __always_inline __u32 express_ports(void *l4, void *end, __u8 proto, __u32 length)
{
	if (proto == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;
		__u8 flags;

		if ((void *)(tcp + 1) > end || length < sizeof(*tcp))
			return 0;
		flags = ((__u8 *)tcp)[13];
		if ((flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_ACK)
			return 0;
		if (tcp->doff < 5 || tcp->doff * 4 > length)
			return 0;
	} else if (proto == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end || bpf_ntohs(udp->len) < sizeof(*udp) ||
		    bpf_ntohs(udp->len) > length)
			return 0;
	} else {
		return 0;
	}
	return *(__u32 *)l4;
}

/* 1: a header without options or fragments, whose addresses need no second look. */
static __always_inline int express_parse_v4(struct iphdr *ip, void *end, struct express *way)
{
	__u8 src = *(__u8 *)&ip->saddr, dst = *(__u8 *)&ip->daddr;
	__u32 ports;

	if (*(__u8 *)ip != 0x45 || (ip->frag_off & bpf_htons(IP_FRAGMENT_BITS)))
		return 0;
	way->length = bpf_ntohs(ip->tot_len);
	if (way->length < sizeof(*ip) || way->length > end - (void *)ip)
		return 0;
	if (!src || src == 127 || src >= 224 || !dst || dst == 127 || ip->saddr == ip->daddr)
		return 0;
	ports = express_ports(ip + 1, end, ip->protocol, way->length - sizeof(*ip));
	if (!ports)
		return 0;
	way->proto = ip->protocol;
	way->tos = ip->tos;
	vip_words_v4(&way->to, ip->daddr);
	way->to.rest = vip_rest(*((__be16 *)(ip + 1) + 1), ip->protocol);
	way->conn_key = (__u64) * (__be16 *)(ip + 1) << 32 | ip->saddr;
	return 1;
}

static __always_inline int express_parse_v6(struct ipv6hdr *ip, void *end, struct express *way)
{
	const __u64 *src = (void *)&ip->saddr, *dst = (void *)&ip->daddr;
	__u8 first = ip->saddr.in6_u.u6_addr8[0];
	__be16 *ports = (void *)(ip + 1);
	__u32 length = bpf_ntohs(ip->payload_len);

	if ((void *)(ip + 1) > end || ip->version != 6 || length > end - (void *)(ip + 1))
		return 0;
	/* Mapped, unspecified and loopback addresses all begin with a zero. */
	if (!first || first == 0xff || !ip->daddr.in6_u.u6_addr8[0])
		return 0;
	if (src[0] == dst[0] && src[1] == dst[1])
		return 0;
	if (!express_ports(ports, end, ip->nexthdr, length))
		return 0;
	way->length = length + sizeof(*ip);
	way->proto = ip->nexthdr;
	way->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	way->to.addr[0] = dst[0];
	way->to.addr[1] = dst[1];
	way->to.rest = vip_rest(ports[1], ip->nexthdr);
	way->conn_key = (__u64)ports[0] << 32;
	way->src[0] = src[0];
	way->src[1] = src[1];
	return 1;
}

/* Sends a packet of an established connection on; the time of that moves if it must. */
static __always_inline enum sluice_outcome express_send(struct xdp_md *ctx,
							const struct express *way, int is_v6,
							const struct sluice_vip *vip,
							__u32 generation, struct conn *conn)
{
	struct hop_key key = {.now = bpf_jiffies64(), .generation = generation, .inner_v6 = is_v6};
	const struct sluice_backend *backend;
	const struct hop_entry *hop;
	__u32 time, overhead;
	__u8 state;

	key.slot = SLUICE_CONN_GET(BACKEND, conn->value);
	backend = bpf_map_lookup_elem(&sluice_backends, &key.slot);
	if (!backend || backend->service != vip->service ||
	    (backend->flags & SLUICE_BACKEND_LOCAL) ||
	    !conn_is_of(conn->value, backend->incarnation))
		return SLUICE_CONTINUE;
	state = backend->state[generation & (SLUICE_SLOTS - 1)];
	if (state != SLUICE_BACKEND_UP && state != SLUICE_BACKEND_DRAIN)
		return SLUICE_CONTINUE;
	key.incarnation = backend->incarnation;
	hop = hop_entry(&key);
	if (!hop)
		return SLUICE_CONTINUE;
	overhead = hop->outer_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (!hop_is_good(hop, &key, way->length + overhead))
		return SLUICE_CONTINUE;
	time = conn_time(flow_timeout_s(way->proto, SLUICE_FLOW_ESTABLISHED));
	if (conn_time_moved(conn->value, conn->now, time))
		conn_touch(conn, time);
	count_backend(key.slot, way->frame_bytes, 0);
	return send_to_hop(ctx, hop, 1, way->tos, way->length);
}

/* PASS_LOCAL, unless the destination's address alone is a VIP's, or there is more to do. */
static __always_inline enum sluice_outcome express_pass(void *index, struct express *way)
{
	int spilled;

	way->to.rest = 0;
	if (HAS_ROLE(FORWARD) || vip_indexed(index, &way->to, &spilled) || spilled)
		return SLUICE_CONTINUE;
	return SLUICE_PASS_LOCAL;
}

static __always_inline int express_is_blocked(const struct sluice_control *control,
					      const struct express *way, int is_v6)
{
	struct sluice_addr src;

	if (!control->block_entries)
		return 0;
	if (is_v6)
		__builtin_memcpy(&src, way->src, sizeof(src));
	else
		addr_set_v4(&src, (__be32)way->conn_key);
	return is_blocked(&src, is_v6);
}

static __always_inline enum sluice_outcome express_go(struct xdp_md *ctx, struct express *way,
						      int is_v6)
{
	const struct sluice_control *control;
	const struct sluice_vip *vip;
	struct conn conn = {};
	__u32 zero = 0, generation, slot;
	int spilled;
	void *index;

	control = bpf_map_lookup_elem(&sluice_control, &zero);
	if (!control || express_is_blocked(control, way, is_v6))
		return SLUICE_CONTINUE;
	generation = *(volatile __u32 *)&control->generation.config;
	slot = generation & (SLUICE_SLOTS - 1);
	index = bpf_map_lookup_elem(&sluice_vip_index, &slot);
	if (!index)
		return SLUICE_CONTINUE;
	vip = vip_indexed(index, &way->to, &spilled);
	if (!vip)
		return spilled ? SLUICE_CONTINUE : express_pass(index, way);
	if (vip->forward != SLUICE_FORWARD_IPIP)
		return SLUICE_CONTINUE;
	conn.key = way->conn_key | (__u64)vip->id << 48;
	conn.src[0] = way->src[0];
	conn.src[1] = way->src[1];
	conn.now = conn_now();
	conn_find(&conn, is_v6);
	if (!conn.at || !conn_left(conn.value, conn.now) ||
	    SLUICE_CONN_GET(STATE, conn.value) != SLUICE_FLOW_ESTABLISHED)
		return SLUICE_CONTINUE;
	return express_send(ctx, way, is_v6, vip, generation, &conn);
}

STAGE express(struct xdp_md *ctx, __u32 frame_bytes)
{
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct express way = {.frame_bytes = frame_bytes};

	if ((void *)(ip + 1) > end)
		return SLUICE_CONTINUE;
	if ((*(__u64 *)frame ^ *(const volatile __u64 *)config.mac) & LINK_ADDRESS_MASK)
		return SLUICE_CONTINUE;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return express_parse_v4(ip, end, &way) ? express_go(ctx, &way, 0) : SLUICE_CONTINUE;
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return express_parse_v6((void *)ip, end, &way) ? express_go(ctx, &way, 1)
							       : SLUICE_CONTINUE;
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_EXPRESS_H */
