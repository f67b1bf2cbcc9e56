/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t roster_id(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ull;
	return hash & ~0xffull;
}

struct service_state *roster_service(const struct roster *roster, uint64_t id)
{
	for (size_t i = 0; i < roster->service_count; i++)
		if (roster->services[i].id == id)
			return &roster->services[i];
	return NULL;
}

struct backend_state *roster_backend(const struct service_state *service, uint64_t id)
{
	for (size_t i = 0; i < service->backend_count; i++)
		if (service->backends[i] && service->backends[i]->id == id)
			return service->backends[i];
	return NULL;
}

void roster_forget_peer(struct roster *roster, size_t peer)
{
	for (size_t i = 0; i < roster->service_count; i++) {
		struct service_state *service = &roster->services[i];

		service->reports[peer] = (struct report){0};
		for (size_t j = 0; j < service->backend_count; j++)
			service->backends[j]->reports[peer] = (struct report){0};
	}
}

void roster_fini(struct roster *roster)
{
	for (size_t i = 0; i < roster->service_count; i++) {
		struct service_state *service = &roster->services[i];

		for (size_t j = 0; j < service->backend_count; j++)
			free(service->backends[j]);
		probe_plan_put(service->plan);
		free(service->backends);
		free(service->vips);
	}
	free(roster->services);
	*roster = (struct roster){0};
}

/* --- build --------------------------------------------------------------------- */

/* Takes the backend out of the old service, so that it is freed once. */
static struct backend_state *take_over(struct service_state *old, uint64_t id)
{
	for (size_t i = 0; old && i < old->backend_count; i++) {
		struct backend_state *backend = old->backends[i];

		if (backend && backend->id == id) {
			old->backends[i] = NULL;
			return backend;
		}
	}
	return NULL;
}

static struct backend_state *backend_create(const struct backend *from)
{
	struct backend_state *backend = calloc(1, sizeof(*backend));

	if (!backend)
		return NULL;
	strcpy(backend->name, from->name);
	backend->id = roster_id(from->name);
	backend->fresh = true;
	backend->own.up = true;
	backend->agreed = true;
	backend->applied = true;
	backend->share = backend->share_applied = SCHEDULE_WHOLE_SHARE;
	backend->probe.watch.fd = LOOP_NO_FD;
	return backend;
}

static void backend_describe(struct backend_state *backend, struct service_state *service,
			     const struct backend *from)
{
	backend->service = service;
	backend->admin = from->admin;
	backend->usable = from->admin == BACKEND_ADMIN_UP && from->weight > 0;
}

static int service_build(struct service_state *service, struct service_state *old,
			 const struct cluster *cluster, const struct service *from,
			 const struct node *balancer)
{
	strcpy(service->name, from->name);
	service->id = roster_id(from->name);
	service->config = from;
	service->check = from->check;
	service->proto = from->proto;
	service->vips = calloc(from->vip_count + 1, sizeof(*service->vips));
	service->backends = calloc(from->backend_count + 1, sizeof(*service->backends));
	if (!service->vips || !service->backends)
		return -ENOMEM;
	service->vip_count = from->vip_count;
	for (size_t i = 0; i < from->vip_count; i++)
		service->vips[i] = from->vips[i];
	if (old) {
		service->schedule = old->schedule;
		service->settled_ns = old->settled_ns;
		memcpy(service->reports, old->reports, sizeof(service->reports));
	}
	for (size_t i = 0; i < from->backend_count; i++) {
		const struct backend *described = &from->backends[i];
		struct backend_state *backend = take_over(old, roster_id(described->name));

		if (!backend)
			backend = backend_create(described);
		if (!backend)
			return -ENOMEM;
		backend_describe(backend, service, described);
		check_target_choose(&backend->target, cluster, from, described, balancer);
		service->backends[service->backend_count++] = backend;
	}
	return 0;
}

/* Closes the gaps that take_over() left. */
static void compact(struct roster *roster)
{
	for (size_t i = 0; i < roster->service_count; i++) {
		struct service_state *service = &roster->services[i];
		size_t kept = 0;

		for (size_t j = 0; j < service->backend_count; j++)
			if (service->backends[j])
				service->backends[kept++] = service->backends[j];
		service->backend_count = kept;
	}
}

int roster_build(struct roster *out, struct roster *from, const struct cluster *cluster,
		 const struct node *balancer)
{
	size_t count = balancer ? cluster->service_count : 0;
	int err = 0;

	*out = (struct roster){.services = calloc(count + 1, sizeof(*out->services))};
	if (!out->services)
		return -ENOMEM;
	while (!err && out->service_count < count) {
		const struct service *service = &cluster->services[out->service_count];

		err = service_build(&out->services[out->service_count++],
				    roster_service(from, roster_id(service->name)), cluster,
				    service, balancer);
	}
	compact(from);
	return err;
}

/* --- own view ------------------------------------------------------------------- */

bool roster_is_witness(const struct backend_state *backend)
{
	return backend->answered_ns && !backend->failing_since_ns;
}

bool roster_wants_witness(const struct backend_state *backend)
{
	return !backend->own.up && backend->suspect_ns && !backend->credible;
}

