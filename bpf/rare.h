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
	__u32 bytes; /* of the frame as received */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct deferred);
} sluice_deferred SEC(".maps");

int sluice_fragment(struct xdp_md *ctx);
int sluice_cookie(struct xdp_md *ctx);
int sluice_syn_ack(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLUICE_STAGE_COUNT);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} sluice_stages SEC(".maps") = {
	/* in the order of enum sluice_stage */
	.values = {(void *)&sluice_fragment, (void *)&sluice_cookie, (void *)&sluice_syn_ack},
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

/* Does not return, unless the stage's program is not there. */
static __always_inline enum sluice_outcome hand_on(struct xdp_md *ctx, __u32 outcome, __u64 bytes)
{
	struct deferred *note = deferred();

	if (!note)
		return SLUICE_INTERNAL; /* for the verifier */
	note->bytes = bytes;
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
		outcome = hand_on(ctx, outcome, bytes);
	trace(SLUICE_STEP_VERDICT, outcome, 0);
	if (outcome >= SLUICE_OUTCOME_COUNT)
		return XDP_ABORTED; /* for the verifier */
	count(&ledger->outcome[outcome], bytes);
	action = xdp_action(outcome);
	if (capture_is_on())
		capture_end(ctx, outcome, action);
	return action;
}

/* The same, at the end of a stage. */
static __always_inline int conclude_stage(struct xdp_md *ctx, __u32 outcome)
{
	struct sluice_ledger *ledger = port_ledger();
	const struct deferred *note = deferred();

	return ledger && note ? conclude(ctx, ledger, outcome, note->bytes) : XDP_ABORTED;
}

#endif /* SLUICE_BPF_RARE_H */
