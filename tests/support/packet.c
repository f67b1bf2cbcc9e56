/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Builds frames for the tests of the data plane. It shares no code with the
 * data plane, so that a mistake in one of the two shows.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define DEFAULT_TTL 64

/* What a checksum over the upper layer covers besides it: RFC 793, RFC 8200 8.1. */
struct pseudo_header {
	unsigned char bytes[40];
	size_t length;
};

unsigned short internet_checksum(const void *data, size_t length, unsigned long sum)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (unsigned long)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((unsigned short)~sum);
}

static unsigned short upper_checksum(const struct pseudo_header *pseudo, const void *data,
				     size_t length)
{
	unsigned long sum =
		ntohs((unsigned short)~internet_checksum(pseudo->bytes, pseudo->length, 0));

	return internet_checksum(data, length, sum);
}

bool packet_is_v6(const struct packet *packet)
{
	return strchr(packet->src, ':');
}

static int implied_proto(const struct packet *packet)
{
	int proto = packet->proto;

	if (packet->inner && proto != IPPROTO_UDP)
		return packet_is_v6(packet->inner) ? IPPROTO_IPV6 : IPPROTO_IPIP;
	if (!proto)
		proto = packet->quoted || packet->type ? IPPROTO_ICMP : IPPROTO_TCP;
	return proto == IPPROTO_ICMP && packet_is_v6(packet) ? IPPROTO_ICMPV6 : proto;
}

static void fill(unsigned char *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		at[i] = (unsigned char)(i * 7 + 1);
}

static unsigned char *put_be16(unsigned char *at, unsigned short value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
	return at + 2;
}

static size_t write_ip(unsigned char *at, const struct packet *packet);

/* --- upper layers: each returns its length, payload included -------------- */

static size_t write_tcp(unsigned char *at, const struct packet *packet,
			struct pseudo_header *pseudo)
{
	struct tcphdr tcp = {
		.source = htons(packet->sport),
		.dest = htons(packet->dport),
		.seq = htonl(0x01020304),
		.ack_seq = htonl(0x05060708),
		.doff = sizeof(tcp) / 4,
		.window = htons(8192),
	};
	size_t length = sizeof(tcp) + packet->payload;

	tcp.th_flags = packet->flags ? packet->flags : TCP_ACK;
	memcpy(at, &tcp, sizeof(tcp));
	fill(at + sizeof(tcp), packet->payload);
	tcp.check = upper_checksum(pseudo, at, length);
	memcpy(at, &tcp, sizeof(tcp));
	return length;
}

static size_t write_udp_header(unsigned char *at, const struct packet *packet, size_t payload)
{
	size_t length = sizeof(struct udphdr) + payload;
	struct udphdr udp = {
		.source = htons(packet->sport),
		.dest = htons(packet->dport),
		.len = htons((unsigned short)length),
	};

	memcpy(at, &udp, sizeof(udp));
	return length;
}

static size_t write_udp(unsigned char *at, const struct packet *packet,
			struct pseudo_header *pseudo)
{
	size_t length = write_udp_header(at, packet, packet->payload);
	struct udphdr udp;

	fill(at + sizeof(udp), packet->payload);
	memcpy(&udp, at, sizeof(udp));
	udp.check = upper_checksum(pseudo, at, length);
	if (!udp.check)
		udp.check = 0xffff;
	memcpy(at, &udp, sizeof(udp));
	return length;
}

static size_t write_quoted(unsigned char *at, const struct packet *packet)
{
	unsigned char whole[FRAME_MAX];
	size_t length = write_ip(whole, packet->quoted);

	if (packet->quoted_bytes && packet->quoted_bytes < length)
		length = packet->quoted_bytes;
	memcpy(at, whole, length);
	return length;
}

