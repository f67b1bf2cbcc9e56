/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The firewall: the block set, and then flows and rules.
 *
 * A packet of a flow that a rule accepted passes, in either direction, with the
 * ICMP errors that quote it. A flow judged under another generation of the
 * policy is judged again, as its initiator: a revoked rule cuts it at once. So is
 * an initiator's packet that comes in by another interface, or whoever can guess
 * a flow would enter where no rule lets him.
 */
#ifndef SLUICE_BPF_FIREWALL_H
#define SLUICE_BPF_FIREWALL_H

#include "block.h"
#include "capture.h"
#include "flow.h"
#include "limit.h"
#include "parse.h"
#include "rules.h"

#define ICMPV6_MLD_FIRST 130 /* query, report, done (RFC 2710) */
#define ICMPV6_MLD_LAST	 132
#define ICMPV6_ND_FIRST	 133 /* router and neighbour discovery, redirect (RFC 4861) */
#define ICMPV6_ND_LAST	 137
#define ICMPV6_MLD2	 143 /* report (RFC 3810) */

static __always_inline enum sluice_outcome check_block_set(struct packet *pkt,
							   const struct tables *tables)
{
	int blocked;

	if (!tables->block_entries)
		return SLUICE_CONTINUE;
	blocked = is_blocked(&pkt->self.src, pkt->is_v6);
	trace(SLUICE_STEP_BLOCK, blocked, tables->block_entries);
	return blocked ? SLUICE_BLOCKED : SLUICE_CONTINUE;
}

static __always_inline void count_rule(__u32 rule, const struct packet *pkt)
{
	struct sluice_count *count;

	if (config.trace)
		return;
	capture_note_rule(rule);
	count = bpf_map_lookup_elem(&sluice_rule_use, &rule);
	if (!count)
		return;
	count->packets++;
	count->bytes += pkt->frame_length;
}

/*
 * What a network cannot do without, and no default drop may take away: path MTU
 * discovery, and on the link itself neighbour discovery (hop limit 255: sent by
 * a neighbour, RFC 4861 6.1.1) and multicast listener discovery.
 */
static __always_inline int is_exempt(struct packet *pkt)
{
	__u8 type = pkt->icmp_type;
	int exempt;

	if (!is_icmp(pkt))
		return 0;
	if (!pkt->is_v6)
		exempt = type == ICMP_DEST_UNREACH && pkt->icmp_code == ICMP_FRAG_NEEDED;
	else if (type >= ICMPV6_ND_FIRST && type <= ICMPV6_ND_LAST)
		exempt = pkt->ttl == 255;
	else if ((type >= ICMPV6_MLD_FIRST && type <= ICMPV6_MLD_LAST) || type == ICMPV6_MLD2)
		exempt = pkt->ttl == 1;
	else
		exempt = type == ICMPV6_PKT_TOOBIG;
	if (exempt)
		trace(SLUICE_STEP_EXEMPT, type, pkt->icmp_code);
	return exempt;
}

/* The outcome of a judgement that does not accept. */
static __always_inline enum sluice_outcome refuse(const struct judgement *judgement,
						  const struct packet *pkt)
{
	if (judgement->rule == SLUICE_NONE)
		return SLUICE_POLICY_DEFAULT;
	count_rule(judgement->rule, pkt);
	return SLUICE_RULE;
}

static __always_inline void reverse(const struct tuple *from, struct tuple *to)
{
	to->src = from->dst;
	to->dst = from->src;
	to->sport = from->dport;
	to->dport = from->sport;
	to->proto = from->proto;
}

/* What comes back is the answer to what was admitted, and so is not limited. */
static __always_inline void limit_known(const struct packet *pkt, struct flow_ref *ref)
{
	if ((ref->entry->flags & SLUICE_FLOW_LIMITED) && !pkt->is_error &&
	    from_initiator(ref, ref->entry))
		ref->limit = SLUICE_MAX_SERVICES + ref->entry->rule;
}

/* Puts the packet before the rules: as it is, or, if its flow is known, as what opened that. */
STAGE ask(const struct packet *pkt, const struct tables *tables, const struct flow_ref *ref,
	  __u32 port, int is_known)
{
	struct classification *work = classification();
	struct question *question;

	if (!work)
		return SLUICE_INTERNAL; /* for the verifier */
	question = &work->question;
	question->generation = tables->generation;
	question->slot = tables->slot;
	question->in = port;
	question->invalid = 0;
	if (!is_known) {
		question->tuple = pkt->self;
		question->kind = kind_of(pkt);
		question->invalid = opens_no_flow(pkt);
		return SLUICE_CONTINUE;
	}
	trace(SLUICE_STEP_REJUDGE, ref->entry ? ref->entry->policy : 0, tables->policy);
	question->tuple = pkt->flow;
	if (ref->entry && !from_initiator(ref, ref->entry))
		reverse(&pkt->flow, &question->tuple);
	question->kind = kind_of_opening(pkt);
	return SLUICE_CONTINUE;
}

