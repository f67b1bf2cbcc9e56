/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The L4 balancer: VIP to service, flow to backend, and the way there.
 *
 * It is never strict: it hears one direction only, and after a failover it gets
 * packets of connections that it has not seen open. Without an entry the Maglev
 * ring decides, which is the same on every balancer.
 */
#ifndef SLUICE_BPF_BALANCER_H
#define SLUICE_BPF_BALANCER_H

#include "capture.h"
#include "conn.h"
#include "flow.h"
#include "hop_cache.h"
#include "rare.h"
#include "vip.h"

#define HASH_SEED  0x5bd1e9955bd1e995ULL
#define HASH_PRIME 0x9e3779b97f4a7c15ULL

static __always_inline __u64 hash_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * HASH_PRIME;
	return hash ^ hash >> 32;
}

static __always_inline __u64 hash_words(__u64 hash, const struct sluice_addr *addr)
{
	hash = hash_mix(hash, (__u64)addr->words[0] << 32 | addr->words[1]);
	return hash_mix(hash, (__u64)addr->words[2] << 32 | addr->words[3]);
}

/* Equal on all balancers: of the packet alone, with nothing of this host in it. */
static __always_inline __u32 ring_index(const struct tuple *tuple, __u8 vip_flags)
{
	const struct sluice_addr *src = &tuple->src;
	__u64 hash = hash_mix(HASH_SEED, (__u64)src->words[0] << 32 | src->words[1]);

	if (!(vip_flags & SLUICE_VIP_BY_SOURCE64) || addr_is_v4(src))
		hash = hash_mix(hash, (__u64)src->words[2] << 32 | src->words[3]);
	if (!(vip_flags & SLUICE_VIP_BY_SOURCE)) {
		hash = hash_words(hash, &tuple->dst);
		hash = hash_mix(hash, (__u64)tuple->sport << 32 | (__u32)tuple->dport << 16 |
					      tuple->proto);
	}
	hash = hash_mix(hash, hash >> 17);
	return (hash >> 32) * SLUICE_RING_SIZE >> 32;
}

/* The flow of a packet, in the table that the roles ask for. */
union known_flow {
	struct flow_ref flow; /* with a firewall */
	struct conn conn;     /* without */
};

/* The backend that a packet goes to, and how. */
struct choice {
	const struct sluice_backend *backend;
	__u32 slot;
	__u8 forward;  /* enum sluice_forward */
	__u8 is_reply; /* none of these: it comes from a backend of nat */
	__u8 pad[2];
};

/* Whether the backend still serves what was pinned to it. */
static __always_inline int keeps_flows(const struct sluice_backend *backend, __u32 slot)
{
	__u8 state = backend->state[slot & (SLUICE_SLOTS - 1)];

	return state == SLUICE_BACKEND_UP || state == SLUICE_BACKEND_DRAIN;
}

/* The backend that a flow remembers, if it is one of this service and still serves. */
static __always_inline int choose_by_conn(const struct conn *conn, const struct sluice_vip *vip,
					  __u32 slot, struct choice *choice)
{
	choice->slot = SLUICE_CONN_GET(BACKEND, conn->value);
	if (!conn_is_known(conn))
		return 0;
	choice->backend = bpf_map_lookup_elem(&sluice_backends, &choice->slot);
	return choice->backend && choice->backend->service == vip->service &&
	       conn_is_of(conn->value, choice->backend->incarnation) &&
	       keeps_flows(choice->backend, slot);
}

static __always_inline int choose_by_flow(const struct sluice_flow *flow,
					  const struct sluice_vip *vip, __u32 slot,
					  struct choice *choice)
{
	if (!flow || !(flow->flags & SLUICE_FLOW_BALANCED))
		return 0;
	choice->slot = flow->backend;
	choice->backend = bpf_map_lookup_elem(&sluice_backends, &choice->slot);
	return choice->backend && choice->backend->service == vip->service &&
	       choice->backend->incarnation == flow->incarnation &&
	       keeps_flows(choice->backend, slot);
}

