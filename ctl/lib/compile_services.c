/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Services and backends get their numbers. A service keeps its index by name,
 * a backend keeps its slot, incarnation and health by service and address, so
 * that flows stay where they are; health goes with the last who checks it. A new
 * backend takes a slot that was free in the last two publications, so that no packet
 * in flight still means another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"

/* --- look-ups in what is in force ------------------------------------------- */

int compile_find_service(const struct in_force *now, const struct service *service, unsigned *index,
			 unsigned *ring)
{
	for (size_t i = 0; i < service->vip_count; i++) {
		struct sluice_vip_key key = compile_vip_key(&service->vips[i], service->proto);
		const struct compiled_vip *found =
			compile_find_vip(now->vips, now->vip_count, &key);

		if (!found)
			continue;
		*index = found->vip.service;
		*ring = found->vip.ring;
		return 0;
	}
	return -ENOENT;
}

bool compile_same_backend(const struct sluice_backend *slot, const struct backend *backend)
{
	if (!(slot->flags & SLUICE_BACKEND_HAS4) == backend->has4 ||
	    !(slot->flags & SLUICE_BACKEND_HAS6) == backend->has6)
		return false;
	if (slot->port != htons(backend->port))
		return false;
	return (!backend->has4 || !addr_cmp(&slot->addr4, &backend->addr4)) &&
	       (!backend->has6 || !addr_cmp(&slot->addr6, &backend->addr6));
}

unsigned compile_find_backend(const struct sluice_backend *backends, unsigned slot,
			      unsigned service_index, const struct backend *backend)
{
	for (unsigned i = 0; i < SLUICE_MAX_BACKENDS; i++)
		if (backends[i].state[slot] != SLUICE_BACKEND_FREE &&
		    backends[i].service == service_index &&
		    compile_same_backend(&backends[i], backend))
			return i;
	return SLUICE_NONE;
}

struct backend_condition *compile_conditions(const struct service *service, const unsigned *slots,
					     const struct sluice_backend *backends)
{
	struct backend_condition *conditions =
		calloc(service->backend_count + 1, sizeof(*conditions));

	for (size_t i = 0; conditions && i < service->backend_count; i++)
		conditions[i] = (struct backend_condition){
			.healthy = !backends[slots[i]].unhealthy,
			.share = backends[slots[i]].share,
		};
	return conditions;
}

int compile_states(const struct service *service, const unsigned *slots,
		   struct sluice_backend *backends, unsigned slot)
{
	struct backend_condition *conditions = compile_conditions(service, slots, backends);
	struct schedule schedule;

	if (!conditions)
		return -ENOMEM;
	schedule = schedule_service(service, conditions);
	for (size_t i = 0; i < service->backend_count; i++)
		backends[slots[i]].state[slot] =
			(__u8)schedule_state(&schedule, &service->backends[i], &conditions[i]);
	free(conditions);
	return 0;
}

/* --- services --------------------------------------------------------------- */

/* By the VIPs that the service had, because they may be what has changed. */
static void find_index(const struct compile_input *in, struct compiled_service *service)
{
	const struct service *before = model_service(&in->now->model, service->service->name);

	service->index = service->ring = service->ring_before = SLUICE_NONE;
	if (before && compile_find_service(in->now, before, &service->index, &service->ring_before))
		service->index = SLUICE_NONE;
}

/* A new service takes an index that none in force has. */
static int give_indexes(const struct compile_input *in, struct compiled *out,
			struct diag_list *diags)
{
	bool used[SLUICE_MAX_SERVICES] = {0};
	unsigned next = 0;

	for (size_t i = 0; i < in->now->vip_count; i++)
		if (in->now->vips[i].vip.ring != SLUICE_NONE16)
			used[in->now->vips[i].vip.service] = true;
	for (size_t i = 0; i < out->service_count; i++) {
		struct compiled_service *service = &out->services[i];

		if (service->index != SLUICE_NONE)
			continue;
		while (next < SLUICE_MAX_SERVICES && used[next])
			next++;
		if (next == SLUICE_MAX_SERVICES) {
			diag_add(diags, service->service->at,
				 "service \"%s\": no free index among %d until services that go "
				 "are gone: apply in two steps",
				 service->service->name, SLUICE_MAX_SERVICES);
			return -EINVAL;
		}
		service->index = next++;
	}
	return 0;
}

