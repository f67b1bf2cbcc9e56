/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The backends' part of SYN cookies: an ACK that brings a balancer's cookie back becomes a
 * connection of the listening socket, as if that had sent the SYN-ACK. In tc, because there
 * packets have sockets; behind the data plane, so what came in a tunnel is out of it.
 *
 * Three numbers of the packet and the clock say of nearly all that they bring no cookie.
 * Where the kernel has no bpf_sk_assign_tcp_reqsk(), before 6.9, this is not loaded.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "cookie.h"
#include "cookie_maps.h"
#include "tcp_options.h"

#define TCP_HEADER_FLAGS 0x17 /* ACK, RST, SYN, FIN */
#define TCP_HEADER_ACK	 0x10

/* The kernel's, of which only the kind counts. */
struct sock {
};

/* What the kernel is told of the connection (net/tcp.h). */
struct bpf_tcp_req_attrs {
	__u32 rcv_tsval;
	__u32 rcv_tsecr;
	__u16 mss;
	__u8 rcv_wscale;
	__u8 snd_wscale;
	__u8 ecn_ok;
	__u8 wscale_ok;
	__u8 sack_ok;
	__u8 tstamp_ok;
	__u8 usec_ts_ok;
	__u8 reserved[3];
};

extern int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
				   struct bpf_tcp_req_attrs *attrs, int attrs__sz) __ksym;

/* An ACK, and where its header is. */
struct arrival {
	struct cookie_message message;
	struct bpf_sock_tuple tuple;
	__u32 tuple_bytes;
	__u32 cookie;
	__u32 options_at;
	__u32 option_bytes;
	__be16 source;
	__be16 dest;
};

static __always_inline int read_tcp(void *frame, void *end, struct tcphdr *tcp,
				    struct arrival *arrival)
{
	if ((void *)(tcp + 1) > end || (((__u8 *)tcp)[13] & TCP_HEADER_FLAGS) != TCP_HEADER_ACK)
		return 0;
	arrival->cookie = bpf_ntohl(tcp->ack_seq) - 1;
	arrival->options_at = (void *)(tcp + 1) - frame;
	arrival->option_bytes = tcp->doff * 4 - sizeof(*tcp);
	arrival->source = tcp->source;
	arrival->dest = tcp->dest;
	cookie_ports(&arrival->message, tcp->source, tcp->dest, bpf_ntohl(tcp->seq) - 1);
	return 1;
}

static __always_inline int read_v4(void *frame, void *end, struct arrival *arrival)
{
	struct iphdr *ip = frame + ETH_HLEN;

	if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP || ip->ihl < 5)
		return 0;
	cookie_message_v4(&arrival->message, ip->saddr, ip->daddr);
	arrival->tuple.ipv4.saddr = ip->saddr;
	arrival->tuple.ipv4.daddr = ip->daddr;
	arrival->tuple_bytes = sizeof(arrival->tuple.ipv4);
	return read_tcp(frame, end, (void *)ip + ip->ihl * 4, arrival);
}

static __always_inline int read_v6(void *frame, void *end, struct arrival *arrival)
{
	struct ipv6hdr *ip = frame + ETH_HLEN;

	if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_TCP)
		return 0;
	cookie_message_v6(&arrival->message, &ip->saddr, &ip->daddr);
	__builtin_memcpy(arrival->tuple.ipv6.saddr, &ip->saddr, sizeof(ip->saddr));
	__builtin_memcpy(arrival->tuple.ipv6.daddr, &ip->daddr, sizeof(ip->daddr));
	arrival->tuple_bytes = sizeof(arrival->tuple.ipv6);
	return read_tcp(frame, end, (void *)(ip + 1), arrival);
}

/* 0: no ACK, or of another protocol. */
static __always_inline int read_arrival(struct __sk_buff *skb, struct arrival *arrival)
{
	void *frame = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		return read_v4(frame, end, arrival);
	return skb->protocol == bpf_htons(ETH_P_IPV6) ? read_v6(frame, end, arrival) : 0;
}

