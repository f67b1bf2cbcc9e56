/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SYN cookies (RFC 4987, 3.6) of services under a flood: a SYN is answered in place of the
 * backend, and nothing is remembered of it; the ACK that brings the cookie back goes to the
 * backend, on whichever balancer it arrives, as all have one key. The backend's own program
 * makes a connection of it (cookie.bpf.c).
 *
 * A service has its own limit and its own pressure. What belongs to a connection that is
 * known never comes here, so the backend itself answers a SYN in TIME-WAIT, and one that is
 * sent again. An ACK without a valid cookie may be of a connection that was another
 * balancer's: as many as SYNs are within the limit pass, beyond that they are dropped.
 */
#ifndef SLUICE_BPF_SYN_COOKIE_H
#define SLUICE_BPF_SYN_COOKIE_H

#include "balancer.h"
#include "cookie.h"
#include "firewall.h"
#include "tcp_options.h"

#define PRESSURE_SECONDS 2    /* a service stays under pressure, once it was above its limit */
#define STRAYS_ALWAYS	 1000 /* ACKs a second of a service without a limit that pass */
#define TCP_ECE		 0x40
#define TCP_CWR		 0x80
#define ANSWER_WINDOW	 64240 /* what a client may send before the backend has spoken */
#define ANSWER_TTL	 64
#define TCP_BYTES_SHORT	 24 /* with an MSS */
#define TCP_BYTES_LONG	 40 /* and timestamps, SACK, and the window's scale */
#define ETHERNET_MTU	 1500

/* A TCP header with its options, as words; and how many octets of it count. */
struct answer {
	__be32 words[TCP_BYTES_LONG / 4];
	__u32 bytes;
};

/* --- whether a service is under pressure --------------------------------------- */

static __always_inline struct sluice_cookie_service *cookie_service(const struct sluice_vip *vip)
{
	__u32 index = vip->service;

	return bpf_map_lookup_elem(&sluice_cookie_services, &index);
}

/* Which of its kind the packet is in this second, from 0 on. Trace takes no number. */
static __always_inline __u32 number_in_second(struct sluice_cookie_service *service, __u32 *counter)
{
	__u64 second = bpf_jiffies64() / config.hz;

	if (config.trace)
		return service->second == second ? *(volatile __u32 *)counter : 0;
	if (service->second != second) {
		service->second = second;
		service->syns = 0;
		service->strays = 0;
	}
	return __sync_fetch_and_add(counter, 1);
}

static __always_inline int is_pressed(const struct sluice_cookie_service *service)
{
	return !service->limit || service->until > bpf_jiffies64();
}

/* The same, with one more SYN. */
static __always_inline int press(struct sluice_cookie_service *service)
{
	if (!service->limit)
		return 1;
	if (number_in_second(service, &service->syns) < service->limit)
		return is_pressed(service);
	if (!config.trace)
		service->until = bpf_jiffies64() + PRESSURE_SECONDS * config.hz;
	return 1;
}

static __always_inline int is_stray_too_many(struct sluice_cookie_service *service)
{
	__u32 limit = service->limit ? service->limit : STRAYS_ALWAYS;

	return is_pressed(service) && number_in_second(service, &service->strays) >= limit;
}

static __always_inline void count_cookie(const struct sluice_vip *vip, enum sluice_cookie_use use)
{
	__u32 index = vip->service;
	struct sluice_cookie_count *count;

	if (config.trace)
		return;
	count = bpf_map_lookup_elem(&sluice_cookie_count, &index);
	if (count)
		count->uses[use]++;
}

/* --- the SYN ------------------------------------------------------------------ */

static __always_inline struct tcphdr *tcp_header(struct xdp_md *ctx, const struct packet *pkt)
{
	struct tcphdr *tcp = (void *)(long)ctx->data + (pkt->l4_offset & FRAME_OFFSET_MASK);

	return (void *)(tcp + 1) > (void *)(long)ctx->data_end ? NULL : tcp;
}

/* 0: the header is not whole. */
int read_offer(struct xdp_md *ctx, const struct packet *pkt, struct offer *offer);