/* Both families' headers have type, code, checksum, identifier in the same places. */
static size_t write_icmp(unsigned char *at, const struct packet *packet,
			 const struct pseudo_header *pseudo)
{
	struct icmphdr icmp = {.type = packet->type, .code = packet->code};
	size_t length = sizeof(icmp);

	icmp.un.echo.id = htons(packet->id);
	if (packet->quoted) {
		length += write_quoted(at + length, packet);
	} else {
		fill(at + length, packet->payload);
		length += packet->payload;
	}
	memcpy(at, &icmp, sizeof(icmp));
	if (packet_is_v6(packet))
		icmp.checksum = upper_checksum(pseudo, at, length);
	else
		icmp.checksum = internet_checksum(at, length, 0);
	memcpy(at, &icmp, sizeof(icmp));
	return length;
}

static size_t upper_length(const struct packet *packet)
{
	unsigned char scratch[FRAME_MAX];
	size_t length = packet->payload;

	switch (implied_proto(packet)) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr) + length;
	case IPPROTO_UDP:
		if (packet->inner)
			length = write_ip(scratch, packet->inner);
		return sizeof(struct udphdr) + length;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (packet->quoted)
			length = write_quoted(scratch, packet);
		return sizeof(struct icmphdr) + length;
	default:
		return packet->inner ? write_ip(scratch, packet->inner) : length;
	}
}

static void pseudo_init(struct pseudo_header *pseudo, const struct packet *packet,
			const void *addresses, size_t address_bytes)
{
	__be32 length = htonl((unsigned)upper_length(packet));
	__be32 proto = htonl((unsigned)implied_proto(packet));

	memcpy(pseudo->bytes, addresses, address_bytes);
	memcpy(pseudo->bytes + address_bytes, &length, sizeof(length));
	memcpy(pseudo->bytes + address_bytes + sizeof(length), &proto, sizeof(proto));
	pseudo->length = address_bytes + sizeof(length) + sizeof(proto);
}

static size_t write_upper(unsigned char *at, const struct packet *packet, const void *addresses,
			  size_t address_bytes)
{
	struct pseudo_header pseudo;

	/* Not the first fragment: no header, only data. */
	if (packet->fragment & ~(IP_DF | IP_MF) && !packet_is_v6(packet)) {
		fill(at, packet->payload);
		return packet->payload;
	}
	if (packet->inner && packet->proto == IPPROTO_UDP) /* GUE: without a checksum */
		return write_udp_header(at, packet,
					write_ip(at + sizeof(struct udphdr), packet->inner));
	if (packet->inner)
		return write_ip(at, packet->inner);
	pseudo_init(&pseudo, packet, addresses, address_bytes);
	switch (implied_proto(packet)) {
	case IPPROTO_TCP:
		return write_tcp(at, packet, &pseudo);
	case IPPROTO_UDP:
		return write_udp(at, packet, &pseudo);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return write_icmp(at, packet, &pseudo);
	default:
		fill(at, packet->payload);
		return packet->payload;
	}
}

/* --- IP ------------------------------------------------------------------- */

static struct sluice_addr address(const char *text)
{
	struct sluice_addr addr;

	if (addr_parse(text, &addr)) {
		fprintf(stderr, "not an address: %s\n", text);
		exit(EXIT_FAILURE);
	}
	return addr;
}

static size_t write_ipv4(unsigned char *at, const struct packet *packet)
{
	struct sluice_addr src = address(packet->src), dst = address(packet->dst);
	size_t header = sizeof(struct iphdr) + packet->options;
	struct iphdr ip = {
		.version = 4,
		.ihl = (unsigned)header / 4 & 0xf,
		.tos = packet->tos,
		.id = htons(packet->ip_id),
		.frag_off = htons(packet->fragment),
		.ttl = packet->ttl ? packet->ttl : DEFAULT_TTL,
		.protocol = (unsigned char)implied_proto(packet),
		.saddr = src.words[3],
		.daddr = dst.words[3],
	};
	size_t length = header + write_upper(at + header, packet, &ip.saddr, 2 * sizeof(ip.saddr));

	ip.tot_len = htons((unsigned short)length);
	memcpy(at, &ip, sizeof(ip));
	memset(at + sizeof(ip), IPOPT_NOP, packet->options);
	ip.check = internet_checksum(at, header, 0);
	memcpy(at, &ip, sizeof(ip));
	return length;
}

