/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The way back under nat: whom a reply comes from, by the backend's address, port and protocol.
 * It is all of the configuration and nothing else, so it is the same on every balancer.
 */
#include <stdlib.h>
#include <string.h>

#include "compile.h"

static void add(struct compiled *out, const struct compiled_nat *nat)
{
	if (out->nat_count < SLUICE_MAX_NATS) /* validation has counted them */
		out->nats[out->nat_count++] = *nat;
}

static void add_reply(const struct compiled_service *service, const struct vip *vip,
		      const struct backend *backend, struct compiled *out)
{
	struct endpoint from = model_nat_endpoint(backend, vip);
	struct compiled_nat reply = {
		.key = {.addr = from.addr,
			.port = htons(from.port),
			.proto = (__u8)service->service->proto},
		.nat = {.vip = vip->to.addr,
			.port = htons(vip->ports.min),
			.service = (__u16)service->index},
	};
	struct compiled_nat address = {.key.addr = from.addr};

	add(out, &reply);
	add(out, &address);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(&((const struct compiled_nat *)a)->key,
		      &((const struct compiled_nat *)b)->key, sizeof(struct sluice_nat_key));
}

/* Addresses stay once. */
static void sort(struct compiled *out)
{
	size_t kept = 0;

	qsort(out->nats, out->nat_count, sizeof(*out->nats), by_key);
	for (size_t i = 0; i < out->nat_count; i++)
		if (!kept || by_key(&out->nats[kept - 1], &out->nats[i]))
			out->nats[kept++] = out->nats[i];
	out->nat_count = kept;
}

void compile_nats(struct compiled *out)
{
	for (size_t i = 0; i < out->service_count; i++) {
		const struct service *service = out->services[i].service;

		if (service->forward != SLUICE_FORWARD_NAT)
			continue;
		for (size_t v = 0; v < service->vip_count; v++)
			for (size_t b = 0; b < service->backend_count; b++)
				add_reply(&out->services[i], &service->vips[v],
					  &service->backends[b], out);
	}
	sort(out);
}