static int compile_service(const struct compile_input *in, const struct service *model,
			   struct compiled *out, struct diag_list *diags)
{
	struct compiled_service *service = &out->services[out->service_count];

	if (out->service_count == SLUICE_MAX_SERVICES ||
	    out->backend_count + model->backend_count > SLUICE_MAX_BACKENDS) {
		diag_add(diags, model->at,
			 "service \"%s\": more than %d services or %d backends in all", model->name,
			 SLUICE_MAX_SERVICES, SLUICE_MAX_BACKENDS);
		return -EINVAL;
	}
	service->service = model;
	find_index(in, service);
	service->first_backend = (unsigned)out->backend_count;
	out->backend_count += model->backend_count;
	out->service_count++;
	return 0;
}

/* --- backends --------------------------------------------------------------- */

static bool is_local_address(const struct compile_input *in, const struct sluice_addr *addr)
{
	const struct node *node = model_node(in->cluster, in->node);

	for (size_t i = 0; i < in->local_count; i++)
		if (!addr_cmp(&in->local[i].addr, addr))
			return true;
	for (size_t i = 0; i < node->interface_count; i++)
		for (size_t a = 0; a < node->interfaces[i].address_count; a++)
			if (!addr_cmp(&node->interfaces[i].addresses[a].addr, addr))
				return true;
	return false;
}

static __u8 backend_flags(const struct compile_input *in, const struct backend *backend)
{
	unsigned flags = 0;

	if (backend->has4)
		flags |= SLUICE_BACKEND_HAS4;
	if (backend->has6)
		flags |= SLUICE_BACKEND_HAS6;
	if (!strcmp(backend->name, in->node) ||
	    (backend->has4 && is_local_address(in, &backend->addr4)) ||
	    (backend->has6 && is_local_address(in, &backend->addr6)))
		flags |= SLUICE_BACKEND_LOCAL;
	return (__u8)flags;
}

/* What is new, or was drained or down until now. The agent finds out about health. */
static bool starts_slowly(const struct compile_input *in, const struct service *service,
			  const struct backend *backend, unsigned state_before)
{
	const struct service *before = model_service(&in->now->model, service->name);
	const struct backend *was = before ? model_backend(before, backend->name) : NULL;

	if (!service->slow_start_ms || !in->agent_runs)
		return false;
	if (state_before == SLUICE_BACKEND_FREE)
		return true;
	return was && !schedule_wants(was) && schedule_wants(backend);
}

static void fill_backend(const struct compile_input *in, struct compiled *out,
			 const struct compiled_service *service, const struct backend *backend,
			 unsigned slot)
{
	struct sluice_backend *to = &out->backends[slot];
	const struct sluice_backend *now = &in->now->backends[slot];

	if (now->state[in->now->slot] == SLUICE_BACKEND_FREE) {
		*to = (struct sluice_backend){.incarnation = now->incarnation + 1,
					      .service = (__u16)service->index,
					      .port = htons(backend->port)};
		if (backend->has4)
			to->addr4 = backend->addr4;
		if (backend->has6)
			to->addr6 = backend->addr6;
	}
	if (service->service->check.type == CHECK_NONE)
		to->unhealthy = 0;
	if (starts_slowly(in, service->service, backend, now->state[in->now->slot]))
		to->share = SCHEDULE_FIRST_SHARE;
	else if (!service->service->slow_start_ms || !in->agent_runs)
		to->share = SCHEDULE_WHOLE_SHARE;
	to->flags = backend_flags(in, backend);
}

/* The slot of the backend in force, from those of its service. */
static unsigned find_slot(const struct compile_input *in, const struct backends_by_service *now,
			  unsigned service, const struct backend *backend)
{
	unsigned slot = now->first[service];

	while (slot != SLUICE_NONE && !compile_same_backend(&in->now->backends[slot], backend))
		slot = now->next[slot];
	return slot;
}

