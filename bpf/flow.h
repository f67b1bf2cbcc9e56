/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flow table of interfaces with a firewall (a balancer alone: conn.h). One entry
 * serves both directions, and the firewall and the balancer: a packet looks it up
 * once. The stages fill in a draft; a flow that is not in the table yet is inserted
 * once, after both have accepted it.
 *
 * An entry whose time is over counts as absent. Updates by two CPUs at once may
 * lose one state change of the two; the next packet makes it good.
 */
#ifndef SLUICE_BPF_FLOW_H
#define SLUICE_BPF_FLOW_H

#include "flow_state.h"
#include "maps.h"

struct flow_ref {
	struct sluice_flow_key key;
	struct sluice_flow *entry; /* in the table; NULL: a new flow */
	struct sluice_flow draft;  /* what to insert if draft.flags is not 0 */
	__u64 now_ns;
	__u8 from_hi; /* this packet's source is the key's hi endpoint */
	__u32 limit;  /* of the rule that accepted it, index into sluice_limits; 0: it has none */
};

/* -1, 0, 1 by address and then port: any order will do that both directions share. */
static __always_inline int endpoint_order(const struct tuple *tuple)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (tuple->src.words[i] != tuple->dst.words[i])
			return tuple->src.words[i] < tuple->dst.words[i] ? -1 : 1;
	}
	if (tuple->sport == tuple->dport)
		return 0;
	return tuple->sport < tuple->dport ? -1 : 1;
}

static __always_inline void flow_set_key(struct flow_ref *ref, const struct tuple *tuple)
{
	ref->from_hi = endpoint_order(tuple) > 0;
	if (ref->from_hi) {
		ref->key.lo = tuple->dst;
		ref->key.hi = tuple->src;
		ref->key.lo_port = tuple->dport;
		ref->key.hi_port = tuple->sport;
	} else {
		ref->key.lo = tuple->src;
		ref->key.hi = tuple->dst;
		ref->key.lo_port = tuple->sport;
		ref->key.hi_port = tuple->dport;
	}
	ref->key.proto = tuple->proto;
}

static __always_inline __u64 flow_timeout_ns(__u8 proto, __u8 state)
{
	return flow_timeout_s(proto, state) * NSEC_PER_SEC;
}

static __always_inline int from_initiator(const struct flow_ref *ref,
					  const struct sluice_flow *flow)
{
	return ref->from_hi == !!(flow->flags & SLUICE_FLOW_FROM_HI);
}

static __always_inline void flow_forget(struct flow_ref *ref)
{
	if (!config.trace)
		bpf_map_delete_elem(&sluice_flows, &ref->key);
	ref->entry = NULL;
}

/*
 * Whether a SYN with its ports is a new connection. A balancer does not hear the
 * backend end one: to it, a flow that went past its opening is over when it opens
 * again, and the ring must pick, as every other balancer would.
 */
static __always_inline int is_over(const struct sluice_flow *flow)
{
	return flow->state == SLUICE_FLOW_CLOSED ||
	       (flow->state != SLUICE_FLOW_OPENING && !(flow->flags & SLUICE_FLOW_JUDGED));
}

static __always_inline void flow_find(struct packet *pkt, struct flow_ref *ref)
{
	struct sluice_flow *flow;

	__builtin_memset(ref, 0, sizeof(*ref));
	flow_set_key(ref, &pkt->flow);
	ref->now_ns = bpf_ktime_get_coarse_ns();
	ref->draft.rule = SLUICE_NONE;
	ref->draft.port = config.port;
	ref->draft.flags = 0;
	flow = bpf_map_lookup_elem(&sluice_flows, &ref->key);
	trace(SLUICE_STEP_FLOW, flow && flow->expires_ns > ref->now_ns, flow ? flow->state : 0);
	if (!flow)
		return;
	ref->entry = flow;
	if (flow->expires_ns <= ref->now_ns || (is_opening_syn(pkt) && is_over(flow)))
		flow_forget(ref);
}

