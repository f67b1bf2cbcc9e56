/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Health checks along the way of the traffic. A socket of the agent is connected to the
 * backend's own address, for routes and neighbours to be right; on the way out, its packets
 * get the VIP as destination, and the tunnel's header; on the way in, the backend's answers
 * and ICMP errors, which name the VIP, get the address that the socket expects.
 *
 * Attached by tc behind the stack, where the balancer's XDP program is in front of it. Packets
 * of nobody else are touched: ways belong to sockets (and to what the kernel still sends for
 * connections whose socket is gone), answers to what was sent.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sluice/check.h"

#define FLOWS		 16384
#define IP_DF		 0x4000
#define IP_FRAGMENT	 0x3fff /* more fragments, or an offset */
#define TUNNEL_TTL	 64
#define GUE_SOURCE_FIRST 49152
#define ICMP_UNREACHABLE 3
#define ICMP_EXCEEDED	 11
#define ICMPV6_ERROR	 128 /* types below are errors */
#define ICMP_SUM_AT	 2
#define ICMP_LENGTH	 8
#define STREAM		 1 /* SOCK_STREAM and SOCK_DGRAM, whose header is not for BPF */
#define DATAGRAM	 2

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sluice_check_way);
} check_ways SEC(".maps");

/* Of flows whose socket may be gone: the last packets of a connection are sent without it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS);
	__type(key, struct sluice_check_flow);
	__type(value, struct sluice_check_way);
} check_sent SEC(".maps");

/* Of answers, which come from the VIP. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS);
	__type(key, struct sluice_check_flow);
	__type(value, struct sluice_check_peer);
} check_answers SEC(".maps");

/* --- packets ------------------------------------------------------------------------ */

/* An IP header, the frame's own or one that an error quotes, and the ports behind it. */
struct header {
	struct sluice_addr src, dst;
	__be16 ports[2];
	__u32 at, l4; /* offsets in the frame */
	__u8 proto;
	__u8 is_v6;
	__u8 pad[2];
};

static __always_inline void addr_set_v4(struct sluice_addr *addr, __be32 v4)
{
	addr->words[0] = 0;
	addr->words[1] = 0;
	addr->words[2] = bpf_htonl(0xffff);
	addr->words[3] = v4;
}

static __always_inline int addr_is_v4(const struct sluice_addr *addr)
{
	return !addr->words[0] && !addr->words[1] && addr->words[2] == bpf_htonl(0xffff);
}

static __always_inline int load_v4(struct __sk_buff *skb, struct header *header)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, header->at, &ip, sizeof(ip)))
		return -1;
	if (ip.version != 4 || ip.ihl < 5 || ip.frag_off & bpf_htons(IP_FRAGMENT))
		return -1;
	addr_set_v4(&header->src, ip.saddr);
	addr_set_v4(&header->dst, ip.daddr);
	header->proto = ip.protocol;
	header->l4 = header->at + ip.ihl * 4;
	return 0;
}

static __always_inline int load_v6(struct __sk_buff *skb, struct header *header)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, header->at, &ip, sizeof(ip)) || ip.version != 6)
		return -1;
	__builtin_memcpy(&header->src, &ip.saddr, sizeof(header->src));
	__builtin_memcpy(&header->dst, &ip.daddr, sizeof(header->dst));
	header->proto = ip.nexthdr;
	header->l4 = header->at + sizeof(ip);
	return 0;
}

/* Reads the header at this offset; not 0: it is not one that a check could have. */
static __always_inline int load_header(struct __sk_buff *skb, __u32 at, struct header *header)
{
	header->at = at;
	header->is_v6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	if (!header->is_v6 && skb->protocol != bpf_htons(ETH_P_IP))
		return -1;
	if (header->is_v6 ? load_v6(skb, header) : load_v4(skb, header))
		return -1;
	return bpf_skb_load_bytes(skb, header->l4, header->ports, sizeof(header->ports));
}

static __always_inline int has_ports(const struct header *header)
{
	return header->proto == IPPROTO_TCP || header->proto == IPPROTO_UDP;
}

