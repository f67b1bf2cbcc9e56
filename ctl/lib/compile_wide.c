/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Wide VIPs: port ranges, all ports, prefixes. A packet makes one search for
 * its address and one for its port, whatever VIPs lie over each other: each
 * address or prefix gets a list of disjoint ranges that says whose each port
 * is. It is the list of the next wider prefix, with its own VIPs laid over it,
 * the narrower ones last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"

/* A wide VIP; or, without a service, an address by itself. */
struct layer {
	struct vip vip;
	const struct service *service;
	struct compiled_vip *entry; /* its own in the table of VIPs */
};

/* The ranges of one protocol. */
struct ranges {
	struct sluice_wide *items;
	size_t count, capacity;
};

/* What is being compiled of one address or prefix. */
struct list {
	struct prefix to;
	struct ranges tcp, udp;
	__u32 at; /* in sluice_wide; SLUICE_NONE: not written */
};

#define MAX_NESTED 129 /* prefixes that hold each other, one of each length */

struct wide {
	struct layer *layers;
	size_t layer_count;
	struct list nested[MAX_NESTED]; /* each holds the next */
	unsigned depth;
	struct compiled *out;
	struct diag_list *diags;
};

/* --- ranges ----------------------------------------------------------------- */

static int add_range(struct ranges *ranges, unsigned min, unsigned max,
		     const struct sluice_vip *vip)
{
	struct sluice_wide *items = ranges->items;

	if (ranges->count == ranges->capacity) {
		items = reallocarray(items, 2 * ranges->capacity + 8, sizeof(*items));
		if (!items)
			return -ENOMEM;
		ranges->items = items;
		ranges->capacity = 2 * ranges->capacity + 8;
	}
	items[ranges->count++] =
		(struct sluice_wide){.ports = {.min = (__u16)min, .max = (__u16)max}, .vip = *vip};
	return 0;
}

/* Lays min..max over what is there, of which the rest stays on both sides. */
static int lay_over(struct ranges *ranges, unsigned min, unsigned max, const struct sluice_vip *vip)
{
	struct ranges below = *ranges;
	bool laid = false;
	int err = 0;

	*ranges = (struct ranges){0};
	for (size_t i = 0; i < below.count && !err; i++) {
		const struct sluice_wide *range = &below.items[i];
		unsigned first = range->ports.min, last = range->ports.max;

		if (first < min)
			err = add_range(ranges, first, last < min ? last : min - 1, &range->vip);
		if (!err && !laid && last >= min) {
			laid = true;
			err = add_range(ranges, min, max, vip);
		}
		if (!err && last > max)
			err = add_range(ranges, first > max ? first : max + 1, last, &range->vip);
	}
	if (!err && !laid)
		err = add_range(ranges, min, max, vip);
	free(below.items);
	return err;
}

static int copy_ranges(struct ranges *to, const struct ranges *from)
{
	*to = (struct ranges){0};
	for (size_t i = 0; i < from->count; i++)
		if (add_range(to, from->items[i].ports.min, from->items[i].ports.max,
			      &from->items[i].vip))
			return -ENOMEM;
	return 0;
}

/* --- lists ------------------------------------------------------------------ */

static void pop(struct wide *wide)
{
	struct list *list = &wide->nested[--wide->depth];

	free(list->tcp.items);
	free(list->udp.items);
}

/* Leaves those on the stack that hold `to`, and puts its list on top of them. */
static int push(struct wide *wide, const struct prefix *to)
{
	static const struct list nothing = {.at = SLUICE_NONE};
	const struct list *wider = &nothing;
	struct list *list;
	int err;

	while (wide->depth && !prefix_contains(&wide->nested[wide->depth - 1].to, &to->addr))
		pop(wide);
	if (wide->depth)
		wider = &wide->nested[wide->depth - 1];
	list = &wide->nested[wide->depth++];
	*list = (struct list){.to = *to, .at = wider->at};
	err = copy_ranges(&list->tcp, &wider->tcp);
	return err ? err : copy_ranges(&list->udp, &wider->udp);
}

static struct sluice_wide *append(struct compiled *out, const struct ranges *ranges)
{
	struct sluice_wide *at = &out->wide[out->wide_count];

	if (ranges->count)
		memcpy(at, ranges->items, ranges->count * sizeof(*at));
	out->wide_count += ranges->count;
	return at;
}

