/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VLANs (IEEE 802.1Q), one tag or two (802.1ad, "QinQ"). Two stages stand around the
 * pipeline, which knows frames without tags alone: one takes the tags off what comes in, and
 * notes them; one puts on those of the VLAN device that a frame is to leave by, because XDP
 * cannot transmit on such a device. What the stack gets has its tags again (rare.h).
 *
 * A tag with the id 0 tells a priority and no VLAN.
 */
#ifndef SLUICE_BPF_VLAN_H
#define SLUICE_BPF_VLAN_H

#include "route.h"
#include "tables.h"

#define LINK_ADDRESSES (2 * ETH_ALEN) /* bytes in front of the tags */
#define TAG_BYTES      4

/* A later stage's packet; not 0: for the verifier, whom 0 or 1 for `tagged` would lead two ways. */
static __always_inline int recall_tags(struct packet *pkt)
{
	const struct deferred *note = deferred();

	if (!note)
		return -1;
	pkt->tagged = note->tag_bytes;
	return 0;
}

/* Tags taken off, and the link addresses in front of what is left. */
static __always_inline enum sluice_outcome take_tags(struct xdp_md *ctx, struct deferred *note)
{
	__be32 *frame = (void *)(long)ctx->data, addresses[3];
	void *end = (void *)(long)ctx->data_end;

	if ((void *)frame + ETH_HLEN + TAG_BYTES > end)
		return SLUICE_MALFORMED;
	__builtin_memcpy(addresses, frame, sizeof(addresses));
	note->tags[0] = frame[3];
	note->tags[1] = 0;
	note->tag_bytes = TAG_BYTES;
	if (is_tpid(*(__be16 *)&frame[4])) {
		if ((void *)frame + ETH_HLEN + 2 * TAG_BYTES > end)
			return SLUICE_MALFORMED;
		note->tags[1] = frame[4];
		note->tag_bytes = 2 * TAG_BYTES;
	}
	if (bpf_xdp_adjust_head(ctx, note->tag_bytes == TAG_BYTES ? TAG_BYTES : 2 * TAG_BYTES))
		return SLUICE_INTERNAL;
	frame = (void *)(long)ctx->data;
	if ((void *)frame + ETH_HLEN > (void *)(long)ctx->data_end)
		return SLUICE_INTERNAL;
	__builtin_memcpy(frame, addresses, sizeof(addresses));
	return SLUICE_CONTINUE;
}

/* Without priority and drop eligibility. */
static __always_inline __u32 tag_of(__be32 tag)
{
	return bpf_ntohl(tag) & (0xffff0000U | SLUICE_VLAN_ID_MASK);
}

/* 0: no VLAN device is of these tags. */
static __always_inline __u32 vlan_device(const struct deferred *note)
{
	struct sluice_vlan vlan = {.ifindex = note->ifindex_in,
				   .tags = {tag_of(note->tags[0]), tag_of(note->tags[1])}};
	const __u32 *device = bpf_map_lookup_elem(&sluice_vlan_in, &vlan);

	trace(SLUICE_STEP_UNTAG, vlan.tags[0], vlan.tags[1]);
	return device ? *device : 0;
}

/* By the outermost tag. `device`: there is one for the tags. */
static __always_inline int accepts_vlan(const struct sluice_port *port, const struct deferred *note,
					int device)
{
	__u32 id = tag_of(note->tags[0]) & SLUICE_VLAN_ID_MASK;
	int i;

	if (!id && note->tag_bytes == TAG_BYTES)
		return 1;
	if (!port->vlan_count)
		return device;
#pragma unroll
	for (i = 0; i < SLUICE_VLAN_RANGES; i++)
		if (i < port->vlan_count && id >= port->vlans[i].min && id <= port->vlans[i].max)
			return 1;
	return 0;
}

/* What nobody said is to be kept out is the stack's, which knows it or not. */
static __always_inline enum sluice_outcome refuse_vlan(const struct sluice_port *port)
{
	return HAS_ROLE(FIREWALL) || (port && port->vlan_count) ? SLUICE_VLAN : SLUICE_PASS_NOT_IP;
}

/* Makes the frame one that the pipeline knows. */
STAGE untag(struct xdp_md *ctx)
{
	struct deferred *note = deferred();
	struct tables tables = {};
	enum sluice_outcome outcome = tables_load(&tables);
	__u32 device;

	if (outcome || !note)
		return SLUICE_INTERNAL;
	outcome = take_tags(ctx, note);
	if (outcome)
		return outcome;
	if (capture_is_on())
		capture_look_again(ctx);
	note->ifindex_in = ctx->ingress_ifindex;
	device = vlan_device(note);
	if (device)
		note->ifindex_in = device;
	return accepts_vlan(tables.port, note, device) ? SLUICE_CONTINUE : refuse_vlan(tables.port);
}

/* Sends what is to leave by note->ifindex_out, where no program of ours is attached. */
STAGE send_tagged(struct xdp_md *ctx)
{
	const struct deferred *note = deferred();
	const struct sluice_vlan *vlan =
		note ? bpf_map_lookup_elem(&sluice_vlan_out, &note->ifindex_out) : NULL;
	__be32 tags[2];

	if (!vlan)
		return SLUICE_NOT_ATTACHED;
	trace(SLUICE_STEP_TAG, vlan->tags[0], vlan->ifindex);
	tags[0] = bpf_htonl(vlan->tags[0]);
	tags[1] = bpf_htonl(vlan->tags[1]);
	if (tags[1] ? put_tags(ctx, tags, 2) : put_tags(ctx, tags, 1))
		return SLUICE_INTERNAL;
	return transmit_on(ctx, vlan->ifindex);
}

#endif /* SLUICE_BPF_VLAN_H */
