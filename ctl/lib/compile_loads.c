/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where the traffic of each VIP to each backend is counted: a VIP has a run of entries of
 * sluice_load, as long as its service's highest index of a backend needs, rounded up to a
 * power of two so that a service may grow in place. A VIP keeps its run as long as that is
 * long enough; a new run takes no entry that is in force, because packets still count there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"

#define SIZES 32 /* of runs: powers of two */

struct backends_by_service *compile_by_service(const struct sluice_backend *backends, unsigned slot)
{
	struct backends_by_service *out = malloc(sizeof(*out));

	if (!out)
		return NULL;
	memset(out, 0xff, sizeof(*out));
	for (unsigned i = SLUICE_MAX_BACKENDS; i-- > 0;) {
		unsigned service = backends[i].service;

		if (backends[i].state[slot] == SLUICE_BACKEND_FREE ||
		    service >= SLUICE_MAX_SERVICES)
			continue;
		out->next[i] = out->first[service];
		out->first[service] = i;
	}
	return out;
}

unsigned compile_load_entries(const struct backends_by_service *by_service,
			      const struct sluice_backend *backends, unsigned service)
{
	unsigned entries = 1;

	for (unsigned i = by_service->first[service]; i != SLUICE_NONE; i = by_service->next[i])
		while (entries <= backends[i].index)
			entries *= 2;
	return entries;
}

/* --- backends --------------------------------------------------------------- */

static void mark_indexes(const struct backends_by_service *now, const struct compile_input *in,
			 unsigned service, bool *used)
{
	for (unsigned i = now->first[service]; i != SLUICE_NONE; i = now->next[i])
		used[in->now->backends[i].index] = true;
}

static void number_backends_of(const struct compile_input *in, struct compiled *out,
			       const struct compiled_service *service, bool *used)
{
	const unsigned *slots = &out->backend_slots[service->first_backend];
	__u16 next = 0;

	for (size_t i = 0; i < service->service->backend_count; i++) {
		struct sluice_backend *backend = &out->backends[slots[i]];

		if (backend->incarnation == in->now->backends[slots[i]].incarnation)
			continue;
		while (used[next])
			next++;
		backend->index = next++;
	}
}

int compile_number_backends(const struct compile_input *in, struct compiled *out)
{
	struct backends_by_service *now = compile_by_service(in->now->backends, in->now->slot);
	bool *used = malloc(2 * SLUICE_MAX_BACKENDS);
	int err = now && used ? 0 : -ENOMEM;

	for (size_t i = 0; i < out->service_count && !err; i++) {
		memset(used, false, 2 * SLUICE_MAX_BACKENDS);
		mark_indexes(now, in, out->services[i].index, used);
		number_backends_of(in, out, &out->services[i], used);
	}
	free(used);
	free(now);
	return err;
}

/* --- VIPs ------------------------------------------------------------------- */

struct allocator {
	bool used[SLUICE_MAX_LOADS];
	unsigned from[SIZES]; /* by the size's logarithm: nothing is free below */
};

static void take(struct allocator *allocator, unsigned first, unsigned entries)
{
	for (unsigned i = first; i < first + entries && i < SLUICE_MAX_LOADS; i++)
		allocator->used[i] = true;
}

static bool is_free(const struct allocator *allocator, unsigned first, unsigned entries)
{
	return !memchr(&allocator->used[first], 1, entries);
}

static unsigned find_run(struct allocator *allocator, unsigned entries)
{
	unsigned *from = &allocator->from[__builtin_ctz(entries)];

	while (*from + entries <= SLUICE_MAX_LOADS && !is_free(allocator, *from, entries))
		*from += entries;
	return *from + entries <= SLUICE_MAX_LOADS ? *from : SLUICE_NONE;
}

/* What the compilation of the runs knows of both generations. */
struct runs {
	const struct in_force *now;
	struct backends_by_service *before, *after;
	const struct compiled_vip *by_id[2 * SLUICE_MAX_VIPS + 1]; /* in force */
	struct allocator allocator;
};

static void take_runs_in_force(struct runs *runs)
{
	const struct in_force *now = runs->now;

	for (size_t i = 0; i < now->vip_count; i++) {
		const struct sluice_vip *vip = &now->vips[i].vip;

		if (vip->ring == SLUICE_NONE16 || vip->id > 2 * SLUICE_MAX_VIPS)
			continue;
		runs->by_id[vip->id] = &now->vips[i];
		take(&runs->allocator, vip->loads,
		     compile_load_entries(runs->before, now->backends, vip->service));
	}
}

static int place_run(struct runs *runs, struct compiled *out, struct sluice_vip *vip)
{
	unsigned entries = compile_load_entries(runs->after, out->backends, vip->service);
	const struct compiled_vip *before = runs->by_id[vip->id];

	if (before && before->vip.service == vip->service &&
	    compile_load_entries(runs->before, runs->now->backends, vip->service) >= entries) {
		vip->loads = before->vip.loads;
		return 0;
	}
	vip->loads = find_run(&runs->allocator, entries);
	if (vip->loads == SLUICE_NONE)
		return -ENOSPC;
	take(&runs->allocator, vip->loads, entries);
	return 0;
}

static int place_runs(struct runs *runs, struct compiled *out, struct diag_list *diags)
{
	for (size_t i = 0; i < out->vip_count; i++) {
		if (out->vips[i].vip.ring == SLUICE_NONE16 ||
		    !place_run(runs, out, &out->vips[i].vip))
			continue;
		diag_add(diags, (struct place){0},
			 "more than %d pairs of a VIP and a backend, expected fewer VIPs in "
			 "services with many backends",
			 SLUICE_MAX_LOADS);
		return -EINVAL;
	}
	return 0;
}

int compile_loads(const struct in_force *now, struct compiled *out, struct diag_list *diags)
{
	struct runs *runs = calloc(1, sizeof(*runs));
	int err = -ENOMEM;

	if (!runs)
		return err;
	runs->now = now;
	runs->before = compile_by_service(now->backends, now->slot);
	runs->after = compile_by_service(out->backends, out->slot);
	if (runs->before && runs->after) {
		take_runs_in_force(runs);
		err = place_runs(runs, out, diags);
	}
	free(runs->before);
	free(runs->after);
	free(runs);
	return err;
}
