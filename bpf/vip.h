/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether a destination is a VIP, and whose: one bucket of the index says so, unless it
 * spilled; then the hash of all VIPs does. An address whose port is not there may have a list
 * of port ranges, its own or that of the longest prefix that holds it.
 */
#ifndef SLUICE_BPF_VIP_H
#define SLUICE_BPF_VIP_H

#include "maps.h"
#include "packet.h"

static __always_inline __u32 vip_rest(__be16 port, __u8 proto)
{
	union {
		struct {
			__be16 port;
			__u8 proto;
			__u8 pad;
		};
		__u32 word;
	} rest = {.port = port, .proto = proto};

	return rest.word;
}

static __always_inline void vip_words_v4(struct sluice_vip_words *key, __be32 addr)
{
	union {
		__be32 halves[2];
		__u64 word;
	} last = {.halves = {bpf_htonl(0xffff), addr}};

	key->addr[0] = 0;
	key->addr[1] = last.word;
}

/* NULL: not in the index; *spilled: where it may be nevertheless, SLUICE_VIP_*. */
static __always_inline const struct sluice_vip *
vip_indexed(__u32 slot, const struct sluice_vip_words *key, int *spilled)
{
	__u32 at = slot * SLUICE_VIP_BUCKETS + sluice_vip_bucket_of(key);
	const struct sluice_vip_bucket *bucket = bpf_map_lookup_elem(&sluice_vip_index, &at);
	int i;

	*spilled = !bucket;
	if (!bucket)
		return NULL;
#pragma unroll
	for (i = 0; i < SLUICE_WAYS; i++) {
		const struct sluice_vip_entry *entry = &bucket->entries[i];
		const struct sluice_vip_words *found = (const void *)&entry->key;

		if (found->addr[1] == key->addr[1] && found->rest == key->rest &&
		    found->addr[0] == key->addr[0])
			return &entry->vip;
	}
	*spilled = bucket->entries[0].vip.flags &
		   (SLUICE_VIP_SPILLED | SLUICE_VIP_PREFIXES | SLUICE_VIP_NATS);
	return NULL;
}

static __always_inline const struct sluice_vip *
vip_lookup(__u32 slot, const struct sluice_vip_key *key, int *spilled)
{
	struct sluice_vip_words words;
	const struct sluice_vip *vip;
	void *vips;

	__builtin_memcpy(words.addr, &key->addr, sizeof(words.addr));
	words.rest = vip_rest(key->port, key->proto);
	vip = vip_indexed(slot, &words, spilled);
	if (vip || !(*spilled & SLUICE_VIP_SPILLED))
		return vip;
	vips = bpf_map_lookup_elem(&sluice_vips, &slot);
	return vips ? bpf_map_lookup_elem(vips, key) : NULL;
}

/* The list of the longest prefix that holds the address; SLUICE_NONE: none does. */
static __always_inline __u32 list_of_prefix(const struct sluice_addr *addr, __u32 slot)
{
	struct sluice_lpm_key key = {.bits = 128, .addr = *addr};
	void *prefixes = bpf_map_lookup_elem(&sluice_prefixes, &slot);
	const struct sluice_prefix *prefix = prefixes ? bpf_map_lookup_elem(prefixes, &key) : NULL;

	return prefix ? prefix->list : SLUICE_NONE;
}

#define WIDE_STEPS 17 /* halve SLUICE_MAX_WIDE down to nothing */

_Static_assert(SLUICE_MAX_WIDE < 1 << WIDE_STEPS, "lists are searched to their end");

/* Whose the port is, by the list; the bare address's entry if it is nobody's. */
static __attribute__((noinline)) const struct sluice_vip *wide_lookup(__u32 slot, __u32 list,
								      __be16 dport, __u8 proto)
{
	__u32 at = slot * SLUICE_MAX_WIDE + list, low = at + 1, high = low, middle;
	const struct sluice_wide *head = bpf_map_lookup_elem(&sluice_wide, &at), *range;
	__u16 port = bpf_ntohs(dport);
	int i;

	if (!head)
		return NULL;
	if (proto == IPPROTO_TCP)
		high += head->count.tcp;
	else if (proto == IPPROTO_UDP)
		high = (low += head->count.tcp) + head->count.udp;
	for (i = 0; i < WIDE_STEPS && low < high; i++) {
		middle = (low + high) / 2;
		range = bpf_map_lookup_elem(&sluice_wide, &middle);
		if (!range)
			break;
		if (port < range->ports.min)
			high = middle;
		else if (port > range->ports.max)
			low = middle + 1;
		else
			return &range->vip;
	}
	return &head->vip;
}

/* A service, a bare address entry (ring SLUICE_NONE16), or NULL: not a VIP. */
static __attribute__((noinline)) const struct sluice_vip *find_vip(struct packet *pkt, __u32 slot)
{
	struct sluice_vip_key key = {
		.addr = pkt->flow.dst,
		.port = pkt->flow.dport,
		.proto = pkt->flow.proto,
	};
	__u32 list = SLUICE_NONE;
	const struct sluice_vip *vip;
	int spilled;

	vip = vip_lookup(slot, &key, &spilled);
	if (!vip) {
		key.port = 0;
		key.proto = 0;
		vip = vip_lookup(slot, &key, &spilled);
		if (vip)
			list = vip->loads;
		else if (spilled & SLUICE_VIP_PREFIXES)
			list = list_of_prefix(&pkt->flow.dst, slot);
		if (list != SLUICE_NONE)
			vip = wide_lookup(slot, list, pkt->flow.dport, pkt->flow.proto);
	}
	pkt->nats = !vip && (spilled & SLUICE_VIP_NATS);
	if (vip)
		trace(SLUICE_STEP_SERVICE, vip->service, vip->ring);
	return vip;
}

#endif /* SLUICE_BPF_VIP_H */