static __always_inline int offers_in_timestamp(struct __sk_buff *skb, const struct arrival *arrival,
					       struct offer *offer)
{
	__u32 bytes = arrival->option_bytes;
	struct options options = {};

	if (!bytes_of_options(&bytes) ||
	    bpf_skb_load_bytes(skb, arrival->options_at, options.bytes, bytes))
		return 0;
	read_options(&options, bytes, offer);
	return offer->has_timestamp;
}

/* What the SYN offered, and the balancer agreed to. */
static __always_inline void set_attributes(struct __sk_buff *skb, const struct arrival *arrival,
					   int mss, struct bpf_tcp_req_attrs *attrs)
{
	struct offer offer = {};

	attrs->mss = cookie_mss[mss & COOKIE_MSS_MASK];
	if (!offers_in_timestamp(skb, arrival, &offer))
		return;
	attrs->tstamp_ok = 1;
	attrs->rcv_tsval = offer.timestamp;
	attrs->rcv_tsecr = offer.echo;
	attrs->sack_ok = !!(offer.echo & COOKIE_TS_SACK);
	attrs->ecn_ok = !!(offer.echo & COOKIE_TS_ECN);
	if ((offer.echo & COOKIE_TS_WSCALE) == COOKIE_TS_WSCALE)
		return;
	attrs->wscale_ok = 1;
	attrs->snd_wscale = offer.echo & COOKIE_TS_WSCALE;
	attrs->rcv_wscale = COOKIE_OUR_WSCALE;
}

static __always_inline void count_accepted(int err)
{
	__u32 index = SLUICE_COOKIE_ACCEPTED;
	struct sluice_cookie_count *count = bpf_map_lookup_elem(&sluice_cookie_count, &index);

	if (count)
		count->uses[err ? SLUICE_COOKIE_INVALID : SLUICE_COOKIE_VALID]++;
}

static __always_inline struct bpf_sock *find_socket(struct __sk_buff *skb, struct arrival *arrival)
{
	struct bpf_sock_tuple *tuple = &arrival->tuple;

	if (arrival->tuple_bytes == sizeof(tuple->ipv4)) {
		tuple->ipv4.sport = arrival->source;
		tuple->ipv4.dport = arrival->dest;
		return bpf_sk_lookup_tcp(skb, tuple, sizeof(tuple->ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	tuple->ipv6.sport = arrival->source;
	tuple->ipv6.dport = arrival->dest;
	return bpf_sk_lookup_tcp(skb, tuple, sizeof(tuple->ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* Gives the ACK to the socket that listens, if there is one and no connection yet. */
static __always_inline void accept_connection(struct __sk_buff *skb, struct arrival *arrival,
					      int mss)
{
	struct bpf_tcp_req_attrs attrs = {};
	struct bpf_sock *sk;

	set_attributes(skb, arrival, mss, &attrs);
	sk = find_socket(skb, arrival);
	if (!sk)
		return;
	if (sk->state == BPF_TCP_LISTEN)
		count_accepted(
			bpf_sk_assign_tcp_reqsk(skb, (struct sock *)sk, &attrs, sizeof(attrs)));
	bpf_sk_release(sk);
}

SEC("tc")
int sluice_accept(struct __sk_buff *skb)
{
	const struct sluice_cookie_keys *keys = cookie_keys();
	struct arrival arrival = {};
	__u32 unit;
	int mss;

	if (!keys || !keys->count || !read_arrival(skb, &arrival))
		return TC_ACT_UNSPEC;
	unit = cookie_unit(bpf_ktime_get_tai_ns());
	if (!cookie_made_at(arrival.cookie, unit))
		return TC_ACT_UNSPEC;
	mss = cookie_check(keys, &arrival.message, arrival.cookie, unit);
	if (mss >= 0)
		accept_connection(skb, &arrival, mss);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