static __always_inline void flow_of(const struct header *header, int outgoing,
				    struct sluice_check_flow *flow)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->local = outgoing ? header->src : header->dst;
	flow->remote = outgoing ? header->dst : header->src;
	flow->local_port = header->ports[!outgoing];
	flow->remote_port = header->ports[outgoing];
	flow->proto = header->proto;
}

/* --- changing one endpoint ------------------------------------------------------------- */

/* Which of a header's two endpoints is changed, and the checksum that covers it. */
struct change {
	__u32 addr, port; /* offsets in the frame */
	__u32 sum;
	__u64 addr_flags, port_flags; /* of bpf_l4_csum_replace() */
};

static __always_inline void change_init(struct change *change, const struct header *header,
					int destination)
{
	change->port = header->l4 + (destination ? 2 : 0);
	if (header->is_v6)
		change->addr = header->at + (destination ? offsetof(struct ipv6hdr, daddr)
							 : offsetof(struct ipv6hdr, saddr));
	else
		change->addr = header->at + (destination ? offsetof(struct iphdr, daddr)
							 : offsetof(struct iphdr, saddr));
}

/* The checksum of TCP or UDP itself. */
static __always_inline void change_sum_of(struct change *change, const struct header *header)
{
	__u64 mangled = header->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

	change->sum = header->l4 + (header->proto == IPPROTO_TCP ? 16 : 6);
	change->port_flags = mangled;
	change->addr_flags = mangled | BPF_F_PSEUDO_HDR;
}

static __always_inline long change_addr_v4(struct __sk_buff *skb, const struct change *change,
					   __u32 check, __be32 from, __be32 to)
{
	return bpf_l3_csum_replace(skb, check, from, to, sizeof(to)) ||
	       /* Of an ICMP error: the quoted header sums up to what it did before. */
	       (change->addr_flags & BPF_F_PSEUDO_HDR &&
		bpf_l4_csum_replace(skb, change->sum, from, to, change->addr_flags | sizeof(to))) ||
	       bpf_skb_store_bytes(skb, change->addr, &to, sizeof(to), 0);
}

static __always_inline long change_addr_v6(struct __sk_buff *skb, const struct change *change,
					   struct sluice_addr *from, struct sluice_addr *to)
{
	__s64 sum = bpf_csum_diff(from->words, sizeof(*from), to->words, sizeof(*to), 0);

	return sum < 0 || bpf_l4_csum_replace(skb, change->sum, 0, sum, change->addr_flags) ||
	       bpf_skb_store_bytes(skb, change->addr, to, sizeof(*to), 0);
}

static __always_inline long change_endpoint(struct __sk_buff *skb, const struct header *header,
					    const struct change *change,
					    struct sluice_check_peer *from,
					    struct sluice_check_peer *to)
{
	long failed;

	if (header->is_v6)
		failed = change_addr_v6(skb, change, &from->addr, &to->addr);
	else
		failed = change_addr_v4(skb, change, header->at + offsetof(struct iphdr, check),
					from->addr.words[3], to->addr.words[3]);
	return failed ||
	       bpf_l4_csum_replace(skb, change->sum, from->port, to->port,
				   change->port_flags | sizeof(to->port)) ||
	       bpf_skb_store_bytes(skb, change->port, &to->port, sizeof(to->port), 0);
}

/* --- out --------------------------------------------------------------------------------- */

/* 1 if the way is the packet's; its socket, if it still has one, decides. */
static __always_inline int find_way(struct __sk_buff *skb, const struct sluice_check_flow *flow,
				    struct sluice_check_way *way)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;
	struct sluice_check_way *found;

	if (sk && (sk->type == STREAM || sk->type == DATAGRAM)) {
		found = bpf_sk_storage_get(&check_ways, sk, 0, 0);
		if (found)
			found->taken = 1;
	} else {
		found = bpf_map_lookup_elem(&check_sent, flow);
	}
	if (!found)
		return 0;
	*way = *found;
	return 1;
}

