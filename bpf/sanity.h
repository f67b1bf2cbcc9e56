/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sanity: packets that no correct sender sends, whatever the policy.
 *
 * IPv4-mapped addresses on the wire (::ffff:0:0/96) are refused in IPv6 headers:
 * inside, they mean IPv4, and one family must not pass for the other.
 */
#ifndef SLUICE_BPF_SANITY_H
#define SLUICE_BPF_SANITY_H

#include "packet.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

static __always_inline int is_multicast(const struct packet *pkt, const struct sluice_addr *addr)
{
	return pkt->is_v6 ? addr->bytes[0] == 0xff : addr->bytes[12] >= 224;
}

/* RFC 1122 3.2.1.3, RFC 4291 2.5: which addresses may stand as source and destination. */
static __always_inline int has_bad_address(const struct packet *pkt)
{
	const struct sluice_addr *src = &pkt->self.src, *dst = &pkt->self.dst;
	int unspecified;

	if (is_multicast(pkt, src))
		return 1;
	if (pkt->is_v6) {
		unspecified = !(src->words[0] | src->words[1] | src->words[2] | src->words[3]);
		if (addr_is_v4(src) || addr_is_v4(dst))
			return 1;
		if (!(src->words[0] | src->words[1] | src->words[2]) &&
		    src->words[3] == bpf_htonl(1))
			return 1;
		if (!(dst->words[0] | dst->words[1] | dst->words[2]) &&
		    (!dst->words[3] || dst->words[3] == bpf_htonl(1)))
			return 1;
	} else {
		unspecified = src->bytes[12] == 0;
		if (src->bytes[12] == 127 || dst->bytes[12] == 127 || dst->bytes[12] == 0)
			return 1;
	}
	/* An address is asked for from no address: DHCP, duplicate address detection. */
	return unspecified && !is_multicast(pkt, dst);
}

static __always_inline int has_bad_flags(__u8 flags)
{
	if (!(flags & (TCP_SYN | TCP_ACK | TCP_RST)))
		return 1; /* null, FIN and Xmas scans */
	return (flags & TCP_SYN) && (flags & (TCP_FIN | TCP_RST));
}

static __always_inline enum sluice_outcome sanity(struct packet *pkt)
{
	trace(SLUICE_STEP_SANITY, 0, 0);
	if (has_bad_address(pkt))
		return SLUICE_BAD_ADDRESS;
	if (pkt->is_fragment)
		return SLUICE_CONTINUE;
	if (pkt->self.proto == IPPROTO_TCP && has_bad_flags(pkt->tcp_flags))
		return SLUICE_TCP_FLAGS;
	if ((pkt->self.proto == IPPROTO_TCP || pkt->self.proto == IPPROTO_UDP) &&
	    pkt->self.sport == pkt->self.dport && addr_equal(&pkt->self.src, &pkt->self.dst))
		return SLUICE_LAND;
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_SANITY_H */