STAGE rejudge(struct packet *pkt, const struct tables *tables, struct flow_ref *ref, __u8 port)
{
	const struct classification *work = classification();
	struct sluice_flow *flow = ref->entry;
	const struct judgement *judgement;

	if (!flow || !work)
		return SLUICE_INTERNAL; /* for the verifier */
	judgement = &work->judgement;
	if (judgement->action == SLUICE_ACTION_DROP) {
		/* Refused where the flow never was: that says nothing about the flow. */
		if (port == flow->port)
			flow_forget(ref);
		return refuse(judgement, pkt);
	}
	if (!config.trace) {
		flow->port = port;
		flow->rule = judgement->rule;
		flow->policy = tables->policy;
		flow->flags &= ~SLUICE_FLOW_LIMITED;
		if (judgement->limited)
			flow->flags |= SLUICE_FLOW_LIMITED;
	}
	if (judgement->rule != SLUICE_NONE)
		count_rule(judgement->rule, pkt);
	if (judgement->limited && !pkt->is_error && from_initiator(ref, flow))
		ref->limit = SLUICE_MAX_SERVICES + judgement->rule;
	return SLUICE_CONTINUE;
}

/* Only what can be recognised again makes a flow: not ICMP other than echo. */
static __always_inline int makes_flow(const struct packet *pkt)
{
	return !is_icmp(pkt) || is_icmp_echo(pkt);
}

STAGE admit_new(struct packet *pkt, const struct tables *tables, struct flow_ref *ref)
{
	const struct classification *work = classification();
	const struct judgement *judgement;

	if (!work)
		return SLUICE_INTERNAL; /* for the verifier */
	judgement = &work->judgement;
	if (judgement->action == SLUICE_ACTION_DROP)
		return refuse(judgement, pkt);
	if (judgement->action == SLUICE_ACTION_ACCEPT && makes_flow(pkt)) {
		if (tables->port->strict && pkt->self.proto == IPPROTO_TCP && !is_opening_syn(pkt))
			return SLUICE_NO_FLOW;
		ref->draft.flags |= SLUICE_FLOW_JUDGED;
		if (judgement->limited)
			ref->draft.flags |= SLUICE_FLOW_LIMITED;
		ref->draft.policy = tables->policy;
		ref->draft.rule = judgement->rule;
	}
	if (judgement->rule != SLUICE_NONE)
		count_rule(judgement->rule, pkt);
	if (judgement->limited)
		ref->limit = SLUICE_MAX_SERVICES + judgement->rule;
	return SLUICE_CONTINUE;
}

/* Where the initiator of a known flow comes in, as far as this packet tells. */
static __always_inline __u8 initiator_port(const struct packet *pkt, const struct flow_ref *ref)
{
	if (!pkt->is_error && from_initiator(ref, ref->entry))
		return config.port;
	return ref->entry->port;
}

/* Its steps are stages of their own, one behind the other: nested, they lack stack. */
static __always_inline enum sluice_outcome admit(struct packet *pkt, const struct tables *tables,
						 struct flow_ref *ref)
{
	int is_known = ref->entry && (ref->entry->flags & SLUICE_FLOW_JUDGED);
	enum sluice_outcome outcome;
	__u8 port = config.port;

	if (is_known) {
		port = initiator_port(pkt, ref);
		if (ref->entry->policy == tables->policy && port == ref->entry->port) {
			if (ref->entry->rule != SLUICE_NONE)
				count_rule(ref->entry->rule, pkt);
			limit_known(pkt, ref);
			return SLUICE_CONTINUE;
		}
	} else if (is_exempt(pkt)) {
		return SLUICE_CONTINUE;
	}
	outcome = ask(pkt, tables, ref, port, is_known);
	if (!outcome)
		outcome = classify(tables, port);
	if (outcome)
		return outcome;
	return is_known ? rejudge(pkt, tables, ref, port) : admit_new(pkt, tables, ref);
}

#endif /* SLUICE_BPF_FIREWALL_H */