static int write_list(struct wide *wide, struct list *list, const struct service *service)
{
	struct compiled *out = wide->out;
	size_t size = 1 + list->tcp.count + list->udp.count;

	if (size > SLUICE_MAX_WIDE - out->wide_count) {
		diag_add(wide->diags, service->at,
			 "service \"%s\": more than %d port ranges, each counted for every address "
			 "and prefix of a VIP that it holds",
			 service->name, SLUICE_MAX_WIDE);
		return -EINVAL;
	}
	list->at = (__u32)out->wide_count;
	out->wide[out->wide_count++] = (struct sluice_wide){
		.count = {.tcp = (__u16)list->tcp.count, .udp = (__u16)list->udp.count},
		.vip = {.loads = SLUICE_NONE, .service = SLUICE_NONE16, .ring = SLUICE_NONE16},
	};
	append(out, &list->tcp);
	append(out, &list->udp);
	return 0;
}

static int write_prefix(struct wide *wide, const struct list *list, const struct service *service)
{
	struct compiled *out = wide->out;

	if (out->prefix_count == SLUICE_MAX_PREFIXES) {
		diag_add(wide->diags, service->at, "service \"%s\": more than %d prefixes",
			 service->name, SLUICE_MAX_PREFIXES);
		return -EINVAL;
	}
	out->prefixes[out->prefix_count++] = (struct compiled_prefix){
		.key = {.bits = list->to.bits, .addr = list->to.addr},
		.prefix = {.list = list->at, .bits = list->to.bits},
	};
	return 0;
}

/* All layers of one address or prefix: [first..end). */
static int compile_list(struct wide *wide, const struct layer *first, const struct layer *end)
{
	const struct service *service = NULL;
	struct compiled_vip *address = NULL;
	struct list *list;
	int err = push(wide, &first->vip.to);

	list = &wide->nested[wide->depth - 1];
	for (const struct layer *layer = first; layer < end && !err; layer++) {
		if (!layer->service) {
			address = layer->entry;
			continue;
		}
		service = layer->service;
		err = lay_over(service->proto == IPPROTO_TCP ? &list->tcp : &list->udp,
			       layer->vip.ports.min, layer->vip.ports.max, &layer->entry->vip);
	}
	if (!err && service)
		err = write_list(wide, list, service);
	if (!err && address)
		address->vip.loads = list->at;
	else if (!err)
		err = write_prefix(wide, list, service);
	return err;
}

/* --- layers ----------------------------------------------------------------- */

static int by_vip(const void *left, const void *right)
{
	const struct layer *a = left, *b = right;

	return vip_order(&a->vip, &b->vip);
}

static void add_vips_of(struct wide *wide, const struct service *service)
{
	struct compiled *out = wide->out;

	for (size_t i = 0; i < service->vip_count; i++) {
		const struct vip *vip = &service->vips[i];
		struct sluice_vip_key key = compile_vip_key(vip, service->proto);

		if (key.wide)
			wide->layers[wide->layer_count++] = (struct layer){
				.vip = *vip,
				.service = service,
				.entry = compile_find_vip(out->vips, out->vip_count, &key),
			};
	}
}

/* Each address that has an entry of its own is looked for there alone: it gets a list, too. */
static void add_addresses(struct wide *wide)
{
	for (size_t i = 0; i < wide->out->vip_count; i++) {
		struct compiled_vip *entry = &wide->out->vips[i];

		if (!entry->key.proto)
			wide->layers[wide->layer_count++] =
				(struct layer){.vip.to = {entry->key.addr, 128}, .entry = entry};
	}
}

static int compile_layers(struct wide *wide)
{
	struct layer *end = wide->layers + wide->layer_count, *next;
	int err = 0;

	qsort(wide->layers, wide->layer_count, sizeof(*wide->layers), by_vip);
	for (struct layer *first = wide->layers; first < end && !err; first = next) {
		next = first;
		while (next < end && prefix_equal(&next->vip.to, &first->vip.to))
			next++;
		err = compile_list(wide, first, next);
	}
	return err;
}

int compile_wide(struct compiled *out, struct diag_list *diags)
{
	struct wide *wide = calloc(1, sizeof(*wide));
	int err = -ENOMEM;

	if (!wide)
		return err;
	wide->out = out;
	wide->diags = diags;
	wide->layers = calloc(out->vip_count + 1, sizeof(*wide->layers));
	if (wide->layers) {
		for (size_t i = 0; i < out->service_count; i++)
			add_vips_of(wide, out->services[i].service);
		if (wide->layer_count)
			add_addresses(wide);
		err = compile_layers(wide);
	}
	while (wide->depth)
		pop(wide);
	free(wide->layers);
	free(wide);
	return err;
}
