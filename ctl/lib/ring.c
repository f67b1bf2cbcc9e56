/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A service's Maglev ring as the data plane holds it. Who is in it follows from the
 * model and from health alone (schedule.h), so that balancers with other slot numbers
 * send a flow to the same backend.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane_private.h"
#include "maglev.h"
#include "schedule.h"

static int choose_members(const struct service *service, const unsigned *slots,
			  const struct sluice_backend *backends, struct maglev_backend *members)
{
	struct backend_condition *conditions = compile_conditions(service, slots, backends);
	struct schedule schedule;

	if (!conditions)
		return -ENOMEM;
	schedule = schedule_service(service, conditions);
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend *backend = &service->backends[i];

		members[i].identity = backend->name;
		members[i].weight = schedule_weight(&schedule, backend, &conditions[i]);
		members[i].value = slots[i];
	}
	free(conditions);
	return 0;
}

#define RING_METHOD 1 /* raised when maglev.c makes another ring of the same members */

/* FNV-1a, a word at a time. */
static __u64 digest_word(__u64 digest, __u64 word)
{
	return (digest ^ word) * 0x100000001b3;
}

static __u64 digest_members(const struct maglev_backend *members, size_t count)
{
	__u64 digest = 0xcbf29ce484222325 ^ RING_METHOD;

	for (size_t i = 0; i < count; i++) {
		if (!members[i].weight)
			continue;
		for (const char *c = members[i].identity; *c; c++)
			digest = digest_word(digest, (unsigned char)*c);
		digest = digest_word(digest, (__u64)members[i].weight << 32 | members[i].value);
		digest ^= digest >> 29;
	}
	return digest | 1;
}

int ring_digest(const struct service *service, const unsigned *slots,
		const struct sluice_backend *backends, __u64 *digest)
{
	struct maglev_backend *members = calloc(service->backend_count + 1, sizeof(*members));
	int err = members ? choose_members(service, slots, backends, members) : -ENOMEM;

	if (!err)
		*digest = digest_members(members, service->backend_count);
	free(members);
	return err;
}

int ring_build(const struct service *service, const unsigned *slots,
	       const struct sluice_backend *backends, __u16 *ring)
{
	struct maglev_backend *members = calloc(service->backend_count + 1, sizeof(*members));
	uint32_t *packed = malloc(SLUICE_RING_SIZE * sizeof(*packed));
	int err = -ENOMEM;

	if (!members || !packed)
		goto out;
	err = choose_members(service, slots, backends, members);
	if (!err)
		err = maglev_build(members, service->backend_count, packed, SLUICE_RING_SIZE);
	if (err)
		goto out;
	for (size_t i = 0; i < SLUICE_RING_SIZE; i++)
		ring[i] = (__u16)packed[i];
	for (size_t i = SLUICE_RING_SIZE; i < SLUICE_RING_ENTRIES; i++)
		ring[i] = (__u16)SLUICE_NONE;
out:
	free(packed);
	free(members);
	return err;
}

static struct table_content content(const __u16 *ring)
{
	return (struct table_content){.values = ring,
				      .value_stride = sizeof(struct sluice_ring_word),
				      .count = SLUICE_RING_WORDS};
}

bool ring_equals(const struct dataplane *dp, unsigned id, const __u16 *ring)
{
	struct table_content wanted = content(ring);
	int fd = table_open(dp->rings, id);
	bool equal;

	if (fd < 0)
		return false;
	equal = table_equals(fd, &table_ring, &wanted);
	close(fd);
	return equal;
}

int ring_create(const struct dataplane *dp, const __u16 *ring)
{
	struct table_content wanted = content(ring);
	int fd = table_create(dp, &table_ring, table_ring.entries);
	int err;

	if (fd < 0)
		return fd;
	err = table_fill(fd, &wanted);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
