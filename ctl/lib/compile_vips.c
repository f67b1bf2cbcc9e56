/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VIPs as packets find them: one entry for each exact one, and one for each
 * address by itself, so that what is for no service of it has its own outcome.
 * Wide VIPs have an entry for their numbers, too; their packets find them in
 * the lists of compile_wide.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"

struct sluice_vip_key compile_vip_key(const struct vip *vip, int proto)
{
	struct sluice_vip_key key = {
		.addr = vip->to.addr, .port = htons(vip->ports.min), .proto = (__u8)proto};

	if (!vip_is_exact(vip))
		key.wide = vip->to.bits;
	if (key.wide && vip_ports(vip) == VIP_ONE_PORT)
		key.wide |= SLUICE_WIDE_ONE_PORT;
	return key;
}

/* --- sorted by key ---------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	return memcmp(&((const struct compiled_vip *)a)->key,
		      &((const struct compiled_vip *)b)->key, sizeof(struct sluice_vip_key));
}

void compile_sort_vips(struct compiled_vip *vips, size_t count)
{
	qsort(vips, count, sizeof(*vips), by_key);
}

struct compiled_vip *compile_find_vip(const struct compiled_vip *vips, size_t count,
				      const struct sluice_vip_key *key)
{
	struct compiled_vip like = {.key = *key};

	return bsearch(&like, vips, count, sizeof(*vips), by_key);
}

/* --- entries ---------------------------------------------------------------- */

static int add_entry(const struct service *service, const struct compiled_vip *vip,
		     struct compiled *out, struct diag_list *diags)
{
	if (out->vip_count == SLUICE_MAX_VIPS) {
		diag_add(diags, service->at,
			 "service \"%s\": more than %d VIPs, addresses included", service->name,
			 SLUICE_MAX_VIPS);
		return -EINVAL;
	}
	out->vips[out->vip_count++] = *vip;
	return 0;
}

static __u8 vip_flags(const struct service *service, const struct vip *vip)
{
	static const unsigned char by_affinity[] = {
		[AFFINITY_SOURCE] = SLUICE_VIP_BY_SOURCE,
		[AFFINITY_SOURCE64] = SLUICE_VIP_BY_SOURCE | SLUICE_VIP_BY_SOURCE64,
	};

	return by_affinity[service->affinity] | (vip_is_exact(vip) ? 0 : SLUICE_VIP_WIDE) |
	       (service->syn_cookies == SYN_COOKIES_OFF ? 0 : SLUICE_VIP_COOKIES) |
	       (service->limit_count ? SLUICE_VIP_LIMITED : 0);
}

static int add_entries(const struct compiled_service *service, struct compiled *out,
		       struct diag_list *diags)
{
	const struct service *model = service->service;
	int err = 0;

	for (size_t i = 0; i < model->vip_count && !err; i++) {
		const struct vip *from = &model->vips[i];
		struct compiled_vip vip = {
			.key = compile_vip_key(from, model->proto),
			.vip = {.service = (__u16)service->index,
				.ring = (__u16)service->ring,
				.forward = model->forward & 0xf,
				.quic = model->quic & 0xf,
				.flags = vip_flags(model, from)},
		};
		struct compiled_vip address = {
			.key = {.addr = from->to.addr},
			.vip = {.loads = SLUICE_NONE, .ring = SLUICE_NONE16},
		};

		err = add_entry(model, &vip, out, diags);
		if (!err && from->to.bits == 128)
			err = add_entry(model, &address, out, diags);
	}
	return err;
}

/* An address that several VIPs have stays once. */
static void sort_entries(struct compiled *out)
{
	size_t kept = 0;

	compile_sort_vips(out->vips, out->vip_count);
	for (size_t i = 0; i < out->vip_count; i++)
		if (!kept || by_key(&out->vips[kept - 1], &out->vips[i]))
			out->vips[kept++] = out->vips[i];
	out->vip_count = kept;
}

