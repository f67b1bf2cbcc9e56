/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Operational health: a mark on the backend's slot, the states of its service's backends
 * in the generation in force, and the service's ring, swapped whole. The ring is compared
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

/* Writes those of the service's backends that differ from `before`, which were read. */
static int write_backends(const struct dataplane *dp, const struct in_force *now,
			  const struct service *service, const unsigned *slots,
			  const struct sluice_backend *before)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		__u32 slot = slots[i];

		if (memcmp(&now->backends[slot], &before[i], sizeof(before[i])) &&
		    bpf_map_update_elem(dp->backends, &slot, &now->backends[slot], BPF_EXIST))
			return -errno;
	}
	return 0;
}

static void set_condition(struct sluice_backend *to, const struct backend_health *health)
{
	to->unhealthy = !health->healthy;
	to->share = (__u8)(health->share ? health->share : SCHEDULE_WHOLE_SHARE);
}

/* Marks the backends that `health` names, and sets the states that follow for all. */
static int mark(const struct dataplane *dp, struct in_force *now, const struct service *service,
		const unsigned *slots, const struct backend_health *health, size_t count)
{
	struct sluice_backend *before = calloc(service->backend_count + 1, sizeof(*before));
	int err;

	if (!before)
		return -ENOMEM;
	for (size_t i = 0; i < service->backend_count; i++)
		before[i] = now->backends[slots[i]];
	for (size_t i = 0; i < count; i++) {
		const struct backend *backend;

		if (strcmp(health[i].service, service->name))
			continue;
		backend = model_backend(service, health[i].backend);
		if (backend)
			set_condition(&now->backends[slots[backend - service->backends]],
				      &health[i]);
	}
	err = compile_states(service, slots, now->backends, now->slot);
	if (!err)
		err = write_backends(dp, now, service, slots, before);
	free(before);
	return err;
}

/* The ring is built if the one in force is not known to be from the same. */
static int renew_ring(const struct dataplane *dp, const struct in_force *now,
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

static int swap_ring(const struct dataplane *dp, const struct in_force *now,
		     const struct service *service, const struct service_slots *where)
{
	struct table_view view;
	__u64 digest, *known;
	int err = ring_digest(service, where->slots, now->backends, &digest);

	if (!err)
		err = table_map(dp->digests, true, &view);
	if (err)
		return err;
	known = (__u64 *)view.data + where->ring;
	if (*known != digest) {
		__atomic_store_n(known, 0, __ATOMIC_SEQ_CST);
		err = renew_ring(dp, now, service, where);
		if (!err)
			__atomic_store_n(known, digest, __ATOMIC_SEQ_CST);
	}
	table_unmap(&view);
	return err;
}

static int set_service(const struct dataplane *dp, struct in_force *now,
		       const struct service *service, const struct backend_health *health,
		       size_t count)
{
	struct service_slots where = {0};
	int err = find_slots(now, service, &where);

	if (!err)
		err = mark(dp, now, service, where.slots, health, count);
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
