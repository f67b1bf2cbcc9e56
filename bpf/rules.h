/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The classifier: the ordered rules of one interface's policy, first match wins.
 */
#ifndef SLUICE_BPF_RULES_H
#define SLUICE_BPF_RULES_H

#include "tables.h"

struct judgement {
	const struct tuple *tuple; /* as the initiator sent it */
	void *rules;		   /* inner map in force */
	__u32 first;
	__u32 tried;
	__u32 rule;  /* id, SLUICE_NONE: no rule matched */
	__u16 sport; /* host byte order */
	__u16 dport;
	__u8 in;     /* port slot that the initiator came in by */
	__u8 action; /* enum sluice_action */
	__u8 proto;
	__u8 pad;
};

static __always_inline int rule_matches(const struct sluice_rule *rule,
					const struct judgement *judgement)
{
	if (rule->in != SLUICE_RULE_ANY_PORT && rule->in != judgement->in)
		return 0;
	if (rule->proto && rule->proto != judgement->proto)
		return 0;
	if (rule->ports &&
	    (judgement->sport < rule->sport_min || judgement->sport > rule->sport_max ||
	     judgement->dport < rule->dport_min || judgement->dport > rule->dport_max))
		return 0;
	return matches_prefix(&judgement->tuple->src, &rule->src, &rule->src_mask) &&
	       matches_prefix(&judgement->tuple->dst, &rule->dst, &rule->dst_mask);
}

/* bpf_loop callback: 1 ends the loop. */
static long try_rule(__u32 i, struct judgement *judgement)
{
	__u32 index = judgement->first + i;
	const struct sluice_rule *rule = bpf_map_lookup_elem(judgement->rules, &index);

	if (!rule)
		return 1;
	judgement->tried++;
	if (!rule_matches(rule, judgement))
		return 0;
	judgement->rule = rule->id;
	judgement->action = rule->action;
	return 1;
}

/* Fills judgement->rule and ->action for a packet with `tuple` that came in by `port`. */
static __always_inline enum sluice_outcome classify(struct packet *pkt, const struct tables *tables,
						    const struct tuple *tuple, __u8 port_slot,
						    struct judgement *judgement)
{
	const struct sluice_port *port = tables->port;
	__u32 slot = tables->slot;

	if (port_slot != config.port)
		port = port_lookup(slot, port_slot);
	judgement->rules = bpf_map_lookup_elem(&sluice_rules, &slot);
	if (!port || !judgement->rules)
		return SLUICE_INTERNAL;
	judgement->tuple = tuple;
	judgement->first = port->first_rule;
	judgement->tried = 0;
	judgement->rule = SLUICE_NONE;
	judgement->action = port->default_action;
	judgement->sport = bpf_ntohs(tuple->sport);
	judgement->dport = bpf_ntohs(tuple->dport);
	judgement->in = port_slot;
	judgement->proto = tuple->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : tuple->proto;
	bpf_loop(port->rule_count, try_rule, judgement, 0);
	if (judgement->rule != SLUICE_NONE)
		trace(SLUICE_STEP_RULE, judgement->rule, judgement->action);
	else
		trace(SLUICE_STEP_DEFAULT, judgement->action, judgement->tried);
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_RULES_H */
