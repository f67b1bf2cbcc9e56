/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "publish.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"

/* --- from the data plane --------------------------------------------------------- */

static void adopt_backend(struct backend_state *state, const struct loads *loads,
			  const struct service *service, const struct backend *backend)
{
	struct sluice_load load;
	const struct sluice_backend *found = loads_of_backend(loads, service, backend, &load);

	if (!found)
		return;
	state->applied = !found->unhealthy;
	state->share_applied = found->share;
	if (state->fresh) {
		state->own.up = state->applied;
		state->credible = !state->applied;
		state->agreed = state->applied;
	}
	/* It came up with a new configuration. */
	if (state->fresh || found->share < state->share)
		state->share = found->share;
	state->fresh = false;
}

static void adopt_service(struct service_state *state, const struct loads *loads,
			  const struct service *service)
{
	for (size_t i = 0; i < state->backend_count; i++) {
		const struct backend *backend = model_backend(service, state->backends[i]->name);

		if (backend)
			adopt_backend(state->backends[i], loads, service, backend);
	}
}

void publish_adopt(struct roster *roster, const struct dataplane *dp, const struct cluster *cluster)
{
	struct loads *loads;

	if (loads_read(dp, &loads))
		return;
	for (size_t i = 0; i < roster->service_count; i++) {
		const struct service *service = model_service(cluster, roster->services[i].name);

		if (service)
			adopt_service(&roster->services[i], loads, service);
	}
	loads_free(loads);
}

/* --- to the data plane ----------------------------------------------------------- */

static size_t collect(const struct roster *roster, struct backend_health *list)
{
	size_t count = 0;

	for (size_t i = 0; i < roster->service_count; i++) {
		const struct service_state *service = &roster->services[i];

		for (size_t j = 0; j < service->backend_count; j++) {
			const struct backend_state *backend = service->backends[j];

			if (backend->agreed == backend->applied &&
			    backend->share == backend->share_applied)
				continue;
			if (list)
				list[count] = (struct backend_health){
					.service = service->name,
					.backend = backend->name,
					.healthy = backend->agreed,
					.share = backend->share,
				};
			count++;
		}
	}
	return count;
}

static void mark_applied(struct roster *roster)
{
	for (size_t i = 0; i < roster->service_count; i++)
		for (size_t j = 0; j < roster->services[i].backend_count; j++) {
			struct backend_state *backend = roster->services[i].backends[j];

			backend->applied = backend->agreed;
			backend->share_applied = backend->share;
		}
}

int publish_health(struct roster *roster, const struct cluster *cluster, const char *node,
		   unsigned generation)
{
	size_t count = collect(roster, NULL);
	struct backend_health *list;
	struct dataplane dp;
	int err;

	if (!count)
		return 0;
	list = calloc(count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	err = dataplane_open(&dp, node, DATAPLANE_WRITE_NOW, NULL);
	if (err)
		goto out_free;
	err = -EAGAIN;
	if (__atomic_load_n(&dp.control->generation.config, __ATOMIC_ACQUIRE) != generation)
		goto out;
	collect(roster, list);
	err = dataplane_set_health(&dp, cluster, list, count);
	if (err)
		goto out;
	mark_applied(roster);
	for (size_t i = 0; i < count; i++)
		log_info("agent", "event=health-applied service=%s backend=%s state=%s share=%u",
			 list[i].service, list[i].backend, list[i].healthy ? "up" : "down",
			 list[i].share);
out:
	dataplane_close(&dp);
out_free:
	free(list);
	return err;
}