static __always_inline __u8 flow_next_state(const struct packet *pkt, struct sluice_flow *flow,
					    int initiator)
{
	if (pkt->self.proto == IPPROTO_TCP) {
		if (pkt->tcp_flags & TCP_RST)
			return SLUICE_FLOW_CLOSED;
		if (pkt->tcp_flags & TCP_FIN)
			flow->flags |= initiator ? SLUICE_FLOW_FIN_INIT : SLUICE_FLOW_FIN_RESP;
		if (flow->flags & (SLUICE_FLOW_FIN_INIT | SLUICE_FLOW_FIN_RESP)) {
			if ((flow->flags & SLUICE_FLOW_FIN_INIT) &&
			    (flow->flags & SLUICE_FLOW_FIN_RESP))
				return SLUICE_FLOW_CLOSED;
			return flow->state < SLUICE_FLOW_CLOSING ? SLUICE_FLOW_CLOSING
								 : flow->state;
		}
	}
	if (flow->state != SLUICE_FLOW_OPENING)
		return flow->state;
	/* A balanced flow's replies go another way: its initiator alone must do. */
	if (!initiator || ((flow->flags & SLUICE_FLOW_BALANCED) && !is_opening_syn(pkt)))
		return SLUICE_FLOW_ESTABLISHED;
	return flow->state;
}

/*
 * Moves a flow on by one packet. The entry is written only when something
 * changed or its time moved by a second: an idle cache line stays shared.
 */
static __always_inline void flow_track(const struct packet *pkt, struct flow_ref *ref)
{
	struct sluice_flow *flow = ref->entry;
	__u8 state;
	__u64 expires;

	if (config.trace || pkt->is_error || pkt->passing)
		return;
	state = flow_next_state(pkt, flow, from_initiator(ref, flow));
	expires = ref->now_ns + flow_timeout_ns(pkt->self.proto, state);
	if (state == flow->state && expires - flow->expires_ns < NSEC_PER_SEC)
		return;
	flow->state = state;
	flow->expires_ns = expires;
}

/* A balancer alone hears one side only: what it has seen of a flow must hold it open. */
static __always_inline __u8 flow_first_state(const struct packet *pkt)
{
	if (pkt->self.proto != IPPROTO_TCP || is_opening_syn(pkt))
		return SLUICE_FLOW_OPENING;
	if (pkt->tcp_flags & TCP_RST)
		return SLUICE_FLOW_CLOSED;
	return pkt->tcp_flags & TCP_FIN ? SLUICE_FLOW_CLOSING : SLUICE_FLOW_ESTABLISHED;
}

/* Inserts the draft, if a stage asked for it. 0, or -1 if the table refused it. */
static __always_inline int flow_commit(const struct packet *pkt, struct flow_ref *ref)
{
	struct sluice_flow *draft = &ref->draft;

	if (config.trace || ref->entry || !draft->flags || pkt->is_error || pkt->passing)
		return 0;
	draft->state = flow_first_state(pkt);
	if (draft->state == SLUICE_FLOW_CLOSING)
		draft->flags |= SLUICE_FLOW_FIN_INIT;
	draft->expires_ns = ref->now_ns + flow_timeout_ns(pkt->self.proto, draft->state);
	if (ref->from_hi)
		draft->flags |= SLUICE_FLOW_FROM_HI;
	return bpf_map_update_elem(&sluice_flows, &ref->key, draft, BPF_ANY) ? -1 : 0;
}

/* Inserts or moves on the flow of a packet that all stages have accepted. */
static __always_inline enum sluice_outcome follow(const struct packet *pkt, struct flow_ref *ref)
{
	if (flow_commit(pkt, ref))
		return SLUICE_FLOW_TABLE;
	if (ref->entry)
		flow_track(pkt, ref);
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_FLOW_H */
