/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * inject [-c COUNT] LAYER...: sends one crafted packet, whatever its addresses
 * say. The layers stand in the order of the wire:
 *
 *   ip SRC DST              IPv4 or IPv6
 *   gre                     GRE with the protocol of what follows (RFC 2784)
 *   gue                     UDP to port 6080, GUE variant 1: IP follows at once
 *   tcp SPORT DPORT FLAGS   FLAGS: letters of "FSRPAU"
 *   udp SPORT DPORT
 *   echo                    ICMP echo request
 *
 * The host routes the packet by the first DST, and does nothing else to it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/icmp.h>
#include <netinet/ip6.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAYERS	 8
#define ROOM	 512
#define GUE_PORT 6080

struct address {
	int family;
	unsigned char bytes[16];
};

enum kind { KIND_IP, KIND_GRE, KIND_GUE, KIND_TCP, KIND_UDP, KIND_ECHO };

struct layer {
	enum kind kind;
	struct address src, dst; /* of IP; of the others, those of the IP layer around them */
	unsigned sport, dport;
	unsigned char flags;
};

/* Layers are put in front of what is there: the innermost first. */
struct packet {
	unsigned char room[ROOM];
	unsigned char *start;
	int protocol; /* IPPROTO_* of the layer at the start */
};

static size_t packet_length(const struct packet *packet)
{
	return packet->room + ROOM - packet->start;
}

static void *prepend(struct packet *packet, size_t len)
{
	packet->start -= len;
	memset(packet->start, 0, len);
	return packet->start;
}

static uint32_t sum_words(const void *data, size_t len, uint32_t sum)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static size_t address_length(const struct address *address)
{
	return address->family == AF_INET ? 4 : 16;
}

/* RFC 793 and RFC 8200: the pseudo header, and everything from the start on. */
static uint16_t checksum(const struct packet *packet, const struct layer *layer)
{
	size_t len = packet_length(packet);
	uint32_t sum = packet->protocol + len;

	sum = sum_words(layer->src.bytes, address_length(&layer->src), sum);
	sum = sum_words(layer->dst.bytes, address_length(&layer->dst), sum);
	return fold(sum_words(packet->start, len, sum));
}

static void put_ipv4(struct packet *packet, const struct layer *layer)
{
	struct iphdr *ip = prepend(packet, sizeof(*ip));

	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->tot_len = htons(packet_length(packet));
	ip->protocol = packet->protocol;
	memcpy(&ip->saddr, layer->src.bytes, 4);
	memcpy(&ip->daddr, layer->dst.bytes, 4);
	ip->check = fold(sum_words(ip, sizeof(*ip), 0));
	packet->protocol = IPPROTO_IPIP;
}

static void put_ipv6(struct packet *packet, const struct layer *layer)
{
	size_t payload = packet_length(packet);
	struct ip6_hdr *ip = prepend(packet, sizeof(*ip));

	ip->ip6_vfc = 6 << 4;
	ip->ip6_hlim = 64;
	ip->ip6_plen = htons(payload);
	ip->ip6_nxt = packet->protocol;
	memcpy(&ip->ip6_src, layer->src.bytes, 16);
	memcpy(&ip->ip6_dst, layer->dst.bytes, 16);
	packet->protocol = IPPROTO_IPV6;
}

static void put_gre(struct packet *packet)
{
	uint16_t *gre = prepend(packet, 4);

	gre[1] = htons(packet->protocol == IPPROTO_IPV6 ? ETH_P_IPV6 : ETH_P_IP);
	packet->protocol = IPPROTO_GRE;
}

static void put_udp(struct packet *packet, const struct layer *layer, unsigned sport,
		    unsigned dport)
{
	struct udphdr *udp = prepend(packet, sizeof(*udp));

	udp->source = htons(sport);
	udp->dest = htons(dport);
	udp->len = htons(packet_length(packet));
	packet->protocol = IPPROTO_UDP;
	udp->check = checksum(packet, layer);
}

static void put_tcp(struct packet *packet, const struct layer *layer)
{
	struct tcphdr *tcp = prepend(packet, sizeof(*tcp));

	tcp->source = htons(layer->sport);
	tcp->dest = htons(layer->dport);
	tcp->seq = htonl(1000);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->window = htons(64240);
	((unsigned char *)tcp)[13] = layer->flags;
	packet->protocol = IPPROTO_TCP;
	tcp->check = checksum(packet, layer);
}

static void put_echo(struct packet *packet, const struct layer *layer)
{
	struct icmphdr *icmp = prepend(packet, sizeof(*icmp));

	if (layer->src.family == AF_INET) {
		icmp->type = ICMP_ECHO;
		icmp->checksum = fold(sum_words(icmp, sizeof(*icmp), 0));
		packet->protocol = IPPROTO_ICMP;
		return;
	}
	icmp->type = ICMP6_ECHO_REQUEST;
	packet->protocol = IPPROTO_ICMPV6;
	icmp->checksum = checksum(packet, layer);
}