/* The backend that another fragment of the same datagram went to. */
static __always_inline int choose_noted(const struct sluice_vip *vip, __u32 slot,
					const struct choice *choice)
{
	return choice->backend->service == vip->service && keeps_flows(choice->backend, slot);
}

static __always_inline int choose_by_ring(const struct tuple *tuple, const struct sluice_vip *vip,
					  __u32 slot, struct choice *choice)
{
	__u32 ring_id = vip->ring, index = ring_index(tuple, vip->flags);
	__u32 at = index / SLUICE_RING_PER_WORD;
	void *ring = bpf_map_lookup_elem(&sluice_rings, &ring_id);
	const struct sluice_ring_word *word = ring ? bpf_map_lookup_elem(ring, &at) : NULL;

	if (!word)
		return 0;
	choice->slot = word->backends[index % SLUICE_RING_PER_WORD];
	choice->backend = bpf_map_lookup_elem(&sluice_backends, &choice->slot);
	return choice->backend &&
	       choice->backend->state[slot & (SLUICE_SLOTS - 1)] != SLUICE_BACKEND_FREE;
}

/* 1 if that changed the flow's backend. */
static __always_inline int pin_backend(struct flow_ref *ref, __u32 slot, __u32 incarnation)
{
	struct sluice_flow *flow = ref->entry ? ref->entry : &ref->draft;

	if (config.trace || ((flow->flags & SLUICE_FLOW_BALANCED) && flow->backend == slot &&
			     flow->incarnation == incarnation))
		return 0;
	flow->backend = slot;
	flow->incarnation = incarnation;
	flow->flags |= SLUICE_FLOW_BALANCED;
	return 1;
}

/* Remembers the choice, in the draft where the flow is new. 1 if that changed it. */
static __always_inline int remember(const struct packet *pkt, union known_flow *known,
				    const struct choice *choice, int pinned)
{
	if (config.trace || pkt->is_error || pkt->passing)
		return 0;
	if (!HAS_ROLE(FIREWALL))
		return conn_track(segment_of(pkt), &known->conn, choice->slot,
				  choice->backend->incarnation);
	return pinned ? 0 : pin_backend(&known->flow, choice->slot, choice->backend->incarnation);
}

static __always_inline void count_backend(const struct sluice_vip *vip,
					  const struct sluice_backend *backend, __u64 bytes,
					  int new_flow)
{
	__u32 index = vip->loads + backend->index;
	struct sluice_load *load;

	if (config.trace)
		return;
	load = bpf_map_lookup_elem(&sluice_load, &index);
	if (!load)
		return;
	load->sent.packets++;
	load->sent.bytes += bytes;
	load->new_flows += new_flow;
}

static __always_inline int pick_backend(const struct packet *pkt, const struct tables *tables,
					const struct sluice_vip *vip, union known_flow *known,
					struct choice *choice)
{
	int pinned;

	if (choice->backend)
		pinned = choose_noted(vip, tables->slot, choice);
	else if (HAS_ROLE(FIREWALL))
		pinned = choose_by_flow(known->flow.entry, vip, tables->slot, choice);
	else
		pinned = choose_by_conn(&known->conn, vip, tables->slot, choice);

	choice->forward = vip->forward;
	if (!pinned && !choose_by_ring(&pkt->flow, vip, tables->slot, choice))
		return 0;
	trace(SLUICE_STEP_BACKEND, choice->slot, pinned);
	capture_note_backend(choice->slot);
	count_backend(vip, choice->backend, pkt->frame_length,
		      remember(pkt, known, choice, pinned));
	return 1;
}

/* The backend's address of the packet's own family, where it has one. */
static __always_inline const struct sluice_addr *
backend_address(const struct packet *pkt, const struct sluice_backend *backend)
{
	if (pkt->is_v6)
		return backend->flags & SLUICE_BACKEND_HAS6 ? &backend->addr6 : &backend->addr4;
	return backend->flags & SLUICE_BACKEND_HAS4 ? &backend->addr4 : &backend->addr6;
}

