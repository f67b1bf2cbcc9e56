/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rare work, behind tail calls: the end of the main program and of its stages.
 *
 * Where the pipeline says defer_to(stage), that stage's program takes the packet as it is
 * then, reads it anew with parse(), and finds the outcome; it may defer to a further stage.
 * Whoever finds it counts it, once. A stage has the whole stack to itself, and common
 * packets pay nothing for it.
 */
#ifndef SLUICE_BPF_RARE_H
#define SLUICE_BPF_RARE_H

#include "capture.h"

/* Above all outcomes, and below none that will ever be appended. */
#define SLUICE_DEFER 0x100

_Static_assert(SLUICE_OUTCOME_COUNT <= SLUICE_DEFER, "outcomes and stages share one range");

/* What a stage must know, and the packet does not tell. */
struct deferred {
	__u32 bytes;	   /* of the frame as received */
	__u32 tag_bytes;   /* 4 or 8: VLAN tags were taken off */
	__be32 tags[2];	   /* those, as they stood in the frame */
	__u32 ifindex_in;  /* then: the VLAN device, or the interface if it has none */
	__u32 ifindex_out; /* for the stage that tags: the device to send on */
	/* For the stages of nat: */
	__u32 backend;		/* slot of the one that it goes to, or */
	struct sluice_nat from; /* whom a reply comes from */
	__be16 dport;
	__u16 l4_offset; /* of the transport header; 0: it is in another fragment */
	__u8 proto;
	__u8 pad[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct deferred);
} sluice_deferred SEC(".maps");

int sluice_fragment(struct xdp_md *ctx);
int sluice_nat(struct xdp_md *ctx);
int sluice_nat_reply(struct xdp_md *ctx);
int sluice_nat_error(struct xdp_md *ctx);
int sluice_nat_reply_error(struct xdp_md *ctx);
int sluice_cookie(struct xdp_md *ctx);
int sluice_vlan(struct xdp_md *ctx);
int sluice_untagged(struct xdp_md *ctx);
int sluice_tag(struct xdp_md *ctx);
int sluice_syn_ack(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLUICE_STAGE_COUNT);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} sluice_stages SEC(".maps") = {
	.values =
		{
			(void *)&sluice_fragment, /* in the order of enum sluice_stage */
			(void *)&sluice_nat,
			(void *)&sluice_nat_reply,
			(void *)&sluice_nat_error,
			(void *)&sluice_nat_reply_error,
			(void *)&sluice_cookie,
			(void *)&sluice_vlan,
			(void *)&sluice_untagged,
			(void *)&sluice_tag,
			(void *)&sluice_syn_ack,
		},
};

static __always_inline enum sluice_outcome defer_to(enum sluice_stage stage)
{
	return (enum sluice_outcome)(SLUICE_DEFER + stage);
}

/* Not of 32 bytes, whose constants clang merges: the kernel refuses the types of what is left. */
static const __u8 class_of_outcome[SLUICE_DEFER] = {
#define OUTCOME_CLASS(name, class, token, help) SLUICE_CLASS_##class,
	SLUICE_OUTCOMES(OUTCOME_CLASS)
#undef OUTCOME_CLASS
};

static __always_inline int xdp_action(enum sluice_outcome outcome)
{
	switch (class_of_outcome[outcome]) {
	case SLUICE_CLASS_PASS:
		return XDP_PASS;
	case SLUICE_CLASS_TX:
		return XDP_TX;
	case SLUICE_CLASS_REDIRECT:
		return XDP_REDIRECT;
	default:
		return XDP_DROP;
	}
}

static __always_inline void count(struct sluice_count *counter, __u64 bytes)
{
	if (config.trace)
		return;
	counter->packets++;
	counter->bytes += bytes;
}

static __always_inline struct sluice_ledger *port_ledger(void)
{
	__u32 port = config.port;

	return bpf_map_lookup_elem(&sluice_ledger, &port);
}

static __always_inline struct deferred *deferred(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sluice_deferred, &zero);
}

/* Before the main program hands a packet on. */
static __always_inline void note_received(__u64 bytes)
{
	struct deferred *note = deferred();

	if (!note)
		return; /* for the verifier */
	note->bytes = bytes;
	note->tag_bytes = 0;
}

/* Does not return, unless the stage's program is not there. */
static __always_inline enum sluice_outcome hand_on(struct xdp_md *ctx, __u32 outcome)
{
	trace(SLUICE_STEP_STAGE, outcome - SLUICE_DEFER, 0);
	bpf_tail_call(ctx, &sluice_stages, outcome - SLUICE_DEFER);
	return SLUICE_NO_STAGE;
}

/* Counts the outcome of a frame of `bytes` bytes, and says what XDP is to do. */
static __always_inline int conclude(struct xdp_md *ctx, struct sluice_ledger *ledger, __u32 outcome,
				    __u64 bytes)
{
	int action;

	if (outcome >= SLUICE_DEFER)
		outcome = hand_on(ctx, outcome);
	trace(SLUICE_STEP_VERDICT, outcome, 0);
	if (outcome >= SLUICE_OUTCOME_COUNT)
		return XDP_ABORTED; /* for the verifier */
	count(&ledger->outcome[outcome], bytes);
	action = xdp_action(outcome);
	if (capture_is_on())
		capture_end(ctx, outcome, action);
	return action;
}

/* Puts one or two VLAN tags into the frame; not 0: there is no room. */
static __always_inline int put_tags(struct xdp_md *ctx, const __be32 tags[2], const int count)
{
	const int bytes = count * (int)sizeof(tags[0]);
	__be32 *frame;

	if (bpf_xdp_adjust_head(ctx, -bytes))
		return -1;
	frame = (void *)(long)ctx->data;
	if ((void *)frame + bytes + ETH_HLEN > (void *)(long)ctx->data_end)
		return -1;
	frame[0] = frame[count];
	frame[1] = frame[count + 1];
	frame[2] = frame[count + 2];
	frame[3] = tags[0];
	if (count == 2)
		frame[4] = tags[1];
	return 0;
}

/* Puts the tags back that the frame came with; not 0: there is no room. */
static __always_inline int restore_tags(struct xdp_md *ctx)
{
	const struct deferred *note = deferred();

	if (!note || !note->tag_bytes)
		return 0;
	return note->tag_bytes == sizeof(note->tags) ? put_tags(ctx, note->tags, 2)
						     : put_tags(ctx, note->tags, 1);
}

/* The stack gets a frame with the tags that it came with. */
int give_back_tags(struct xdp_md *ctx, __u32 outcome);

ISOLATED_STAGE give_back_tags(struct xdp_md *ctx, __u32 outcome)
{
	if (outcome >= SLUICE_OUTCOME_COUNT || class_of_outcome[outcome] != SLUICE_CLASS_PASS)
		return outcome;
	return restore_tags(ctx) ? SLUICE_INTERNAL : outcome;
}

/* Sends an answer where the packet came from, in the same VLAN. */
int send_back(struct xdp_md *ctx);

ISOLATED_STAGE send_back(struct xdp_md *ctx)
{
	return restore_tags(ctx) ? SLUICE_INTERNAL : SLUICE_TX;
}

/* The same, at the end of a stage. */
static __always_inline int conclude_stage(struct xdp_md *ctx, __u32 outcome)
{
	struct sluice_ledger *ledger;
	const struct deferred *note;

	outcome = give_back_tags(ctx, outcome);
	ledger = port_ledger();
	note = deferred();
	return ledger && note ? conclude(ctx, ledger, outcome, note->bytes) : XDP_ABORTED;
}

#endif /* SLUICE_BPF_RARE_H */
