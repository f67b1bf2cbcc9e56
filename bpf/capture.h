/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Capture: sampled packets with what became of them, for `lbctl capture` and `lbctl top`.
 *
 * A packet pays one load of a word that is zero while nobody looks. While somebody does,
 * the frame is noted when it comes in, and goes out by the ring buffer, as received and as
 * sent, when its outcome is known; such a packet takes the pipeline, which answers as the
 * express way does. Who looks renews a deadline: when he is gone, the first packet behind
 * it turns the capture off.
 */
#ifndef SLUICE_BPF_CAPTURE_H
#define SLUICE_BPF_CAPTURE_H

#include "maps.h"
#include "parse.h"

/* The packet in hand on this CPU; one size for all, of which the used part goes out. */
struct snapshot {
	struct sluice_captured head; /* session 0: the packet is not captured */
	__u8 bytes[2 * SLUICE_MAX_SNAPLEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct snapshot);
} sluice_snapshot SEC(".maps");

static __always_inline struct sluice_capture *capture_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sluice_capture, &zero);
}

static __always_inline struct snapshot *capture_snapshot(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sluice_snapshot, &zero);
}

static __always_inline int capture_is_on(void)
{
	struct sluice_capture *capture;

	if (config.trace)
		return 0;
	capture = capture_settings();
	return capture && *(volatile __u64 *)&capture->until_ns;
}

static __always_inline int capture_at_end(const struct sluice_capture_end *end,
					  const struct sluice_addr *addr, __be16 port)
{
	__u16 number = bpf_ntohs(port);

	return number >= end->port_min && number <= end->port_max &&
	       matches_prefix(addr, &end->addr, &end->mask);
}

/* Either direction of the flow that is looked for. */
static __always_inline int capture_matches(const struct sluice_capture *capture,
					   const struct tuple *tuple)
{
	const struct sluice_capture_end *a = &capture->ends[0], *b = &capture->ends[1];

	if (capture->proto && capture->proto != tuple->proto)
		return 0;
	return (capture_at_end(a, &tuple->src, tuple->sport) &&
		capture_at_end(b, &tuple->dst, tuple->dport)) ||
	       (capture_at_end(b, &tuple->src, tuple->sport) &&
		capture_at_end(a, &tuple->dst, tuple->dport));
}

/*
 * By its own header, or as an ICMP error by the one that it quotes. What has tags is wanted
 * until its stage has taken them off, and looks again.
 */
static __always_inline int capture_wants(struct xdp_md *ctx, const struct sluice_capture *capture)
{
	struct packet pkt;

	if (!capture->filtered || parse(ctx, &pkt) == SLUICE_VLAN)
		return 1;
	return capture_matches(capture, &pkt.self) || capture_matches(capture, &pkt.flow);
}

/* At once: clang would keep the two pointers in halves of registers, which a verifier refuses. */
static __always_inline __u32 capture_frame_length(const struct xdp_md *ctx)
{
	__u64 length = (void *)(long)ctx->data_end - (void *)(long)ctx->data;

	asm volatile("" : "+r"(length));
	return length;
}

/* 6.1 learns nothing from a test for 0, hence those for a link header behind this. */
static __always_inline __u32 capture_length(const struct sluice_capture *capture, __u32 length)
{
	if (length > capture->snaplen)
		length = capture->snaplen;
	return length < SLUICE_MAX_SNAPLEN ? length : SLUICE_MAX_SNAPLEN;
}

/* 1: the frame is noted, and capture_end() is to be told what became of it. */
int capture_begin(struct xdp_md *ctx);