static __always_inline void note_flow(const struct sluice_check_flow *flow,
				      const struct sluice_check_way *way)
{
	struct sluice_check_peer peer = {.addr = flow->remote, .port = flow->remote_port};
	struct sluice_check_flow answer = *flow;

	answer.remote = way->vip;
	answer.remote_port = way->vip_port;
	bpf_map_update_elem(&check_sent, flow, way, BPF_ANY);
	bpf_map_update_elem(&check_answers, &answer, &peer, BPF_ANY);
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* What stands in front of the packet: of GUE with UDP, of IP in IP without. */
struct outer_v4 {
	struct iphdr ip;
	struct udphdr udp;
};

struct outer_v6 {
	struct ipv6hdr ip;
	struct udphdr udp;
};

static __always_inline __u8 outer_proto(const struct header *inner, __u32 udp_bytes)
{
	if (udp_bytes)
		return IPPROTO_UDP;
	return inner->is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

/* Without a checksum, as the balancer sends it. */
static __always_inline void set_udp(struct udphdr *udp, const struct header *inner,
				    const struct sluice_check_way *way, __u32 inner_bytes)
{
	udp->source = inner->ports[0] | bpf_htons(GUE_SOURCE_FIRST);
	udp->dest = way->gue_port;
	udp->len = bpf_htons(inner_bytes + sizeof(*udp));
}

static __always_inline long put_outer(struct __sk_buff *skb, void *outer, __u32 bytes, __u64 flags,
				      __be16 ethertype)
{
	return bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, flags) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN, outer, bytes, 0) ||
	       bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &ethertype,
				   sizeof(ethertype), 0);
}

static __always_inline long tunnel_v4(struct __sk_buff *skb, const struct header *inner,
				      const struct sluice_check_way *way, __be32 src,
				      const int udp_bytes)
{
	__u32 inner_bytes = skb->len - ETH_HLEN;
	const __u32 bytes = sizeof(struct iphdr) + udp_bytes;
	struct outer_v4 outer = {
		.ip.version = 4,
		.ip.ihl = 5,
		.ip.tot_len = bpf_htons(inner_bytes + bytes),
		.ip.frag_off = bpf_htons(IP_DF),
		.ip.ttl = TUNNEL_TTL,
		.ip.protocol = outer_proto(inner, udp_bytes),
		.ip.saddr = src,
		.ip.daddr = way->backend.words[3],
	};

	outer.ip.check = fold(bpf_csum_diff(NULL, 0, (__be32 *)&outer.ip, sizeof(outer.ip), 0));
	set_udp(&outer.udp, inner, way, inner_bytes);
	return put_outer(skb, &outer, bytes,
			 BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 |
				 (udp_bytes ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : 0),
			 bpf_htons(ETH_P_IP));
}

static __always_inline long tunnel_v6(struct __sk_buff *skb, const struct header *inner,
				      const struct sluice_check_way *way,
				      const struct sluice_addr *src, const int udp_bytes)
{
	__u32 inner_bytes = skb->len - ETH_HLEN;
	struct outer_v6 outer = {
		.ip.version = 6,
		.ip.payload_len = bpf_htons(inner_bytes + udp_bytes),
		.ip.nexthdr = outer_proto(inner, udp_bytes),
		.ip.hop_limit = TUNNEL_TTL,
	};

	__builtin_memcpy(&outer.ip.saddr, src, sizeof(outer.ip.saddr));
	__builtin_memcpy(&outer.ip.daddr, &way->backend, sizeof(outer.ip.daddr));
	set_udp(&outer.udp, inner, way, inner_bytes);
	return put_outer(skb, &outer, sizeof(struct ipv6hdr) + udp_bytes,
			 BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 |
				 (udp_bytes ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : 0),
			 bpf_htons(ETH_P_IPV6));
}