static unsigned char ext_proto(char letter)
{
	switch (letter) {
	case 'H':
		return IPPROTO_HOPOPTS;
	case 'R':
		return IPPROTO_ROUTING;
	case 'D':
		return IPPROTO_DSTOPTS;
	case 'F':
		return IPPROTO_FRAGMENT;
	default:
		fprintf(stderr, "not an extension header: %c\n", letter);
		exit(EXIT_FAILURE);
	}
}

static unsigned char proto_behind(const struct packet *packet, const char *letter)
{
	return *letter ? ext_proto(*letter) : (unsigned char)implied_proto(packet);
}

/* Each of 8 bytes; options and routing data that mean nothing. */
static size_t write_ext_headers(unsigned char *at, const struct packet *packet)
{
	unsigned char *start = at;

	for (const char *letter = packet->ext; letter && *letter; letter++, at += 8) {
		memset(at, 0, 8);
		at[0] = proto_behind(packet, letter + 1);
		if (*letter == 'F') {
			at[2] = (unsigned char)(packet->fragment >> 8);
			at[3] = (unsigned char)packet->fragment;
			put_be16(at + 6, packet->ip_id);
		} else if (*letter != 'R') {
			at[2] = IP6OPT_PADN;
			at[3] = 4;
		}
	}
	return (size_t)(at - start);
}

static size_t write_ipv6(unsigned char *at, const struct packet *packet)
{
	struct sluice_addr addresses[] = {address(packet->src), address(packet->dst)};
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28 | (unsigned)packet->tos << 20),
		.ip6_nxt = proto_behind(packet, packet->ext ? packet->ext : ""),
		.ip6_hlim = packet->ttl ? packet->ttl : DEFAULT_TTL,
	};
	size_t length = write_ext_headers(at + sizeof(ip), packet);

	length += write_upper(at + sizeof(ip) + length, packet, addresses, sizeof(addresses));
	ip.ip6_plen = htons((unsigned short)length);
	memcpy(&ip.ip6_src, &addresses[0], sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, &addresses[1], sizeof(ip.ip6_dst));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip) + length;
}

static size_t write_ip(unsigned char *at, const struct packet *packet)
{
	return packet_is_v6(packet) ? write_ipv6(at, packet) : write_ipv4(at, packet);
}

/* --- frames --------------------------------------------------------------- */

static unsigned short family_ethertype(const struct packet *packet)
{
	return packet_is_v6(packet) ? ETH_P_IPV6 : ETH_P_IP;
}

void frame_build(struct frame *frame, const struct packet *packet)
{
	unsigned char *at = frame->bytes + 2 * ETH_ALEN;

	memset(frame, 0, sizeof(*frame));
	if (packet->outer_vlan)
		at = put_be16(put_be16(at, ETH_P_8021AD), packet->outer_vlan);
	if (packet->vlan)
		at = put_be16(put_be16(at, ETH_P_8021Q), packet->vlan);
	at = put_be16(at, packet->ethertype ? packet->ethertype : family_ethertype(packet));
	at += write_ip(at, packet);
	memset(at, 0, packet->padding);
	frame->length = (size_t)(at - frame->bytes) + packet->padding - packet->cut;
	frame_poke(frame, packet);
}

void frame_poke(struct frame *frame, const struct packet *packet)
{
	for (int i = 0; i < POKE_COUNT; i++)
		if (packet->poke[i].at || packet->poke[i].value)
			frame->bytes[packet->poke[i].at] = packet->poke[i].value;
}

void frame_tag(struct frame *frame, unsigned short tpid, unsigned short tci)
{
	unsigned char *at = frame->bytes + 2 * ETH_ALEN;

	memmove(at + 4, at, frame->length - 2 * ETH_ALEN);
	put_be16(put_be16(at, tpid), tci);
	frame->length += 4;
}