static int keep_slots(const struct compile_input *in, struct compiled *out, bool *taken)
{
	struct backends_by_service *now = compile_by_service(in->now->backends, in->now->slot);

	if (!now)
		return -ENOMEM;
	for (size_t s = 0; s < out->service_count; s++) {
		const struct compiled_service *service = &out->services[s];

		for (size_t b = 0; b < service->service->backend_count; b++) {
			const struct backend *backend = &service->service->backends[b];
			unsigned slot = find_slot(in, now, service->index, backend);

			if (slot != SLUICE_NONE && taken[slot])
				slot = SLUICE_NONE;
			out->backend_slots[service->first_backend + b] = slot;
			if (slot == SLUICE_NONE)
				continue;
			taken[slot] = true;
			fill_backend(in, out, service, backend, slot);
		}
	}
	free(now);
	return 0;
}

static bool is_free(const struct compile_input *in, const bool *taken, unsigned slot)
{
	return !taken[slot] && in->now->backends[slot].state[in->now->slot] == SLUICE_BACKEND_FREE;
}

/*
 * Rested slots first; with none left, one that is merely free: its incarnation differs.
 * *rested: no slot below is both free and rested.
 */
static unsigned free_slot(const struct compile_input *in, const bool *taken, unsigned *rested)
{
	for (; *rested < SLUICE_MAX_BACKENDS; ++*rested)
		if (is_free(in, taken, *rested) &&
		    in->now->backends[*rested].state[!in->now->slot] == SLUICE_BACKEND_FREE)
			return *rested;
	for (unsigned i = 0; i < SLUICE_MAX_BACKENDS; i++)
		if (is_free(in, taken, i))
			return i;
	return SLUICE_NONE;
}

static int give_slots(const struct compile_input *in, struct compiled *out, bool *taken,
		      struct diag_list *diags)
{
	unsigned rested = 0;

	for (size_t s = 0; s < out->service_count; s++) {
		const struct compiled_service *service = &out->services[s];

		for (size_t b = 0; b < service->service->backend_count; b++) {
			unsigned *slot = &out->backend_slots[service->first_backend + b];

			if (*slot != SLUICE_NONE)
				continue;
			*slot = free_slot(in, taken, &rested);
			if (*slot == SLUICE_NONE) {
				diag_add(diags, service->service->backends[b].at,
					 "service \"%s\": backend \"%s\": no free slot among %d "
					 "until "
					 "backends that go are gone: apply in two steps",
					 service->service->name, service->service->backends[b].name,
					 SLUICE_MAX_BACKENDS);
				return -EINVAL;
			}
			taken[*slot] = true;
			fill_backend(in, out, service, &service->service->backends[b], *slot);
		}
	}
	return 0;
}

static int compile_backends(const struct compile_input *in, struct compiled *out,
			    struct diag_list *diags)
{
	bool *taken = calloc(SLUICE_MAX_BACKENDS, sizeof(*taken));
	int err;

	if (!taken)
		return -ENOMEM;
	memcpy(out->backends, in->now->backends, sizeof(out->backends));
	for (unsigned i = 0; i < SLUICE_MAX_BACKENDS; i++)
		out->backends[i].state[out->slot] = SLUICE_BACKEND_FREE;
	err = keep_slots(in, out, taken);
	if (!err)
		err = give_slots(in, out, taken, diags);
	if (!err)
		err = compile_number_backends(in, out);
	free(taken);
	for (size_t s = 0; s < out->service_count && !err; s++)
		err = compile_states(out->services[s].service,
				     &out->backend_slots[out->services[s].first_backend],
				     out->backends, out->slot);
	return err;
}

static bool is_balancer(const struct node *node)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_BALANCER)
			return true;
	return false;
}

int compile_services(const struct compile_input *in, struct compiled *out, struct diag_list *diags)
{
	int err = 0;

	if (is_balancer(model_node(in->cluster, in->node)))
		for (size_t i = 0; i < in->cluster->service_count && !err; i++)
			if (in->cluster->services[i].vip_count)
				err = compile_service(in, &in->cluster->services[i], out, diags);
	if (!err)
		err = give_indexes(in, out, diags);
	return err ? err : compile_backends(in, out, diags);
}
