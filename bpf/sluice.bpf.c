/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The data plane: one pipeline, whose roles are chosen when it is loaded.
 *
 *   parse > sanity > block set > decapsulation > VIP > flow > rules > backend > send
 *
 * Every packet is counted once when it comes in and once when its outcome is
 * known: for each interface, rx = pass + tx + redirect + drops, exactly. What few
 * packets need is done by programs behind a tail call (rare.h).
 */
#include "balancer.h"
#include "express.h"
#include "firewall.h"
#include "limit.h"
#include "quic.h"
#include "fragment.h"
#include "nat.h"
#include "nat_error.h"
#include "syn_cookie.h"
#include "vlan.h"

/* The checks that need nothing but the packet, and those on a tunnel's inner packet again. */
STAGE receive(struct xdp_md *ctx, struct packet *pkt, const struct tables *tables)
{
	enum sluice_outcome outcome;
	__be16 ethertype;

	outcome = parse(ctx, pkt);
	if (!outcome)
		outcome = sanity(pkt);
	if (!outcome)
		outcome = check_block_set(pkt, tables);
	ethertype = outcome || !HAS_ROLE(DECAP) ? 0 : tunnel_ethertype(ctx, pkt, tables);
	if (!ethertype)
		return outcome;
	outcome = decapsulate(ctx, pkt, tables, ethertype);
	if (!outcome)
		outcome = sanity(pkt);
	if (!outcome)
		outcome = check_block_set(pkt, tables);
	return outcome;
}

/* Chooses the backend, and remembers the choice. */
STAGE balance(struct packet *pkt, const struct tables *tables, const struct sluice_vip *vip,
	      union known_flow *known, struct choice *choice)
{
	enum sluice_outcome outcome;

	outcome = check_service(pkt, vip);
	if (outcome)
		return outcome;
	if (!pick_backend(pkt, tables, vip, known, choice))
		return SLUICE_NO_BACKEND;
	return HAS_ROLE(FIREWALL) ? follow(pkt, &known->flow) : SLUICE_CONTINUE;
}

/* Looks the flow up; with no firewall only what goes to a service has one. */
static __always_inline void find_flow(struct packet *pkt, const struct sluice_vip *vip,
				      union known_flow *known)
{
	if (HAS_ROLE(FIREWALL)) {
		flow_find(pkt, &known->flow);
	} else if (vip) {
		conn_find_flow(pkt, vip, &known->conn);
		trace(SLUICE_STEP_FLOW, conn_is_known(&known->conn),
		      known->conn.at ? SLUICE_CONN_GET(STATE, known->conn.value) : 0);
	}
}

/* Whether the packet opens a flow, as far as limits are concerned: one met midway does not. */
static __always_inline int opens_flow(const struct packet *pkt, const union known_flow *known)
{
	if (pkt->is_error || pkt->passing)
		return 0;
	if (HAS_ROLE(FIREWALL) ? known->flow.entry != NULL : conn_is_known(&known->conn))
		return 0;
	return pkt->self.proto != IPPROTO_TCP || is_opening_syn(pkt);
}

/* What is for a service that may go on, to the backend that serves it. */
static __always_inline enum sluice_outcome serve(struct xdp_md *ctx, struct packet *pkt,
						 const struct tables *tables,
						 const struct sluice_vip *vip,
						 union known_flow *known, struct choice *choice)
{
	int by_cid = takes_cid(ctx, pkt, tables, vip, choice);
	enum sluice_outcome outcome;

	if (vip->flags & SLUICE_VIP_LIMITED) {
		outcome = limit_service_outcome(limit_packet(pkt, tables->slot, vip->service,
							     !by_cid && opens_flow(pkt, known)));
		if (outcome)
			return outcome;
	}
	if (!by_cid)
		return balance(pkt, tables, vip, known, choice);
	count_cid(pkt, vip, choice);
	return HAS_ROLE(FIREWALL) ? follow(pkt, &known->flow) : SLUICE_CONTINUE;
}

