/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Ethernet frames from a description. What a description leaves out is what a
 * correct sender would send: lengths, checksums, TTL 64, the protocol that the
 * rest implies. A wrong packet is a right one with bytes poked into it.
 */
#ifndef SLUICE_TEST_PACKET_H
#define SLUICE_TEST_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "addr.h"

#define FRAME_MAX  3072
#define FRAME_IP   ETH_HLEN /* where the IP header starts */
#define FRAME_IP4  (FRAME_IP + 20)
#define FRAME_IP6  (FRAME_IP + 40) /* where the next one starts */
#define POKE_COUNT 4

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20

#define IP_DF 0x4000 /* of packet.fragment, for IPv4 */
#define IP_MF 0x2000

struct frame {
	size_t length;
	unsigned char bytes[FRAME_MAX];
};

struct poke {
	unsigned short at; /* offset in the frame; both 0: unused */
	unsigned char value;
};

struct packet {
	const char *src, *dst; /* addresses of one family */
	int proto; /* IPPROTO_*; 0: implied, else TCP. IPPROTO_ICMP is the family's own ICMP */
	unsigned short sport, dport;
	unsigned char flags;	     /* TCP; 0: ACK. For no flags at all, poke */
	unsigned char type;	     /* ICMP */
	unsigned char code;	     /* ICMP */
	unsigned short id;	     /* of an ICMP echo */
	unsigned char tos;	     /* or traffic class */
	unsigned char ttl;	     /* or hop limit; 0: 64 */
	unsigned short ip_id;	     /* IPv4; IPv6: of the 'F' in `ext` */
	unsigned short fragment;     /* IPv4: flags and offset; IPv6: those of the 'F' in `ext` */
	unsigned char options;	     /* IPv4: bytes of options, a multiple of 4 */
	const char *ext;	     /* IPv6 chain: Hop-by-hop, Routing, Destination, Fragment */
	size_t payload;		     /* bytes behind the last header */
	size_t padding;		     /* bytes behind what the IP header counts */
	size_t cut;		     /* bytes missing at the end of the frame */
	unsigned short vlan;	     /* an 802.1Q tag with this id, and priority; 0: none */
	unsigned short outer_vlan;   /* an 802.1ad tag in front of that; 0: none */
	unsigned short ethertype;    /* 0: of the family */
	const struct packet *inner;  /* tunnelled: IP in IP, or with proto UDP in GUE */
	const struct packet *quoted; /* ICMP error: about this packet */
	size_t quoted_bytes;	     /* 0: all of it */
	struct poke poke[POKE_COUNT];
};

/* Link addresses stay zero, unless poked. */
void frame_build(struct frame *frame, const struct packet *packet);
void frame_set_link(struct frame *frame, const unsigned char dst[ETH_ALEN],
		    const unsigned char src[ETH_ALEN]);
/* Puts the packet's wrong bytes in once more, over what was set since. */
void frame_poke(struct frame *frame, const struct packet *packet);
/* What a router does to the IP header, the IPv4 checksum made anew. */
void frame_decrement_ttl(struct frame *frame);
/* Puts the IP header, and with proto UDP GUE's, in front of the frame's IP packet. */
void frame_encapsulate(struct frame *frame, const struct packet *outer);
/* Takes the first `bytes` behind the Ethernet header away. */
void frame_strip(struct frame *frame, size_t bytes, unsigned short ethertype);

/* Puts a VLAN tag in front of the ethertype; takes `count` of them off. */
void frame_tag(struct frame *frame, unsigned short tpid, unsigned short tci);
void frame_untag(struct frame *frame, size_t count);

bool frame_equal(const struct frame *a, const struct frame *b);
/* Both frames in hexadecimal, where they differ, to stdout. */
void frame_print_difference(const struct frame *expected, const struct frame *seen);

/* RFC 1071, of memory in network order; the result is too. */
unsigned short internet_checksum(const void *data, size_t length, unsigned long sum);
bool packet_is_v6(const struct packet *packet);

#endif /* SLUICE_TEST_PACKET_H */
