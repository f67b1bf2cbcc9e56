/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The express way: the commonest packets of a balancer without a firewall, answered from
 * registers. A plain TCP or UDP packet, of a known flow or a new one, goes to its backend by
 * a way that is known; what is for no VIP passes. It says CONTINUE, with nothing changed, to
 * everything else, and the pipeline takes that packet from the start.
 *
 * It must never find another answer than the pipeline: tests/bpf/express_test.c runs packets
 * through both and compares outcome, frame, counters and connections.
 */
#ifndef SLUICE_BPF_EXPRESS_H
#define SLUICE_BPF_EXPRESS_H

#include "balancer.h"
#include "firewall.h"
#include "limit.h"
#include "quic.h"

#define LINK_ADDRESS_MASK bpf_cpu_to_be64(0xffffffffffff0000ULL)

/* Trace shows the stages, and a firewall has other questions. */
#define HAS_EXPRESS_WAY                                                                            \
	(HAS_ROLE(BALANCER) && !HAS_ROLE(FIREWALL) && !config.trace && !config.no_express)

/* What the headers said. */
struct express {
	struct sluice_vip_words to;
	__u64 conn_key; /* without the VIP's id */
	__u64 src[2];	/* IPv6 */
	__u32 frame_bytes;
	struct tunnelled packet;
	struct segment segment;
};

/* Leaves the ports to be read at l4. 0: the pipeline must look. */
static __always_inline int express_parse_l4(void *l4, void *end, __u8 proto, __u32 length,
					    struct express *way)
{
	way->segment = (struct segment){.proto = proto};
	if (proto == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;
		__u8 flags;

		if ((void *)(tcp + 1) > end || length < sizeof(*tcp))
			return 0;
		way->segment.tcp_flags = ((__u8 *)tcp)[13];
		flags = way->segment.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);
		if (flags != TCP_ACK && flags != TCP_SYN)
			return 0;
		return tcp->doff >= 5 && tcp->doff * 4 <= length;
	}
	if (proto == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		return (void *)(udp + 1) <= end && bpf_ntohs(udp->len) >= sizeof(*udp) &&
		       bpf_ntohs(udp->len) <= length;
	}
	return 0;
}

/* 1: a header without options or fragments, whose addresses need no second look. */
static __always_inline int express_parse_v4(struct iphdr *ip, void *end, struct express *way)
{
	__u8 src = *(__u8 *)&ip->saddr, dst = *(__u8 *)&ip->daddr;
	__be16 *ports = (void *)(ip + 1);

	if (*(__u8 *)ip != 0x45 || (ip->frag_off & bpf_htons(IP_FRAGMENT_BITS)))
		return 0;
	way->packet.length = bpf_ntohs(ip->tot_len);
	if (way->packet.length < sizeof(*ip) || way->packet.length > end - (void *)ip)
		return 0;
	if (!src || src == 127 || src >= 224 || !dst || dst == 127 || ip->saddr == ip->daddr)
		return 0;
	if (!express_parse_l4(ports, end, ip->protocol, way->packet.length - sizeof(*ip), way))
		return 0;
	vip_words_v4(&way->to, ip->daddr);
	way->to.rest = vip_rest(ports[1], ip->protocol);
	way->conn_key = (__u64)ports[0] << 32 | ip->saddr;
	way->packet.tos = ip->tos;
	way->packet.entropy = flow_entropy_v4(way->conn_key, ports[1]);
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
	if (!express_parse_l4(ports, end, ip->nexthdr, length, way))
		return 0;
	way->to.addr[0] = dst[0];
	way->to.addr[1] = dst[1];
	way->to.rest = vip_rest(ports[1], ip->nexthdr);
	way->conn_key = (__u64)ports[0] << 32;
	way->src[0] = src[0];
	way->src[1] = src[1];
	way->packet.length = length + sizeof(*ip);
	way->packet.tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	way->packet.entropy = flow_entropy_v6(way->src, way->conn_key, ports[1]);
	return 1;
}