/* The judgement: whether the packet may go on, and if it is for a service, to which backend. */
STAGE decide(struct xdp_md *ctx, struct packet *pkt, const struct tables *tables,
	     struct choice *choice)
{
	const struct sluice_vip *vip = NULL;
	union known_flow known;
	enum sluice_outcome outcome;

	if (HAS_ROLE(BALANCER) && !pkt->to_group)
		vip = find_vip(pkt, tables->slot);
	if (HAS_ROLE(BALANCER) && pkt->nats) {
		outcome = find_reply(pkt, tables, choice);
		if (outcome)
			return outcome;
	}
	find_flow(pkt, vip, &known);
	if (meets_cookies(pkt, vip, &known))
		return defer_to(SLUICE_STAGE_COOKIE);
	if (HAS_ROLE(FIREWALL)) {
		outcome = admit(pkt, tables, &known.flow);
		if (outcome)
			return outcome;
		if (known.flow.limit && limit_packet(pkt, tables->slot, known.flow.limit,
						     makes_flow(pkt) && opens_flow(pkt, &known)))
			return SLUICE_RATE_RULE;
	}
	if (vip)
		return serve(ctx, pkt, tables, vip, &known, choice);
	return HAS_ROLE(FIREWALL) ? follow(pkt, &known.flow) : SLUICE_CONTINUE;
}

/* Sends what may go on to where it goes. */
static __always_inline enum sluice_outcome act(struct xdp_md *ctx, struct packet *pkt,
					       const struct tables *tables,
					       const struct choice *choice)
{
	if (HAS_ROLE(BALANCER) &&
	    (choice->is_reply || (choice->backend && choice->forward == SLUICE_FORWARD_NAT)))
		return defer_to_nat(pkt, choice);
	if (HAS_ROLE(BALANCER) && choice->backend)
		return send_to_backend(ctx, pkt, tables, choice);
	return HAS_ROLE(FORWARD) && !pkt->to_group ? forward(ctx, pkt) : SLUICE_PASS_LOCAL;
}

/*
 * The whole way of a packet, whatever it is; `untagged`: of one whose VLAN tags are off. Its
 * stack is not beside the express way's.
 */
int process(struct xdp_md *ctx, int untagged);

ISOLATED_STAGE process(struct xdp_md *ctx, int untagged)
{
	struct packet pkt = {};
	struct tables tables = {};
	struct choice choice = {};
	enum sluice_outcome outcome;

	outcome = tables_load(&tables);
	if (!outcome)
		outcome = receive(ctx, &pkt, &tables);
	if (outcome == SLUICE_VLAN)
		return untagged ? refuse_vlan(tables.port) : defer_to(SLUICE_STAGE_VLAN);
	pkt.tagged = untagged;
	if (!outcome && pkt.is_fragment && (HAS_ROLE(FIREWALL) || HAS_ROLE(BALANCER)))
		return defer_to(SLUICE_STAGE_FRAGMENT);
	pkt.asks_cookies = 1;
	if (!outcome)
		outcome = decide(ctx, &pkt, &tables, &choice);
	return outcome ? outcome : act(ctx, &pkt, &tables, &choice);
}

/* The same of a fragment, which the main program has received. */
static __always_inline enum sluice_outcome process_fragment(struct xdp_md *ctx)
{
	struct fragment fragment = {};
	struct packet pkt = {};
	struct tables tables = {};
	struct choice choice = {};
	enum sluice_outcome outcome;

	outcome = tables_load(&tables);
	if (!outcome)
		outcome = parse(ctx, &pkt);
	if (!outcome)
		outcome = gather(ctx, &pkt, &fragment, tables.slot);
	if (outcome)
		return outcome;
	if (recall_tags(&pkt))
		return SLUICE_INTERNAL;
	take_noted_backend(&fragment, &choice);
	pkt.asks_cookies = 0; /* of a zero, a verifier takes note */
	outcome = decide(ctx, &pkt, &tables, &choice);
	if (!outcome)
		outcome = note_datagram(&pkt, &fragment, &choice);
	return outcome ? outcome : act(ctx, &pkt, &tables, &choice);
}

