/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading a frame for people: Ethernet, up to two VLAN tags, IPv4 (RFC 791) or IPv6 (RFC 8200)
 * with its extension headers, and the ports behind them. Nothing is judged here.
 */
#include "frame_tuple.h"

#include <net/ethernet.h>
#include <string.h>

#define VLAN_TAGS_MAX	2
#define EXT_HEADERS_MAX 8

struct cursor {
	const unsigned char *at, *end;
};

static unsigned read16(const unsigned char *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

/* The next `length` bytes, or NULL. */
static const unsigned char *take(struct cursor *cursor, size_t length)
{
	const unsigned char *bytes = cursor->at;

	if ((size_t)(cursor->end - bytes) < length)
		return NULL;
	cursor->at += length;
	return bytes;
}

static unsigned ethertype(struct cursor *cursor)
{
	const unsigned char *link = take(cursor, ETH_HLEN);
	unsigned type = link ? read16(link + 12) : 0;

	for (int tags = 0; tags < VLAN_TAGS_MAX && (type == ETHERTYPE_VLAN || type == 0x88a8);
	     tags++) {
		const unsigned char *tag = take(cursor, 4);

		type = tag ? read16(tag + 2) : 0;
	}
	return type;
}

/* *first: the transport header follows. */
static bool read_v4(struct cursor *cursor, struct frame_tuple *out, bool *first)
{
	const unsigned char *ip = take(cursor, 20);
	__be32 addrs[2];

	if (!ip || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return false;
	memcpy(addrs, ip + 12, sizeof(addrs));
	out->src.addr = addr_from_v4(addrs[0]);
	out->dst.addr = addr_from_v4(addrs[1]);
	out->proto = ip[9];
	*first = !(read16(ip + 6) & 0x1fff) && take(cursor, (size_t)(ip[0] & 15) * 4 - 20);
	return true;
}

static bool read_v6(struct cursor *cursor, struct frame_tuple *out, bool *first)
{
	const unsigned char *ip = take(cursor, 40), *header;

	if (!ip || ip[0] >> 4 != 6)
		return false;
	memcpy(&out->src.addr, ip + 8, 16);
	memcpy(&out->dst.addr, ip + 24, 16);
	out->proto = ip[6];
	*first = true;
	for (int i = 0; i < EXT_HEADERS_MAX && *first; i++) {
		bool fragment = out->proto == IPPROTO_FRAGMENT;

		if (out->proto != IPPROTO_HOPOPTS && out->proto != IPPROTO_ROUTING && !fragment &&
		    out->proto != IPPROTO_DSTOPTS)
			break;
		header = take(cursor, 8);
		*first = header && (!fragment || !(read16(header + 2) & 0xfff8)) &&
			 (fragment || take(cursor, (size_t)header[1] * 8));
		if (header)
			out->proto = header[0];
	}
	return true;
}

bool frame_tuple(const unsigned char *frame, size_t length, struct frame_tuple *out)
{
	struct cursor cursor = {frame, frame + length};
	const unsigned char *ports;
	bool first = false, is_ip;
	unsigned type = ethertype(&cursor);

	memset(out, 0, sizeof(*out));
	is_ip = type == ETHERTYPE_IP	 ? read_v4(&cursor, out, &first)
		: type == ETHERTYPE_IPV6 ? read_v6(&cursor, out, &first)
					 : false;
	if (!is_ip || !first ||
	    (out->proto != IPPROTO_TCP && out->proto != IPPROTO_UDP && out->proto != IPPROTO_SCTP))
		return is_ip;
	ports = take(&cursor, 4);
	out->has_ports = ports;
	if (ports) {
		out->src.port = (unsigned short)read16(ports);
		out->dst.port = (unsigned short)read16(ports + 2);
	}
	return true;
}
