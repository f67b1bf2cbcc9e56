/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Building frames: RFC 791, 8200, 9293, 768, 792, 4443; checksums RFC 1071.
 */
#include "trace_frame.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#define TTL		 64
#define ETHERTYPE_8021AD 0x88a8
#define TCP_WINDOW	 64240

static const unsigned char source_mac[6] = {0x02, 0, 0, 0, 0, 1};

static uint32_t sum_bytes(uint32_t sum, const void *data, size_t length)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Of a payload and its pseudo header (RFC 9293, 3.1; RFC 8200, 8.1). */
static uint16_t payload_checksum(const struct trace_frame *spec, int proto, const void *payload,
				 size_t length)
{
	bool v4 = addr_is_v4(&spec->dst.addr);
	size_t skip = v4 ? 12 : 0;
	uint32_t sum = (uint32_t)proto + (uint32_t)length;

	sum = sum_bytes(sum, spec->src.addr.bytes + skip, 16 - skip);
	sum = sum_bytes(sum, spec->dst.addr.bytes + skip, 16 - skip);
	return fold(sum_bytes(sum, payload, length));
}

static size_t put_tcp(const struct trace_frame *spec, void *payload)
{
	struct tcphdr tcp = {
		.th_sport = htons(spec->src.port),
		.th_dport = htons(spec->dst.port),
		.th_seq = htonl(1),
		.th_ack = htonl(spec->tcp_flags & TH_ACK ? 1 : 0),
		.th_off = sizeof(tcp) / 4,
		.th_flags = (uint8_t)spec->tcp_flags,
		.th_win = htons(TCP_WINDOW),
	};

	tcp.th_sum = payload_checksum(spec, IPPROTO_TCP, &tcp, sizeof(tcp));
	memcpy(payload, &tcp, sizeof(tcp));
	return sizeof(tcp);
}

static size_t put_udp(const struct trace_frame *spec, void *payload)
{
	struct udphdr udp = {
		.uh_sport = htons(spec->src.port),
		.uh_dport = htons(spec->dst.port),
		.uh_ulen = htons(sizeof(udp)),
	};

	udp.uh_sum = payload_checksum(spec, IPPROTO_UDP, &udp, sizeof(udp));
	if (!udp.uh_sum)
		udp.uh_sum = 0xffff; /* RFC 768: zero means none */
	memcpy(payload, &udp, sizeof(udp));
	return sizeof(udp);
}

static size_t put_echo(const struct trace_frame *spec, void *payload)
{
	bool v4 = addr_is_v4(&spec->dst.addr);
	struct icmphdr echo = {
		.type = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.un.echo = {.id = htons(spec->src.port), .sequence = htons(1)},
	};

	echo.checksum = v4 ? fold(sum_bytes(0, &echo, sizeof(echo)))
			   : payload_checksum(spec, IPPROTO_ICMPV6, &echo, sizeof(echo));
	memcpy(payload, &echo, sizeof(echo));
	return sizeof(echo);
}

static size_t put_payload(const struct trace_frame *spec, int proto, void *payload)
{
	switch (proto) {
	case IPPROTO_TCP:
		return put_tcp(spec, payload);
	case IPPROTO_UDP:
		return put_udp(spec, payload);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return put_echo(spec, payload);
	default:
		return 8;
	}
}

static size_t put_ipv4(const struct trace_frame *spec, unsigned char *at)
{
	int proto = spec->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : spec->proto;
	size_t payload = put_payload(spec, proto, at + sizeof(struct iphdr));
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(ip) + payload)),
		.frag_off = htons(IP_DF),
		.ttl = TTL,
		.protocol = (uint8_t)proto,
		.saddr = addr_to_v4(&spec->src.addr),
		.daddr = addr_to_v4(&spec->dst.addr),
	};

	ip.check = fold(sum_bytes(0, &ip, sizeof(ip)));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip) + payload;
}

static size_t put_ipv6(const struct trace_frame *spec, unsigned char *at)
{
	int proto = spec->proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : spec->proto;
	size_t payload = put_payload(spec, proto, at + sizeof(struct ip6_hdr));
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons((uint16_t)payload),
		.ip6_nxt = (uint8_t)proto,
		.ip6_hlim = TTL,
	};

	memcpy(&ip.ip6_src, spec->src.addr.bytes, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, spec->dst.addr.bytes, sizeof(ip.ip6_dst));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip) + payload;
}

/* Two tags are what a provider's network carries: IEEE 802.1ad in front of 802.1Q. */
static size_t put_tags(const struct trace_frame *spec, uint16_t *at, uint16_t ethertype)
{
	size_t words = 0;

	for (size_t i = 0; i < spec->tag_count; i++) {
		at[words++] = htons(i + 1 < spec->tag_count ? ETHERTYPE_8021AD : ETHERTYPE_VLAN);
		at[words++] = htons((uint16_t)spec->tags[i]);
	}
	at[words++] = htons(ethertype);
	return words * sizeof(*at);
}

size_t trace_frame_build(const struct trace_frame *spec, unsigned char frame[TRACE_FRAME_MAX])
{
	bool v4 = addr_is_v4(&spec->dst.addr);
	uint16_t types[5];
	size_t length = 2 * ETH_ALEN, types_length;

	memset(frame, 0, TRACE_FRAME_MAX);
	memcpy(frame, spec->dst_mac, ETH_ALEN);
	memcpy(frame + ETH_ALEN, source_mac, ETH_ALEN);
	types_length = put_tags(spec, types, v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	memcpy(frame + length, types, types_length);
	length += types_length;
	length += v4 ? put_ipv4(spec, frame + length) : put_ipv6(spec, frame + length);
	return length < ETH_ZLEN ? ETH_ZLEN : length;
}