ISOLATED_STAGE read_offer(struct xdp_md *ctx, const struct packet *pkt, struct offer *offer)
{
	struct options options = {};
	struct tcphdr *tcp;
	__u32 bytes;

	if (!pkt || !offer)
		return 0; /* for the verifier */
	tcp = tcp_header(ctx, pkt);
	if (!tcp)
		return 0;
	offer->sequence = bpf_ntohl(tcp->seq);
	offer_nothing(offer);
	offer->ecn = (pkt->tcp_flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
	bytes = tcp->doff * 4 - sizeof(*tcp);
	if (!bytes_of_options(&bytes))
		return 1;
	if (bpf_xdp_load_bytes(ctx, (pkt->l4_offset & FRAME_OFFSET_MASK) + sizeof(*tcp),
			       options.bytes, bytes))
		return 0;
	read_options(&options, bytes, offer);
	return 1;
}

/* --- the SYN-ACK --------------------------------------------------------------- */

static __always_inline void set_message(const struct packet *pkt, __u32 sequence,
					struct cookie_message *message)
{
	if (pkt->is_v6)
		cookie_message_v6(message, &pkt->self.src, &pkt->self.dst);
	else
		cookie_message_v4(message, pkt->self.src.words[3], pkt->self.dst.words[3]);
	cookie_ports(message, pkt->self.sport, pkt->self.dport, sequence);
}

/* Options that only timestamps can tell again are agreed to with them alone. */
static __always_inline void answer_options(const struct offer *offer, __u64 now,
					   struct answer *answer)
{
	__u32 options = offer->wscale | (offer->sack ? COOKIE_TS_SACK : 0) |
			(offer->ecn ? COOKIE_TS_ECN : 0);
	__u32 pair = offer->sack ? TCP_OPTION_SACK << 24 | 2 << 16
				 : TCP_OPTION_NOP << 24 | TCP_OPTION_NOP << 16;
	__u32 scale = TCP_OPTION_NOP << 24 | TCP_OPTION_WSCALE << 16 | 3 << 8 | COOKIE_OUR_WSCALE;

	if (offer->wscale == COOKIE_TS_WSCALE)
		scale = TCP_OPTION_NOP * 0x01010101;
	answer->words[6] = bpf_htonl(pair | TCP_OPTION_TIME << 8 | 10);
	answer->words[7] = bpf_htonl(cookie_timestamp(now, options));
	answer->words[8] = bpf_htonl(offer->timestamp);
	answer->words[9] = bpf_htonl(scale);
}

static __always_inline void make_answer(const struct packet *pkt, const struct offer *offer,
					__u32 cookie, __u64 now, struct answer *answer)
{
	__u32 flags = TCP_SYN | TCP_ACK;

	answer->bytes = TCP_BYTES_SHORT;
	if (offer->has_timestamp) {
		answer->bytes = TCP_BYTES_LONG;
		flags |= offer->ecn ? TCP_ECE : 0;
		answer_options(offer, now, answer);
	}
	answer->words[0] =
		bpf_htonl((__u32)bpf_ntohs(pkt->self.dport) << 16 | bpf_ntohs(pkt->self.sport));
	answer->words[1] = bpf_htonl(cookie);
	answer->words[2] = bpf_htonl(offer->sequence + 1);
	answer->words[3] = bpf_htonl(answer->bytes / 4 << 28 | flags << 16 | ANSWER_WINDOW);
	answer->words[5] = bpf_htonl(TCP_OPTION_MSS << 24 | 4 << 16 | offer->our_mss);
}

/* Over the pseudo header as well; what does not count is zero. */
static __always_inline void checksum_answer(const struct packet *pkt, struct answer *answer)
{
	__u64 sum = bpf_htons(IPPROTO_TCP) + bpf_htons(answer->bytes);
	int i;

#pragma unroll
	for (i = 0; i < TCP_BYTES_LONG / 4; i++)
		sum += answer->words[i];
#pragma unroll
	for (i = 0; i < 4; i++)
		if (pkt->is_v6 || i == 3)
			sum += (__u64)pkt->self.src.words[i] + pkt->self.dst.words[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	answer->words[4] = (__be32)bpf_htonl(
		(__u32)bpf_ntohs(fold_checksum((sum & 0xffff) + (sum >> 16))) << 16);
}

static __always_inline void put_ip_v4(struct iphdr *ip, const struct packet *pkt, __u32 tcp_bytes)
{
	__be16 length = bpf_htons(sizeof(*ip) + tcp_bytes);
	__be32 src = pkt->self.dst.words[3], dst = pkt->self.src.words[3];

	*(__be16 *)ip = bpf_htons(0x4500);
	ip->tot_len = length;
	ip->id = 0;
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = ANSWER_TTL;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = src;
	ip->daddr = dst;
	ip->check = fold_checksum(bpf_htons(0x4500) + length + bpf_htons(IP_DF) +
				  bpf_htons(ANSWER_TTL << 8 | IPPROTO_TCP) + (src & 0xffff) +
				  (src >> 16) + (dst & 0xffff) + (dst >> 16));
}

static __always_inline void put_ip_v6(struct ipv6hdr *ip, const struct packet *pkt, __u32 tcp_bytes)
{
	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(tcp_bytes);
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = ANSWER_TTL;
	__builtin_memcpy(&ip->saddr, &pkt->self.dst, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &pkt->self.src, sizeof(ip->daddr));
}

static __always_inline void turn_link(struct ethhdr *eth)
{
	__u8 sender[ETH_ALEN];

	__builtin_memcpy(sender, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, sender, ETH_ALEN);
}

/* Puts the answer in the place of the SYN, whatever that had in front of TCP and behind it. */
static __attribute__((noinline)) int put_answer(struct xdp_md *ctx, const struct packet *pkt,
						const struct answer *answer)
{
	const __u32 ip_bytes = pkt->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	int now = ctx->data_end - ctx->data;
	struct ethhdr *eth;
	__be32 *tcp;
	int i;

	if (bpf_xdp_adjust_tail(ctx, (int)(ETH_HLEN + ip_bytes + answer->bytes) - now))
		return 0;
	eth = (void *)(long)ctx->data;
	tcp = (void *)(eth + 1) + ip_bytes;
	if ((void *)tcp + TCP_BYTES_SHORT > (void *)(long)ctx->data_end)
		return 0;
	turn_link(eth);
	if (pkt->is_v6)
		put_ip_v6((void *)(eth + 1), pkt, answer->bytes);
	else
		put_ip_v4((void *)(eth + 1), pkt, answer->bytes);
#pragma unroll
	for (i = 0; i < TCP_BYTES_SHORT / 4; i++)
		tcp[i] = answer->words[i];
	if (answer->bytes != TCP_BYTES_LONG)
		return 1;
	if ((void *)tcp + TCP_BYTES_LONG > (void *)(long)ctx->data_end)
		return 0;
#pragma unroll
	for (i = TCP_BYTES_SHORT / 4; i < TCP_BYTES_LONG / 4; i++)
		tcp[i] = answer->words[i];
	return 1;
}

/* Whether the firewall lets the SYN in, of which no flow is known and none is to be made. */
static __always_inline enum sluice_outcome admit_syn(struct packet *pkt,
						     const struct tables *tables)
{
	const struct classification *work = classification();
	enum sluice_outcome outcome;

	outcome = ask(pkt, tables, NULL, config.port, 0);
	if (!outcome)
		outcome = classify(tables, config.port);
	if (outcome)
		return outcome;
	if (!work || work->judgement.action == SLUICE_ACTION_DROP)
		return work ? refuse(&work->judgement, pkt) : SLUICE_INTERNAL;
	if (work->judgement.rule != SLUICE_NONE)
		count_rule(work->judgement.rule, pkt);
	return SLUICE_CONTINUE;
}

/* The MSS that fits the way to the backend which the connection will have. */
STAGE find_mss(struct xdp_md *ctx, struct packet *pkt, const struct tables *tables,
	       const struct sluice_vip *vip, struct offer *offer)
{
	__u32 mtu = ETHERNET_MTU, headers = sizeof(struct iphdr) + sizeof(struct tcphdr);
	struct choice choice = {.forward = vip->forward};
	const struct hop_entry *hop;
	enum sluice_outcome outcome;
	struct tuple towards = {};

	if (!choose_by_ring(&pkt->flow, vip, tables->slot, &choice))
		return SLUICE_NO_BACKEND;
	if (!(choice.backend->flags & SLUICE_BACKEND_LOCAL)) {
		outcome = find_way(ctx, pkt, tables, &choice, &towards, &hop);
		if (outcome)
			return outcome;
		if (hop->hop.mtu - hop->overhead < mtu)
			mtu = hop->hop.mtu - hop->overhead;
	}
	if (pkt->is_v6)
		headers = sizeof(struct ipv6hdr) + sizeof(struct tcphdr);
	offer->our_mss = mtu - headers;
	return SLUICE_CONTINUE;
}

STAGE answer_syn(struct xdp_md *ctx, const struct packet *pkt, const struct offer *offer)
{
	const struct sluice_cookie_keys *keys = cookie_keys();
	__u64 now = bpf_ktime_get_tai_ns();
	struct cookie_message message = {};
	struct answer answer = {};
	__u32 cookie;

	if (!keys || !keys->count)
		return SLUICE_INTERNAL; /* configured without one */
	set_message(pkt, offer->sequence, &message);
	cookie = cookie_make(keys, &message, cookie_unit(now),
			     cookie_mss_index(offer->mss, pkt->is_v6));
	make_answer(pkt, offer, cookie, now, &answer);
	checksum_answer(pkt, &answer);
	return put_answer(ctx, pkt, &answer) ? send_back(ctx) : SLUICE_INTERNAL;
}

/* A SYN that has been let in: a stage of its own, as there would be too little stack for it. */
static __always_inline enum sluice_outcome greet(struct xdp_md *ctx, struct packet *pkt,
						 const struct tables *tables)
{
	const struct sluice_vip *vip = find_vip(pkt, tables->slot);
	enum sluice_outcome outcome;
	struct offer offer = {};

	if (!vip)
		return SLUICE_NO_SERVICE; /* the configuration has just changed */
	outcome = find_mss(ctx, pkt, tables, vip, &offer);
	if (!outcome && !read_offer(ctx, pkt, &offer))
		outcome = SLUICE_INTERNAL; /* for the verifier */
	if (!outcome)
		outcome = answer_syn(ctx, pkt, &offer);
	if (outcome == SLUICE_TX) {
		count_cookie(vip, SLUICE_COOKIE_SENT);
		trace(SLUICE_STEP_COOKIE, SLUICE_COOKIE_ANSWERED, offer.our_mss);
	}
	return outcome;
}

/* --- the ACK ------------------------------------------------------------------- */

int has_cookie(struct xdp_md *ctx, const struct packet *pkt);

ISOLATED_STAGE has_cookie(struct xdp_md *ctx, const struct packet *pkt)
{
	const struct sluice_cookie_keys *keys = cookie_keys();
	struct cookie_message message = {};
	struct tcphdr *tcp;
	__u32 cookie;

	if (!pkt || !keys)
		return 0; /* for the verifier */
	tcp = tcp_header(ctx, pkt);
	if (!tcp)
		return 0;
	cookie = bpf_ntohl(tcp->ack_seq) - 1;
	set_message(pkt, bpf_ntohl(tcp->seq) - 1, &message);
	return cookie_check(keys, &message, cookie, cookie_unit(bpf_ktime_get_tai_ns())) >= 0;
}

/* With a cookie it opens a connection: to a firewall as its SYN would have. */
static __always_inline enum sluice_outcome meet_ack(struct xdp_md *ctx, struct packet *pkt,
						    const struct sluice_vip *vip,
						    struct sluice_cookie_service *service)
{
	if (has_cookie(ctx, pkt)) {
		count_cookie(vip, SLUICE_COOKIE_VALID);
		trace(SLUICE_STEP_COOKIE, SLUICE_COOKIE_RETURNED, service->limit);
		if (HAS_ROLE(FIREWALL))
			pkt->tcp_flags = TCP_SYN;
		return SLUICE_CONTINUE;
	}
	count_cookie(vip, SLUICE_COOKIE_INVALID);
	if (is_stray_too_many(service)) {
		trace(SLUICE_STEP_COOKIE, SLUICE_COOKIE_REFUSED, service->limit);
		return SLUICE_BAD_COOKIE;
	}
	trace(SLUICE_STEP_COOKIE, SLUICE_COOKIE_STRAY, service->limit);
	return SLUICE_CONTINUE;
}

/* CONTINUE: the packet goes on as any other. */
STAGE meet_cookies(struct xdp_md *ctx, struct packet *pkt, const struct tables *tables)
{
	const struct sluice_vip *vip = find_vip(pkt, tables->slot);
	struct sluice_cookie_service *service = vip ? cookie_service(vip) : NULL;
	enum sluice_outcome outcome = SLUICE_CONTINUE;

	if (!service || !(vip->flags & SLUICE_VIP_COOKIES))
		return SLUICE_CONTINUE; /* the configuration has just changed */
	if (!is_opening_syn(pkt))
		return meet_ack(ctx, pkt, vip, service);
	if (press(service)) {
		if (HAS_ROLE(FIREWALL))
			outcome = admit_syn(pkt, tables);
		return outcome ? outcome : defer_to(SLUICE_STAGE_SYN_ACK);
	}
	trace(SLUICE_STEP_COOKIE, SLUICE_COOKIE_NO_PRESSURE, service->limit);
	return SLUICE_CONTINUE;
}

/* Whether cookies have a say: a packet that opens a connection, or may end its handshake. */
static __always_inline int meets_cookies(const struct packet *pkt, const struct sluice_vip *vip,
					 const union known_flow *known)
{
	__u8 flags = pkt->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK);

	if (!pkt->asks_cookies || !vip || !(vip->flags & SLUICE_VIP_COOKIES) ||
	    pkt->self.proto != IPPROTO_TCP || vip->ring == SLUICE_NONE16)
		return 0;
	if (flags != TCP_SYN && flags != TCP_ACK)
		return 0;
	return HAS_ROLE(FIREWALL) ? !known->flow.entry : !conn_is_fresh(&known->conn);
}

#endif /* SLUICE_BPF_SYN_COOKIE_H */