static __always_inline void express_source(const struct express *way, int is_v6,
					   struct sluice_addr *src)
{
	if (is_v6)
		__builtin_memcpy(src, way->src, sizeof(*src));
	else
		addr_set_v4(src, (__be32)way->conn_key);
}

/* The ring's choice, for a flow that has none. */
static __attribute__((noinline)) int express_choose(const struct express *way, int is_v6,
						    const struct sluice_vip *vip, __u32 slot,
						    struct choice *choice)
{
	const struct sluice_vip_key *to = (const void *)&way->to;
	struct tuple tuple = {
		.sport = way->conn_key >> 32, .dport = to->port, .proto = way->segment.proto};

	if (vip->ring == SLUICE_NONE16)
		return 0;
	express_source(way, is_v6, &tuple.src);
	__builtin_memcpy(&tuple.dst, way->to.addr, sizeof(tuple.dst));
	return choose_by_ring(&tuple, vip, slot, choice);
}

/* Where the ports are, on this way. */
static __always_inline __u32 express_l4(int is_v6)
{
	return ETH_HLEN + (is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

/* The way to the backend, if it is known and the packet fits; else NULL. */
static __always_inline const struct hop_entry *
express_hop(const struct express *way, int is_v6, __u32 generation, const struct choice *choice)
{
	struct hop_key key = {.now = bpf_jiffies64(),
			      .slot = choice->slot,
			      .incarnation = choice->backend->incarnation,
			      .generation = generation,
			      .inner_v6 = is_v6};
	const struct hop_entry *hop;

	if (choice->backend->flags & SLUICE_BACKEND_LOCAL)
		return NULL;
	hop = hop_entry(&key);
	return hop && hop_is_good(hop, &key, way->packet.length + hop->overhead) ? hop : NULL;
}

/*
 * Asked when all else is known, and only then: the pipeline would ask again. What is refused
 * moves no connection on.
 */
static __always_inline enum sluice_outcome express_limit(const struct express *way, int is_v6,
							 const struct sluice_vip *vip, __u32 slot,
							 int known)
{
	struct limit_request *request = limit_request();

	if (!request)
		return SLUICE_CONTINUE; /* for the verifier */
	express_source(way, is_v6, (struct sluice_addr *)request->src);
	request->slot = slot;
	request->bytes = way->frame_bytes;
	request->opens =
		!known && (way->segment.proto != IPPROTO_TCP || segment_opens(way->segment));
	return limit_service_outcome(limit_check(vip->service));
}

/* Sends a packet on to its backend by a way that is known, and moves its connection on. */
static __always_inline enum sluice_outcome express_send(struct xdp_md *ctx,
							const struct express *way, int is_v6,
							const struct sluice_vip *vip,
							__u32 generation, struct conn *conn)
{
	__u32 slot = generation & (SLUICE_SLOTS - 1);
	enum sluice_outcome outcome;
	const struct hop_entry *hop;
	struct choice choice;
	int pinned, is_new = 0;

	pinned = choose_by_conn(conn, vip, slot, &choice);
	if (!pinned && (((vip->flags & SLUICE_VIP_COOKIES) && !conn_is_fresh(conn)) ||
			!express_choose(way, is_v6, vip, slot, &choice)))
		return SLUICE_CONTINUE;
	hop = express_hop(way, is_v6, generation, &choice);
	if (!hop)
		return SLUICE_CONTINUE;
	if (vip->flags & SLUICE_VIP_LIMITED) {
		outcome = express_limit(way, is_v6, vip, slot, conn_is_known(conn));
		if (outcome)
			return outcome;
	}
	/* Nothing that comes this way moves an established flow on but in time. */
	if (pinned && SLUICE_CONN_GET(STATE, conn->value) == SLUICE_FLOW_ESTABLISHED)
		conn_touch(conn, way->segment.proto);
	else
		is_new = conn_track(way->segment, conn, choice.slot, choice.backend->incarnation);
	count_backend(vip, choice.backend, way->frame_bytes, is_new);
	return send_to_hop(ctx, hop, &way->packet);
}

/* The same for a QUIC packet that names its backend: no connection is looked for. */
static __always_inline enum sluice_outcome
express_send_quic(struct xdp_md *ctx, const struct express *way, int is_v6,
		  const struct sluice_vip *vip, __u32 generation, const struct choice *choice)
{
	const struct hop_entry *hop = express_hop(way, is_v6, generation, choice);
	enum sluice_outcome outcome;

	if (!hop)
		return SLUICE_CONTINUE;
	if (vip->flags & SLUICE_VIP_LIMITED) {
		outcome = express_limit(way, is_v6, vip, generation & (SLUICE_SLOTS - 1), 1);
		if (outcome)
			return outcome;
	}
	count_backend(vip, choice->backend, way->frame_bytes, 0);
	return send_to_hop(ctx, hop, &way->packet);
}

/* PASS_LOCAL, unless the destination's address alone is a VIP's, or there is more to do. */
static __always_inline enum sluice_outcome express_pass(__u32 slot, struct express *way)
{
	int spilled;

	way->to.rest = 0;
	if (HAS_ROLE(FORWARD) || vip_indexed(slot, &way->to, &spilled) || spilled)
		return SLUICE_CONTINUE;
	/* It may be GUE, and for a VIP inside. */
	if (HAS_ROLE(DECAP) && way->segment.proto == IPPROTO_UDP)
		return SLUICE_CONTINUE;
	return SLUICE_PASS_LOCAL;
}

static __always_inline int express_is_blocked(const struct sluice_control *control,
					      const struct express *way, int is_v6)
{
	struct sluice_addr src;

	if (!control->block_entries)
		return 0;
	express_source(way, is_v6, &src);
	return is_blocked(&src, is_v6);
}

static __always_inline enum sluice_outcome express_go(struct xdp_md *ctx, struct express *way,
						      int is_v6)
{
	const struct sluice_control *control;
	const struct sluice_vip *vip;
	struct choice choice;
	struct conn conn;
	__u32 zero = 0, generation, slot;
	int spilled;

	control = bpf_map_lookup_elem(&sluice_control, &zero);
	if (!control || express_is_blocked(control, way, is_v6))
		return SLUICE_CONTINUE;
	generation = *(volatile __u32 *)&control->generation.config;
	slot = generation & (SLUICE_SLOTS - 1);
	vip = vip_indexed(slot, &way->to, &spilled);
	if (!vip)
		return spilled ? SLUICE_CONTINUE : express_pass(slot, way);
	if (!is_tunnelled(vip->forward))
		return SLUICE_CONTINUE;
	if (vip->quic && way->segment.proto == IPPROTO_UDP &&
	    choose_by_cid(ctx, express_l4(is_v6), vip, slot, &choice))
		return express_send_quic(ctx, way, is_v6, vip, generation, &choice);
	conn.key = way->conn_key | (__u64)vip->id << 48;
	if (is_v6) {
		conn.src[0] = way->src[0];
		conn.src[1] = way->src[1];
	}
	conn.now = conn_now();
	conn_find(&conn, is_v6);
	conn.over = conn.at && conn_is_over(&conn, way->segment);
	return express_send(ctx, way, is_v6, vip, generation, &conn);
}

/* The outcome; CONTINUE: not for this way. */
int express(struct xdp_md *ctx, __u32 frame_bytes);

ISOLATED_STAGE express(struct xdp_md *ctx, __u32 frame_bytes)
{
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct express way;

	if ((void *)(ip + 1) > end)
		return SLUICE_CONTINUE;
	if ((*(__u64 *)frame ^ *(const volatile __u64 *)config.mac) & LINK_ADDRESS_MASK)
		return SLUICE_CONTINUE;
	way.frame_bytes = frame_bytes;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return express_parse_v4(ip, end, &way) ? express_go(ctx, &way, 0) : SLUICE_CONTINUE;
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return express_parse_v6((void *)ip, end, &way) ? express_go(ctx, &way, 1)
							       : SLUICE_CONTINUE;
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_EXPRESS_H */