/* A tunnel: the endpoints of the outer headers. */
static __always_inline int aim_tunnel(const struct packet *pkt, const struct sluice_port *port,
				      const struct sluice_backend *backend, __u8 forward,
				      struct tuple *outer)
{
	outer->dst = *backend_address(pkt, backend);
	outer->proto = tunnel_proto(pkt);
	if (forward == SLUICE_FORWARD_GUE) {
		outer->proto = IPPROTO_UDP;
		outer->dport = port->gue_port;
	}
	if (addr_is_v4(&outer->dst)) {
		outer->src = port->tunnel_source4;
		return port->has_tunnel4;
	}
	outer->src = port->tunnel_source6;
	return port->has_tunnel6;
}

/*
 * DSR: the packet as it is, on the link where the backend of its family is. The way
 * there is asked for this node, not for the client: it is kept for all clients.
 */
static __always_inline int aim_link(const struct packet *pkt, const struct sluice_port *port,
				    const struct sluice_backend *backend, struct tuple *towards)
{
	towards->src = pkt->is_v6 ? port->tunnel_source6 : port->tunnel_source4;
	towards->dst = *backend_address(pkt, backend);
	towards->proto = pkt->self.proto;
	return addr_is_v4(&towards->dst) != pkt->is_v6;
}

/* An outcome of routing, said of a packet that the stack must not see. */
static __always_inline enum sluice_outcome to_backend_outcome(enum sluice_outcome outcome)
{
	if (outcome == SLUICE_PASS_LOCAL)
		return SLUICE_NO_ROUTE;
	return outcome == SLUICE_PASS_TOO_BIG ? SLUICE_TOO_BIG : outcome;
}

/* The way to a backend that is not local, for a packet that fits. */
static __always_inline enum sluice_outcome
find_way(struct xdp_md *ctx, struct packet *pkt, const struct tables *tables,
	 const struct choice *choice, struct tuple *towards, const struct hop_entry **hop)
{
	const struct sluice_backend *backend = choice->backend;
	int tunnel = is_tunnelled(choice->forward);
	struct hop_key key = {.now = bpf_jiffies64(),
			      .slot = choice->slot,
			      .incarnation = backend->incarnation,
			      .generation = tables->generation,
			      .inner_v6 = pkt->is_v6};
	__u32 length = pkt->l3_length;

	if (!(tunnel ? aim_tunnel(pkt, tables->port, backend, choice->forward, towards)
		     : aim_link(pkt, tables->port, backend, towards)))
		return SLUICE_NO_ROUTE;
	if (tunnel)
		length += tunnel_overhead(towards);
	return to_backend_outcome(find_backend_hop(ctx, arrival_of(pkt), towards, choice->forward,
						   length, &key, hop));
}

STAGE send_to_backend(struct xdp_md *ctx, struct packet *pkt, const struct tables *tables,
		      const struct choice *choice)
{
	struct tunnelled inner = {.length = pkt->l3_length,
				  .entropy = flow_entropy(&pkt->flow, pkt->is_v6),
				  .tos = pkt->tos};
	enum sluice_outcome outcome;
	const struct hop_entry *hop;
	struct tuple towards = {};

	if (choice->backend->flags & SLUICE_BACKEND_LOCAL)
		return SLUICE_PASS_LOCAL;
	outcome = find_way(ctx, pkt, tables, choice, &towards, &hop);
	if (outcome)
		return outcome;
	if (is_tunnelled(choice->forward))
		trace(SLUICE_STEP_ENCAP, towards.proto, pkt->l3_length + hop->overhead);
	return send_to_hop(ctx, hop, &inner);
}

/* Why nothing serves this packet to a VIP; CONTINUE: something does. */
static __always_inline enum sluice_outcome check_service(const struct packet *pkt,
							 const struct sluice_vip *vip)
{
	return vip->ring == SLUICE_NONE16 ? SLUICE_NO_SERVICE : SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_BALANCER_H */