/* The same of a packet to a service with SYN cookies that may open a connection. */
static __always_inline enum sluice_outcome process_cookie(struct xdp_md *ctx)
{
	struct packet pkt = {};
	struct tables tables = {};
	struct choice choice = {};
	enum sluice_outcome outcome;

	if (!HAS_ROLE(BALANCER))
		return SLUICE_INTERNAL; /* for the verifier, whose work is saved */
	outcome = tables_load(&tables);
	if (!outcome)
		outcome = parse(ctx, &pkt);
	if (!outcome && recall_tags(&pkt))
		outcome = SLUICE_INTERNAL;
	if (!outcome)
		outcome = meet_cookies(ctx, &pkt, &tables);
	pkt.asks_cookies = 0;
	if (!outcome)
		outcome = decide(ctx, &pkt, &tables, &choice);
	return outcome ? outcome : act(ctx, &pkt, &tables, &choice);
}

SEC("xdp")
int sluice_xdp(struct xdp_md *ctx)
{
	__u64 bytes = ctx->data_end - ctx->data;
	struct sluice_ledger *ledger = port_ledger();
	__u32 outcome;
	int captured;

	if (!ledger)
		return XDP_ABORTED; /* no such port: the loader never makes one */
	count(&ledger->rx, bytes);
	if (config.trace)
		trace_steps = 0;
	captured = capture_is_on() && capture_begin(ctx);
	outcome = HAS_EXPRESS_WAY && !captured ? express(ctx, bytes) : SLUICE_CONTINUE;
	if (!outcome)
		outcome = process(ctx, 0);
	if (outcome >= SLUICE_DEFER)
		note_received(bytes);
	return conclude(ctx, ledger, outcome, bytes);
}

SEC("xdp")
int sluice_fragment(struct xdp_md *ctx)
{
	return conclude_stage(ctx, process_fragment(ctx));
}

/* The same of a SYN that is answered in place of its backend. */
static __always_inline enum sluice_outcome process_syn_ack(struct xdp_md *ctx)
{
	struct packet pkt = {};
	struct tables tables = {};
	enum sluice_outcome outcome;

	if (!HAS_ROLE(BALANCER))
		return SLUICE_INTERNAL; /* as above */
	outcome = tables_load(&tables);
	if (!outcome)
		outcome = parse(ctx, &pkt);
	if (!outcome && recall_tags(&pkt))
		outcome = SLUICE_INTERNAL;
	return outcome ? outcome : greet(ctx, &pkt, &tables);
}

SEC("xdp")
int sluice_nat(struct xdp_md *ctx)
{
	return conclude_stage(ctx, nat_forward(ctx));
}

SEC("xdp")
int sluice_nat_reply(struct xdp_md *ctx)
{
	return conclude_stage(ctx, nat_reply(ctx));
}

SEC("xdp")
int sluice_nat_error(struct xdp_md *ctx)
{
	return conclude_stage(ctx, nat_forward_error(ctx));
}

SEC("xdp")
int sluice_nat_reply_error(struct xdp_md *ctx)
{
	return conclude_stage(ctx, nat_reply_error(ctx));
}

SEC("xdp")
int sluice_cookie(struct xdp_md *ctx)
{
	return conclude_stage(ctx, process_cookie(ctx));
}

SEC("xdp")
int sluice_vlan(struct xdp_md *ctx)
{
	enum sluice_outcome outcome = untag(ctx);

	return conclude_stage(ctx, outcome ? outcome : defer_to(SLUICE_STAGE_UNTAGGED));
}

/* A stage of its own, for the sake of the stack. */
SEC("xdp")
int sluice_untagged(struct xdp_md *ctx)
{
	return conclude_stage(ctx, process(ctx, 1));
}

SEC("xdp")
int sluice_tag(struct xdp_md *ctx)
{
	return conclude_stage(ctx, send_tagged(ctx));
}

SEC("xdp")
int sluice_syn_ack(struct xdp_md *ctx)
{
	return conclude_stage(ctx, process_syn_ack(ctx));
}

char _license[] SEC("license") = "Dual BSD/GPL";