/* Within one family the way was found already, by the address that the socket knows. */
static __always_inline int send_tunneled(struct __sk_buff *skb, const struct header *header,
					 const struct sluice_check_way *way, const int udp_bytes)
{
	int outer_is_v6 = !addr_is_v4(&way->backend);
	const struct sluice_addr *src = &way->source;
	long failed;

	if (outer_is_v6 == header->is_v6)
		src = &header->src;
	if (outer_is_v6)
		failed = tunnel_v6(skb, header, way, src, udp_bytes);
	else
		failed = tunnel_v4(skb, header, way, src->words[3], udp_bytes);
	if (failed)
		return TC_ACT_SHOT;
	return outer_is_v6 == header->is_v6 ? TC_ACT_UNSPEC
					    : bpf_redirect_neigh(skb->ifindex, NULL, 0, 0);
}

SEC("tc")
int check_egress(struct __sk_buff *skb)
{
	struct sluice_check_peer from = {}, to = {};
	struct sluice_check_way way;
	struct sluice_check_flow flow;
	struct header header;
	struct change change;

	if (load_header(skb, ETH_HLEN, &header) || !has_ports(&header))
		return TC_ACT_UNSPEC;
	flow_of(&header, 1, &flow);
	if (!find_way(skb, &flow, &way))
		return TC_ACT_UNSPEC;
	note_flow(&flow, &way);
	from.addr = flow.remote;
	from.port = flow.remote_port;
	to.addr = way.vip;
	to.port = way.vip_port;
	change_init(&change, &header, 1);
	change_sum_of(&change, &header);
	if (change_endpoint(skb, &header, &change, &from, &to))
		return TC_ACT_SHOT;
	switch (way.forward) {
	case SLUICE_FORWARD_IPIP:
		return send_tunneled(skb, &header, &way, 0);
	case SLUICE_FORWARD_GUE:
		return send_tunneled(skb, &header, &way, sizeof(struct udphdr));
	default:
		return TC_ACT_UNSPEC;
	}
}

/* --- in ---------------------------------------------------------------------------------- */

/* An error about one of our packets: what it quotes becomes what the socket has sent. */
static __always_inline int take_error(struct __sk_buff *skb, const struct header *outer)
{
	struct sluice_check_peer from = {}, *peer, to;
	struct sluice_check_flow flow;
	struct header quoted;
	struct change change;

	if (load_header(skb, outer->l4 + ICMP_LENGTH, &quoted) || !has_ports(&quoted))
		return TC_ACT_UNSPEC;
	flow_of(&quoted, 1, &flow);
	peer = bpf_map_lookup_elem(&check_answers, &flow);
	if (!peer)
		return TC_ACT_UNSPEC;
	to = *peer;
	from.addr = flow.remote;
	from.port = flow.remote_port;
	change_init(&change, &quoted, 1);
	change.sum = outer->l4 + ICMP_SUM_AT;
	change.addr_flags = change.port_flags = 0;
	return change_endpoint(skb, &quoted, &change, &from, &to) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

static __always_inline int is_error(const struct header *header)
{
	__u8 type = bpf_ntohs(header->ports[0]) >> 8;

	if (header->proto == IPPROTO_ICMPV6)
		return header->is_v6 && type < ICMPV6_ERROR;
	return header->proto == IPPROTO_ICMP && !header->is_v6 &&
	       (type == ICMP_UNREACHABLE || type == ICMP_EXCEEDED);
}

SEC("tc")
int check_ingress(struct __sk_buff *skb)
{
	struct sluice_check_peer from = {}, *peer, to;
	struct sluice_check_flow flow;
	struct header header;
	struct change change;

	if (load_header(skb, ETH_HLEN, &header))
		return TC_ACT_UNSPEC;
	if (!has_ports(&header))
		return is_error(&header) ? take_error(skb, &header) : TC_ACT_UNSPEC;
	flow_of(&header, 0, &flow);
	peer = bpf_map_lookup_elem(&check_answers, &flow);
	if (!peer)
		return TC_ACT_UNSPEC;
	to = *peer;
	from.addr = flow.remote;
	from.port = flow.remote_port;
	change_init(&change, &header, 0);
	change_sum_of(&change, &header);
	/* IPv6: address and checksum cancel out in a sum of the whole that a device has made. */
	if (header.is_v6)
		change.addr_flags &= ~BPF_F_PSEUDO_HDR;
	return change_endpoint(skb, &header, &change, &from, &to) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