void frame_untag(struct frame *frame, size_t count)
{
	unsigned char *at = frame->bytes + 2 * ETH_ALEN;

	memmove(at, at + 4 * count, frame->length - 2 * ETH_ALEN - 4 * count);
	frame->length -= 4 * count;
}

void frame_set_link(struct frame *frame, const unsigned char dst[ETH_ALEN],
		    const unsigned char src[ETH_ALEN])
{
	memcpy(frame->bytes, dst, ETH_ALEN);
	memcpy(frame->bytes + ETH_ALEN, src, ETH_ALEN);
}

void frame_decrement_ttl(struct frame *frame)
{
	unsigned char *ip = frame->bytes + FRAME_IP;
	unsigned short check;

	if (ip[0] >> 4 == 6) {
		ip[offsetof(struct ip6_hdr, ip6_hlim)]--;
		return;
	}
	ip[offsetof(struct iphdr, ttl)]--;
	memset(ip + offsetof(struct iphdr, check), 0, sizeof(check));
	check = internet_checksum(ip, (ip[0] & 0xfU) * 4, 0);
	memcpy(ip + offsetof(struct iphdr, check), &check, sizeof(check));
}

/* The bytes that the IP header counts: what is behind them is padding. */
static size_t inner_length(const unsigned char *ip)
{
	if (ip[0] >> 4 == 6)
		return sizeof(struct ip6_hdr) + (size_t)(ip[4] << 8 | ip[5]);
	return (size_t)(ip[2] << 8 | ip[3]);
}

static void write_outer_length(unsigned char *ip, size_t header, size_t payload)
{
	unsigned short check;

	if (header == sizeof(struct ip6_hdr)) {
		put_be16(ip + offsetof(struct ip6_hdr, ip6_plen), (unsigned short)payload);
		return;
	}
	put_be16(ip + offsetof(struct iphdr, tot_len), (unsigned short)(header + payload));
	memset(ip + offsetof(struct iphdr, check), 0, sizeof(check));
	check = internet_checksum(ip, header, 0);
	memcpy(ip + offsetof(struct iphdr, check), &check, sizeof(check));
}

void frame_encapsulate(struct frame *frame, const struct packet *outer)
{
	size_t header = packet_is_v6(outer) ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	unsigned char *ip = frame->bytes + FRAME_IP;
	size_t udp = outer->proto == IPPROTO_UDP ? sizeof(struct udphdr) : 0;
	size_t payload = inner_length(ip);
	struct packet description = *outer;

	if (!udp)
		description.proto = ip[0] >> 4 == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	memmove(ip + header + udp, ip, frame->length - FRAME_IP);
	write_ip(ip, &description);
	if (udp)
		write_udp_header(ip + header, outer, payload);
	write_outer_length(ip, header, udp + payload);
	put_be16(frame->bytes + 2 * ETH_ALEN, family_ethertype(outer));
	frame->length += header + udp;
}

void frame_strip(struct frame *frame, size_t bytes, unsigned short ethertype)
{
	unsigned char *ip = frame->bytes + FRAME_IP;

	memmove(ip, ip + bytes, frame->length - FRAME_IP - bytes);
	put_be16(frame->bytes + 2 * ETH_ALEN, ethertype);
	frame->length -= bytes;
}

bool frame_equal(const struct frame *a, const struct frame *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

static void print_line(const char *label, const struct frame *frame, size_t offset)
{
	printf("      %s %4zu:", label, offset);
	for (size_t i = offset; i < offset + 16 && i < frame->length; i++)
		printf(" %02x", frame->bytes[i]);
	printf("\n");
}

void frame_print_difference(const struct frame *expected, const struct frame *seen)
{
	size_t longer = expected->length > seen->length ? expected->length : seen->length;

	printf("      expected %zu bytes, seen %zu\n", expected->length, seen->length);
	for (size_t offset = 0; offset < longer; offset += 16) {
		if (!memcmp(expected->bytes + offset, seen->bytes + offset, 16) &&
		    expected->length == seen->length)
			continue;
		print_line("expected", expected, offset);
		print_line("seen    ", seen, offset);
	}
}
