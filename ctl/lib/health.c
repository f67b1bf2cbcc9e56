/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Operational health: a mark on the backend's slot, its state in the generation
 * in force, and the ring of its service, swapped whole. The ring is compared
 * with what it should be whatever the mark was, so that the next call mends
 * what a killed one left half done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_private.h"

struct service_slots {
	unsigned index, ring;
	unsigned *slots; /* by backend of the model; SLUICE_NONE: not in force */
};

static int find_slots(const struct in_force *now, const struct service *service,
		      struct service_slots *out)
{
	int err = compile_find_service(now, service, &out->index, &out->ring);

	if (err)
		return err;
	out->slots = calloc(service->backend_count + 1, sizeof(*out->slots));
	if (!out->slots)
		return -ENOMEM;
	for (size_t i = 0; i < service->backend_count; i++) {
		out->slots[i] = compile_find_backend(now->backends, now->slot, out->index,
						     &service->backends[i]);
		if (out->slots[i] == SLUICE_NONE)
			return -ENOENT;
	}
	return 0;
}

static int mark(const struct dataplane *dp, struct in_force *now, const struct backend *backend,
		__u32 slot, bool healthy)
{
	struct sluice_backend *to = &now->backends[slot];
	struct sluice_backend before = *to;

	to->unhealthy = !healthy;
	to->state[now->slot] = (__u8)compile_backend_state(backend, !healthy);
	if (!memcmp(to, &before, sizeof(before)))
		return 0;
	return bpf_map_update_elem(dp->backends, &slot, to, BPF_EXIST) ? -errno : 0;
}

static int swap_ring(const struct dataplane *dp, const struct in_force *now,
		     const struct service *service, const struct service_slots *where)
{
	__u16 *ring = calloc(SLUICE_RING_ENTRIES, sizeof(*ring));
	int err, fd;

	if (!ring)
		return -ENOMEM;
	err = ring_build(service, where->slots, now->backends, ring);
	if (err || ring_equals(dp, where->ring, ring))
		goto out;
	fd = ring_create(dp, ring);
	err = fd < 0 ? fd : 0;
	if (fd < 0)
		goto out;
	if (bpf_map_update_elem(dp->rings, &where->ring, &fd, BPF_ANY))
		err = -errno;
	close(fd);
out:
	free(ring);
	return err;
}

static int set_service(const struct dataplane *dp, struct in_force *now,
		       const struct service *service, const struct backend_health *health,
		       size_t count)
{
	struct service_slots where = {0};
	int err = find_slots(now, service, &where);

	for (size_t i = 0; i < count && !err; i++) {
		const struct backend *backend;

		if (strcmp(health[i].service, service->name))
			continue;
		backend = model_backend(service, health[i].backend);
		if (backend)
			err = mark(dp, now, backend, where.slots[backend - service->backends],
				   health[i].healthy);
	}
	if (!err)
		err = swap_ring(dp, now, service, &where);
	free(where.slots);
	return err;
}

static bool is_mentioned(const char *service, const struct backend_health *health, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(health[i].service, service))
			return true;
	return false;
}

int dataplane_set_health(struct dataplane *dp, const struct cluster *cluster,
			 const struct backend_health *health, size_t count)
{
	struct in_force *now;
	int err = dp->lock_fd < 0 ? -EPERM : in_force_read(dp, &now);

	if (err)
		return err;
	for (size_t i = 0; i < cluster->service_count && !err; i++)
		if (is_mentioned(cluster->services[i].name, health, count))
			err = set_service(dp, now, &cluster->services[i], health, count);
	in_force_free(now);
	return err;
}