static void put_layer(struct packet *packet, const struct layer *layer)
{
	switch (layer->kind) {
	case KIND_IP:
		if (layer->src.family == AF_INET)
			put_ipv4(packet, layer);
		else
			put_ipv6(packet, layer);
		break;
	case KIND_GRE:
		put_gre(packet);
		break;
	case KIND_GUE:
		put_udp(packet, layer, GUE_PORT, GUE_PORT);
		break;
	case KIND_TCP:
		put_tcp(packet, layer);
		break;
	case KIND_UDP:
		put_udp(packet, layer, layer->sport, layer->dport);
		break;
	case KIND_ECHO:
		put_echo(packet, layer);
		break;
	}
}

static bool parse_address(const char *text, struct address *out)
{
	out->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(out->family, text, out->bytes) == 1;
}

static unsigned char parse_flags(const char *text)
{
	static const char letters[] = "FSRPAU";
	unsigned char flags = 0;

	for (; *text; text++)
		if (strchr(letters, *text))
			flags |= 1 << (strchr(letters, *text) - letters);
	return flags;
}

struct shape {
	const char *word;
	int arguments;
};

static const struct shape shapes[] = {
	[KIND_IP] = {"ip", 2},	 [KIND_GRE] = {"gre", 0}, [KIND_GUE] = {"gue", 0},
	[KIND_TCP] = {"tcp", 3}, [KIND_UDP] = {"udp", 2}, [KIND_ECHO] = {"echo", 0},
};

static bool parse_arguments(struct layer *layer, char **argv)
{
	if (layer->kind == KIND_IP)
		return parse_address(argv[0], &layer->src) && parse_address(argv[1], &layer->dst) &&
		       layer->src.family == layer->dst.family;
	if (layer->kind == KIND_TCP)
		layer->flags = parse_flags(argv[2]);
	if (layer->kind == KIND_TCP || layer->kind == KIND_UDP) {
		layer->sport = strtoul(argv[0], NULL, 10);
		layer->dport = strtoul(argv[1], NULL, 10);
	}
	return true;
}

/* Returns how many words the layer took, 0 if it is not one. */
static int parse_layer(struct layer *layer, const struct layer *around, int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		if (strcmp(argv[0], shapes[i].word) || argc <= shapes[i].arguments)
			continue;
		*layer = (struct layer){.kind = i};
		if (around) {
			layer->src = around->src;
			layer->dst = around->dst;
		}
		return parse_arguments(layer, argv + 1) ? 1 + shapes[i].arguments : 0;
	}
	return 0;
}

static int parse_layers(struct layer *layers, int argc, char **argv)
{
	int count = 0, words;

	for (; argc > 0; argc -= words, argv += words) {
		if (count == LAYERS)
			return 0;
		words = parse_layer(&layers[count], count ? &layers[count - 1] : NULL, argc, argv);
		if (!words || (!count && layers[0].kind != KIND_IP))
			return 0;
		count++;
	}
	return count;
}

static int send_packet(const struct packet *packet, const struct address *to, long count)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	bool v4 = to->family == AF_INET;
	int fd = socket(to->family, SOCK_RAW, IPPROTO_RAW), err = 0;

	memcpy(&to4.sin_addr, to->bytes, 4);
	memcpy(&to6.sin6_addr, to->bytes, 16);
	while (!err && count-- > 0)
		if (sendto(fd, packet->start, packet_length(packet), 0,
			   v4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6,
			   v4 ? sizeof(to4) : sizeof(to6)) < 0)
			err = -errno;
	close(fd);
	return err;
}

int main(int argc, char **argv)
{
	struct packet packet = {.start = packet.room + ROOM, .protocol = IPPROTO_NONE};
	struct layer layers[LAYERS];
	long repeat = 1;
	int count, err;

	if (argc > 2 && !strcmp(argv[1], "-c")) {
		repeat = strtol(argv[2], NULL, 10);
		argc -= 2;
		argv += 2;
	}
	count = parse_layers(layers, argc - 1, argv + 1);
	if (!count) {
		fprintf(stderr, "usage: inject [-c COUNT] ip SRC DST LAYER...\n");
		return 1;
	}
	for (int i = count; i-- > 0;)
		put_layer(&packet, &layers[i]);
	err = send_packet(&packet, &layers[0].dst, repeat);
	if (err)
		fprintf(stderr, "inject: %s\n", strerror(-err));
	return err ? 2 : 0;
}
