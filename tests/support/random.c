/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Random packets. Addresses and ports come from small pools, so that packets
 * meet rules, services and each other's flows; shapes are chosen freely.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

void random_init(struct random *random, uint64_t seed)
{
	const char *wanted = getenv("SLUICE_SEED");

	random->state = wanted ? strtoull(wanted, NULL, 0) : seed;
	printf("\n    seed %llu\n", (unsigned long long)random->state);
	random->state = random->state * 0x9e3779b97f4a7c15ULL + 1;
}

static uint64_t next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * 0x2545f4914f6cdd1dULL;
}

unsigned random_below(struct random *random, unsigned below)
{
	return (unsigned)((next(random) >> 32) * below >> 32);
}

bool random_once_in(struct random *random, unsigned times)
{
	return !random_below(random, times);
}

static const char *pick_text(struct random *random, const char *const *list)
{
	unsigned count = 0;

	while (list[count])
		count++;
	return list[random_below(random, count)];
}

static unsigned short pick_port(struct random *random, const struct random_pool *pool)
{
	return pool->ports[random_below(random, pool->port_count)];
}

static void pick_endpoints(struct random *random, const struct random_pool *pool, bool v6,
			   struct packet *packet)
{
	const char *const *list = v6 ? pool->addresses6 : pool->addresses4;

	packet->src = pick_text(random, list);
	packet->dst = pick_text(random, list);
	packet->sport = pick_port(random, pool);
	packet->dport = pick_port(random, pool);
}

static unsigned char pick_flags(struct random *random)
{
	static const unsigned char usual[] = {
		TCP_SYN,	   TCP_SYN | TCP_ACK, TCP_ACK, TCP_ACK,
		TCP_PSH | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK,
	};

	return usual[random_below(random, sizeof(usual))];
}

static void pick_icmp(struct random *random, struct packet *packet)
{
	static const unsigned char types4[] = {0, 3, 5, 8, 11, 12, 13};
	static const unsigned char types6[] = {1, 2, 3, 4, 128, 129, 130, 133, 135, 136, 143};

	packet->type = packet_is_v6(packet) ? types6[random_below(random, sizeof(types6))]
					    : types4[random_below(random, sizeof(types4))];
	packet->code = (unsigned char)random_below(random, 6);
	packet->id = (unsigned short)random_below(random, 4);
	packet->ttl = random_once_in(random, 2) ? 255 : 1;
}

static void pick_upper(struct random *random, struct packet *packet, struct packet *inner)
{
	switch (random_below(random, 8)) {
	case 0:
	case 1:
	case 2:
		packet->flags = pick_flags(random);
		break;
	case 3:
	case 4:
		packet->proto = IPPROTO_UDP;
		break;
	case 5:
		packet->proto = IPPROTO_ICMP;
		pick_icmp(random, packet);
		if (random_once_in(random, 2))
			packet->quoted = inner;
		break;
	case 6:
		packet->inner = inner;
		if (random_once_in(random, 3)) {
			packet->proto = IPPROTO_UDP;
			packet->dport = 6080;
		}
		break;
	default:
		packet->proto = (int)(100 + random_below(random, 150));
	}
}

static void pick_shape(struct random *random, struct packet *packet)
{
	static const char *const chains[] = {"H", "D",	    "HD",      "HDRFD",
					     "F", "DDDDDD", "DDDDDDD", NULL};

	packet->payload = random_once_in(random, 8) ? 1380 + random_below(random, 100)
						    : random_below(random, 40);
	packet->tos = (unsigned char)random_below(random, 256);
	if (!packet->ttl)
		packet->ttl = (unsigned char)(1 + random_below(random, 255));
	if (random_once_in(random, 6))
		packet->options = (unsigned char)(4 * random_below(random, 11));
	if (random_once_in(random, 4))
		packet->ext = pick_text(random, chains);
	if (random_once_in(random, 12))
		packet->fragment = (unsigned short)random_below(random, 0x10000);
	if (random_once_in(random, 6))
		packet->padding = random_below(random, 46);
	packet->ip_id = (unsigned short)random_below(random, 0x10000);
}

static void draw(struct random *random, const struct random_pool *pool, bool v6,
		 struct packet *packet, struct packet *inner)
{
	*packet = (struct packet){};
	pick_endpoints(random, pool, v6, packet);
	pick_upper(random, packet, inner);
	pick_shape(random, packet);
}

/* An error quotes what its receiver sent, in most cases. */
static void aim_error(struct random *random, struct packet *packet, struct packet *inner)
{
	if (random_once_in(random, 4))
		return;
	inner->src = packet->dst;
	inner->fragment = 0;
	packet->quoted_bytes = random_once_in(random, 2) ? 48 + random_below(random, 40) : 0;
}

void random_packet(struct random *random, const struct random_pool *pool, struct packet *packet,
		   struct packet *inner)
{
	bool v6 = random_once_in(random, 2), inner_v6;

	draw(random, pool, v6, packet, inner);
	inner_v6 = packet->quoted ? v6 : random_once_in(random, 2);
	draw(random, pool, inner_v6, inner, NULL);
	inner->inner = inner->quoted = NULL;
	if (packet->quoted)
		aim_error(random, packet, inner);
}

/* Where headers are, most of the time. */
static void mutate(struct random *random, struct frame *frame)
{
	unsigned changes = 1 + random_below(random, 4);

	while (changes--) {
		size_t span = random_once_in(random, 4) ? frame->length - 12 : 60;
		size_t at = 12 + random_below(random, (unsigned)span);

		if (at >= frame->length)
			continue;
		if (random_once_in(random, 2))
			frame->bytes[at] ^= (unsigned char)(1 << random_below(random, 8));
		else
			frame->bytes[at] = (unsigned char)random_below(random, 256);
	}
	if (random_once_in(random, 4))
		frame->length -= random_below(random, (unsigned)(frame->length - ETH_HLEN) + 1);
}

void random_frame(struct random *random, const struct random_pool *pool, struct frame *frame)
{
	struct packet packet, inner;

	random_packet(random, pool, &packet, &inner);
	if (random_once_in(random, 50))
		packet.vlan = 7;
	frame_build(frame, &packet);
	if (random_once_in(random, 2))
		mutate(random, frame);
}