void roster_check_begins(struct backend_state *backend)
{
	const struct service_state *service = backend->service;

	backend->others_answer = false;
	for (size_t i = 0; backend->failing_since_ns && i < service->backend_count; i++) {
		const struct backend_state *other = service->backends[i];

		if (roster_is_witness(other) && other->answered_ns > backend->failing_since_ns)
			backend->others_answer = true;
	}
}

void roster_unsettle(struct roster *roster, uint64_t now_ns)
{
	for (size_t i = 0; i < roster->service_count; i++)
		roster->services[i].settled_ns = now_ns + ROSTER_SETTLE_NS;
}

static bool is_blind(const struct service_state *service)
{
	size_t usable = 0;

	for (size_t i = 0; i < service->backend_count; i++) {
		if (service->backends[i]->usable && service->backends[i]->own.up)
			return false;
		usable += service->backends[i]->usable;
	}
	return usable;
}

/* A good check that began at started_ns: who failed just before it failed by itself. */
static bool bear_witness(struct service_state *service, uint64_t started_ns)
{
	uint64_t window_ns = service->check.timeout_ms * NS_PER_MS;
	bool changed = false;

	for (size_t i = 0; i < service->backend_count; i++) {
		struct backend_state *other = service->backends[i];

		if (!roster_wants_witness(other) || started_ns < other->suspect_ns ||
		    started_ns - other->suspect_ns > window_ns)
			continue;
		other->credible = true;
		changed = true;
	}
	return changed;
}

static void note_success(struct backend_state *backend, uint64_t started_ns)
{
	backend->answered_ns = started_ns;
	if (!backend->own.up)
		return;
	backend->confirmed = true;
	backend->failing_since_ns = 0;
	backend->suspect_ns = 0;
	backend->credible = false;
}

bool roster_check_ends(struct backend_state *backend, bool ok, uint64_t started_ns, uint64_t now_ns)
{
	const struct health_check *check = &backend->service->check;
	bool changed = health_result(&backend->own, ok, check->rise, check->fall);

	if (ok) {
		note_success(backend, started_ns);
		if (now_ns >= backend->service->settled_ns)
			changed |= bear_witness(backend->service, started_ns);
		return changed;
	}
	if (backend->others_answer)
		backend->suspect_ns = now_ns;
	if (!backend->failing_since_ns)
		backend->failing_since_ns = started_ns;
	if (is_blind(backend->service))
		backend->service->settled_ns = now_ns + ROSTER_SETTLE_NS;
	return changed;
}

bool roster_own_view(const struct service_state *service, unsigned char *opinions)
{
	bool blind = is_blind(service);

	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend_state *backend = service->backends[i];
		bool down = !backend->own.up && (backend->credible || blind);

		opinions[i] = down ? OPINION_DOWN : OPINION_UP;
	}
	return blind;
}

/* --- agreement ----------------------------------------------------------------- */

bool roster_is_fresh(const struct report *report, uint64_t now_ns)
{
	return report->heard_ns && now_ns - report->heard_ns < ROSTER_VIEW_AGE_NS;
}

static void peer_view(const struct service_state *service, size_t peer, uint64_t now_ns,
		      unsigned char *opinions)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct report *report = &service->backends[i]->reports[peer];

		opinions[i] = roster_is_fresh(report, now_ns) ? report->opinion : OPINION_NONE;
	}
}

/* Backends are in the order of the configuration. */
static int set_schedule(struct service_state *service)
{
	struct backend_condition *conditions =
		calloc(service->backend_count + 1, sizeof(*conditions));

	if (!conditions)
		return -ENOMEM;
	for (size_t i = 0; i < service->backend_count; i++)
		conditions[i] = (struct backend_condition){
			.healthy = service->backends[i]->agreed,
			.share = service->backends[i]->share,
		};
	service->schedule = schedule_service(service->config, conditions);
	free(conditions);
	return 0;
}

static int service_agree(struct service_state *service, uint64_t now_ns)
{
	struct observer observers[1 + ROSTER_MAX_PEERS];
	size_t count = service->backend_count, heard = 0;
	/* Per backend: agreed, and one row of opinions per observer. */
	unsigned char *rows = calloc(count + 1, 2 + ROSTER_MAX_PEERS);
	bool *up = (bool *)rows;

	if (!rows)
		return -ENOMEM;
	rows += count;
	observers[heard++] = (struct observer){
		.blind = roster_own_view(service, rows),
		.opinions = rows,
	};
	for (size_t peer = 0; peer < ROSTER_MAX_PEERS; peer++) {
		if (!roster_is_fresh(&service->reports[peer], now_ns))
			continue;
		peer_view(service, peer, now_ns, rows + heard * count);
		observers[heard] = (struct observer){
			.blind = service->reports[peer].opinion,
			.opinions = rows + heard * count,
		};
		heard++;
	}
	agreement_merge(observers, heard, count, up);
	for (size_t i = 0; i < count; i++)
		service->backends[i]->agreed = up[i];
	free(up);
	return set_schedule(service);
}

int roster_agree(struct roster *roster, uint64_t now_ns)
{
	int err = 0;

	for (size_t i = 0; !err && i < roster->service_count; i++)
		err = service_agree(&roster->services[i], now_ns);
	return err;
}