ISOLATED_STAGE capture_begin(struct xdp_md *ctx)
{
	struct sluice_capture *capture = capture_settings();
	struct snapshot *snapshot = capture_snapshot();
	__u64 now = bpf_ktime_get_ns(), until;
	__u32 length, taken;

	if (!capture || !snapshot)
		return 0; /* for the verifier */
	snapshot->head.session = 0;
	until = *(volatile __u64 *)&capture->until_ns;
	if (now >= until) {
		__sync_val_compare_and_swap(&capture->until_ns, until, 0);
		return 0;
	}
	if (capture->port != SLUICE_NONE && capture->port != config.port)
		return 0;
	if (capture->sample > 1 && bpf_get_prandom_u32() % capture->sample)
		return 0;
	if (!capture_wants(ctx, capture))
		return 0;
	length = capture_frame_length(ctx);
	taken = capture_length(capture, length);
	if (taken < ETH_HLEN || bpf_xdp_load_bytes(ctx, 0, snapshot->bytes, taken))
		return 0;
	__builtin_memset(&snapshot->head, 0, sizeof(snapshot->head));
	snapshot->head.time_ns = now;
	snapshot->head.received_length = length;
	snapshot->head.received_bytes = taken;
	snapshot->head.port = config.port;
	snapshot->head.rule = SLUICE_NONE;
	snapshot->head.backend = SLUICE_NONE;
	snapshot->head.session = capture->session;
	return 1;
}

/* Forgets the frame, if without its tags it is not wanted. */
int capture_look_again(struct xdp_md *ctx);

ISOLATED_STAGE capture_look_again(struct xdp_md *ctx)
{
	struct sluice_capture *capture = capture_settings();
	struct snapshot *snapshot = capture_snapshot();

	if (capture && snapshot && snapshot->head.session && !capture_wants(ctx, capture))
		snapshot->head.session = 0;
	return 0;
}

/* Stages on the packet's way say what they chose. */
static __always_inline void capture_note_backend(__u32 slot)
{
	struct snapshot *snapshot = capture_is_on() ? capture_snapshot() : NULL;

	if (snapshot)
		snapshot->head.backend = slot;
}

static __always_inline void capture_note_rule(__u32 rule)
{
	struct snapshot *snapshot = capture_is_on() ? capture_snapshot() : NULL;

	if (snapshot)
		snapshot->head.rule = rule;
}

static __always_inline void capture_note_way_out(__u32 ifindex)
{
	struct snapshot *snapshot = capture_is_on() ? capture_snapshot() : NULL;

	if (snapshot)
		snapshot->head.ifindex_out = ifindex;
}

/* What goes out, and what goes up changed: the frame as it is now, behind the other. */
static __always_inline void capture_sent(struct xdp_md *ctx, const struct sluice_capture *capture,
					 struct snapshot *snapshot, int action)
{
	__u32 length = capture_frame_length(ctx);
	__u32 at = snapshot->head.received_bytes, taken = capture_length(capture, length);

	if (action == XDP_DROP || (action == XDP_PASS && length == snapshot->head.received_length))
		return;
	if (at > SLUICE_MAX_SNAPLEN || taken < ETH_HLEN)
		return; /* for the verifier */
	if (bpf_xdp_load_bytes(ctx, 0, snapshot->bytes + at, taken))
		return;
	snapshot->head.sent_length = length;
	snapshot->head.sent_bytes = taken;
}

/* Sends off what capture_begin() noted of this packet, if it did. */
int capture_end(struct xdp_md *ctx, __u32 outcome, __u32 action);

ISOLATED_STAGE capture_end(struct xdp_md *ctx, __u32 outcome, __u32 action)
{
	struct sluice_capture *capture = capture_settings();
	struct snapshot *snapshot = capture_snapshot();
	__u64 bytes;

	if (!capture || !snapshot || !snapshot->head.session ||
	    snapshot->head.session != capture->session)
		return 0;
	if (!(capture->outcomes[outcome >> 6 & 1] >> (outcome & 63) & 1)) {
		snapshot->head.session = 0;
		return 0;
	}
	snapshot->head.outcome = outcome;
	capture_sent(ctx, capture, snapshot, action);
	bytes = sizeof(snapshot->head) + snapshot->head.received_bytes + snapshot->head.sent_bytes;
	if (bytes > sizeof(*snapshot))
		return 0; /* for the verifier */
	if (bpf_ringbuf_output(&sluice_events, snapshot, bytes, 0))
		__sync_fetch_and_add(&capture->lost, 1);
	snapshot->head.session = 0;
	return 0;
}

#endif /* SLUICE_BPF_CAPTURE_H */
