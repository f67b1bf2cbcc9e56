/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A frame as a network would carry it: Ethernet, IPv4 or IPv6, and TCP, UDP,
 * ICMP echo or eight zero bytes of any other protocol; all checksums valid.
 */
#ifndef SLUICE_CTL_TRACE_FRAME_H
#define SLUICE_CTL_TRACE_FRAME_H

#include "addr.h"

#define TRACE_FRAME_MAX 128

struct trace_frame {
	unsigned char dst_mac[6];
	struct endpoint src, dst; /* of one family; port of src: identifier of ICMP echo */
	int proto;		  /* IPPROTO_ICMP means that of the addresses' family */
	unsigned tags[2];	  /* VLAN ids, outermost first */
	size_t tag_count;
	unsigned tcp_flags; /* 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK, 32 URG */
};

/* Fills `frame` and returns its length, without the frame check sequence. */
size_t trace_frame_build(const struct trace_frame *spec, unsigned char frame[TRACE_FRAME_MAX]);

#endif /* SLUICE_CTL_TRACE_FRAME_H */
