/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What both flow tables hold of a flow's life: how it opens, and how long it may be idle.
 */
#ifndef SLUICE_BPF_FLOW_STATE_H
#define SLUICE_BPF_FLOW_STATE_H

#include "sanity.h"

/* Idle times after RFC 5382 (TCP), RFC 4787 (UDP) and RFC 5508 (ICMP). */
static __always_inline __u32 flow_timeout_s(__u8 proto, __u8 state)
{
	if (proto != IPPROTO_TCP)
		return state == SLUICE_FLOW_OPENING ? 30 : 120;
	switch (state) {
	case SLUICE_FLOW_OPENING:
		return 30;
	case SLUICE_FLOW_ESTABLISHED:
		return 7440;
	case SLUICE_FLOW_CLOSING:
		return 240;
	default:
		return 10;
	}
}

/* What a flow's state depends on in a packet. */
struct segment {
	__u8 proto;
	__u8 tcp_flags;
};

static __always_inline int segment_opens(struct segment segment)
{
	return segment.proto == IPPROTO_TCP &&
	       (segment.tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

static __always_inline struct segment segment_of(const struct packet *pkt)
{
	return (struct segment){pkt->self.proto, pkt->tcp_flags};
}

static __always_inline int is_opening_syn(const struct packet *pkt)
{
	return segment_opens(segment_of(pkt));
}

#endif /* SLUICE_BPF_FLOW_STATE_H */
