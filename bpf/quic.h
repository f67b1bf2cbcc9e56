/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * QUIC: a packet with a short header goes to the backend that its connection ID names, so
 * that a client whose address changes keeps its backend, on every balancer. The layout is
 * QUIC-LB's for plaintext (draft-ietf-quic-load-balancers): one octet, whose first three
 * bits are 0 to 6; then the server id; then what the server likes.
 *
 * All else is balanced as any UDP packet: long headers, whose connection ID the client may
 * have made up; 7 in the first three bits, which says that no id follows; an id that is no
 * backend's, or that of one that is down.
 */
#ifndef SLUICE_BPF_QUIC_H
#define SLUICE_BPF_QUIC_H

#include "balancer.h"

#define QUIC_LONG_HEADER 0x80
#define QUIC_UNROUTABLE	 7

/* The start of a packet with a short header, whatever the length of its connection ID. */
struct quic_head {
	struct udphdr udp;
	__u8 first;
	__u8 layout;
	__u8 id[8]; /* the server id at its start; shorter packets are no QUIC */
} __attribute__((packed));

/* 1: the connection ID of the packet with its UDP header at `offset` names a backend. */
static __attribute__((noinline)) int choose_by_cid(struct xdp_md *ctx, __u32 offset,
						   const struct sluice_vip *vip, __u32 slot,
						   struct choice *choice)
{
	const struct quic_head *head = (void *)(long)ctx->data + (offset & 0x3ff);
	struct sluice_quic_key key = {.service = vip->service};
	void *ids = bpf_map_lookup_elem(&sluice_quic, &slot);
	const __u32 *found;

	if (!ids || !vip->quic || (void *)(head + 1) > (void *)(long)ctx->data_end)
		return 0;
	if (bpf_ntohs(head->udp.len) < sizeof(*head) || (head->first & QUIC_LONG_HEADER) ||
	    head->layout >> 5 == QUIC_UNROUTABLE)
		return 0;
	__builtin_memcpy(&key.id, head->id, sizeof(key.id));
	key.id = bpf_be64_to_cpu(key.id) >> (64 - 8 * vip->quic);
	found = bpf_map_lookup_elem(ids, &key);
	if (!found)
		return 0;
	choice->slot = *found;
	choice->forward = vip->forward;
	choice->backend = bpf_map_lookup_elem(&sluice_backends, &choice->slot);
	return choice->backend && choice->backend->service == vip->service &&
	       keeps_flows(choice->backend, slot);
}

/* The pipeline's: whether the connection ID decides. A datagram stays where its pieces went. */
static __always_inline int takes_cid(struct xdp_md *ctx, const struct packet *pkt,
				     const struct tables *tables, const struct sluice_vip *vip,
				     struct choice *choice)
{
	if (!vip->quic || pkt->self.proto != IPPROTO_UDP || pkt->is_fragment || choice->backend)
		return 0;
	if (choose_by_cid(ctx, pkt->l4_offset, vip, tables->slot, choice))
		return 1;
	choice->backend = NULL;
	return 0;
}

static __always_inline void count_cid(const struct packet *pkt, const struct sluice_vip *vip,
				      const struct choice *choice)
{
	if (!choice->backend)
		return; /* for the verifier */
	trace(SLUICE_STEP_BACKEND, choice->slot, SLUICE_CHOICE_BY_CID);
	count_backend(vip, choice->backend, pkt->frame_length, 0);
}

#endif /* SLUICE_BPF_QUIC_H */
