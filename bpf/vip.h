/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether a destination is a VIP: one bucket of the index says so, unless it spilled;
 * then the hash of all VIPs does.
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

/* NULL: not in the index; *spilled: it may be in the hash nevertheless. */
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
	*spilled = bucket->entries[0].vip.spilled;
	return NULL;
}

static __always_inline const struct sluice_vip *vip_lookup(__u32 slot,
							   const struct sluice_vip_key *key)
{
	struct sluice_vip_words words;
	const struct sluice_vip *vip;
	int spilled;
	void *vips;

	__builtin_memcpy(words.addr, &key->addr, sizeof(words.addr));
	words.rest = vip_rest(key->port, key->proto);
	vip = vip_indexed(slot, &words, &spilled);
	if (vip || !spilled)
		return vip;
	vips = bpf_map_lookup_elem(&sluice_vips, &slot);
	return vips ? bpf_map_lookup_elem(vips, key) : NULL;
}

/* A service, a bare address entry (ring SLUICE_NONE16), or NULL: not a VIP. */
static __attribute__((noinline)) const struct sluice_vip *find_vip(const struct packet *pkt,
								   __u32 slot)
{
	struct sluice_vip_key key = {
		.addr = pkt->flow.dst,
		.port = pkt->flow.dport,
		.proto = pkt->flow.proto,
	};
	const struct sluice_vip *vip;

	vip = vip_lookup(slot, &key);
	if (!vip) {
		key.port = 0;
		key.proto = 0;
		vip = vip_lookup(slot, &key);
	}
	if (vip)
		trace(SLUICE_STEP_SERVICE, vip->service, vip->ring);
	return vip;
}

#endif /* SLUICE_BPF_VIP_H */