/* A VIP keeps its id, by which connections know it, and a new one takes none in force. */
static void number_entries(const struct in_force *now, struct compiled *out)
{
	bool used[2 * SLUICE_MAX_VIPS + 1] = {true};
	__u16 next = 0;

	for (size_t i = 0; i < now->vip_count; i++)
		if (now->vips[i].vip.ring != SLUICE_NONE16 &&
		    now->vips[i].vip.id <= 2 * SLUICE_MAX_VIPS)
			used[now->vips[i].vip.id] = true;
	for (size_t i = 0; i < out->vip_count; i++) {
		struct compiled_vip *vip = &out->vips[i];
		const struct compiled_vip *before =
			compile_find_vip(now->vips, now->vip_count, &vip->key);

		if (vip->vip.ring == SLUICE_NONE16)
			continue;
		if (before)
			vip->vip.id = before->vip.id;
		if (vip->vip.id)
			continue;
		while (used[next])
			next++;
		vip->vip.id = next;
		used[next] = true;
	}
}

/* The backends of QUIC services by their server ids. */
static void add_server_ids(const struct compiled_service *service, struct compiled *out)
{
	const struct service *model = service->service;

	for (size_t i = 0; i < model->backend_count && model->quic; i++)
		out->server_ids[out->server_id_count++] = (struct compiled_server_id){
			.key = {.id = model_server_id(model, &model->backends[i]),
				.service = service->index},
			.slot = out->backend_slots[service->first_backend + i],
		};
}

/* Addresses learn their lowest ports: by key, each stands before what it serves. */
static void tell_ports(struct compiled *out)
{
	struct compiled_vip *address = NULL;

	for (size_t i = 0; i < out->vip_count; i++) {
		struct compiled_vip *vip = &out->vips[i];
		__be16 *lowest;

		if (!vip->key.proto)
			address = vip;
		if (!address || !vip->key.proto || vip->key.wide ||
		    addr_cmp(&address->key.addr, &vip->key.addr))
			continue;
		lowest = vip->key.proto == IPPROTO_TCP ? &address->vip.tcp_port
						       : &address->vip.udp_port;
		if (!*lowest)
			*lowest = vip->key.port;
	}
}

int compile_vips(const struct in_force *now, struct compiled *out, struct diag_list *diags)
{
	int err = 0;

	for (size_t i = 0; i < out->service_count && !err; i++)
		err = add_entries(&out->services[i], out, diags);
	if (err)
		return err;
	for (size_t i = 0; i < out->service_count; i++)
		add_server_ids(&out->services[i], out);
	sort_entries(out);
	number_entries(now, out);
	tell_ports(out);
	err = compile_loads(now, out, diags);
	return err ? err : compile_wide(out, diags);
}

/* --- the index -------------------------------------------------------------- */

static struct sluice_vip_bucket *bucket_of(struct sluice_vip_bucket *buckets,
					   const struct sluice_vip_key *key)
{
	struct sluice_vip_words words = {0};

	memcpy(&words, key, sizeof(*key));
	return &buckets[sluice_vip_bucket_of(&words)];
}

static void mark_bucket(struct sluice_vip_bucket *bucket, __u8 flag)
{
	for (unsigned i = 0; i < SLUICE_WAYS; i++)
		bucket->entries[i].vip.flags |= flag;
}

static void put_in_bucket(struct sluice_vip_bucket *bucket, const struct compiled_vip *vip)
{
	static const struct sluice_vip_entry unused;

	for (unsigned i = 0; i < SLUICE_WAYS; i++) {
		if (memcmp(&bucket->entries[i].key, &unused.key, sizeof(unused.key)) != 0)
			continue;
		bucket->entries[i].key = vip->key;
		bucket->entries[i].vip = vip->vip;
		return;
	}
	mark_bucket(bucket, SLUICE_VIP_SPILLED);
}

void compile_vip_index(const struct compiled *compiled, struct sluice_vip_bucket *buckets)
{
	for (size_t i = 0; i < compiled->vip_count; i++) {
		const struct compiled_vip *vip = &compiled->vips[i];

		if (!vip->key.wide)
			put_in_bucket(bucket_of(buckets, &vip->key), vip);
	}
	for (unsigned i = 0; i < SLUICE_VIP_BUCKETS && compiled->prefix_count; i++)
		mark_bucket(&buckets[i], SLUICE_VIP_PREFIXES);
	for (unsigned i = 0; i < SLUICE_VIP_BUCKETS && compiled->nat_count; i++)
		mark_bucket(&buckets[i], SLUICE_VIP_NATS);
}
