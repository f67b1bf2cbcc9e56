/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether a program that is attached is the one that would be attached now. To load it again
 * costs its verification, seconds in which a large `apply` does nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "program.h"

#define MAPS_MAX 64
#define DIGITS	 10 /* of pinned stages */

/* The ids of the maps that the program uses. */
static int read_maps(unsigned prog_id, __u32 ids[MAPS_MAX], __u32 *count)
{
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (__u64)(uintptr_t)ids};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id), err;

	if (fd < 0)
		return -errno;
	err = bpf_obj_get_info_by_fd(fd, &info, &length) ? -errno : 0;
	close(fd);
	*count = info.nr_map_ids;
	return err ?: *count > MAPS_MAX ? -E2BIG : 0;
}

static bool is_one_of(int fd, const __u32 *ids, __u32 count)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return false;
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == info.id)
			return true;
	return false;
}

/* Its array of stages is pinned: else the kernel has emptied it. */
static bool has_stages(const struct dataplane *dp, const char *ifname, const __u32 *ids,
		       __u32 count)
{
	bool found = false;
	char path[320];

	for (unsigned digit = 0; digit < DIGITS && !found; digit++) {
		int fd;

		snprintf(path, sizeof(path), "%s/" SLUICE_STAGES_PIN "%u_%u", dp->pin_dir,
			 if_nametoindex(ifname), digit);
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue;
		found = is_one_of(fd, ids, count);
		close(fd);
	}
	return found;
}

/* The constants of the program that runs are those of the one that would be loaded. */
static bool has_constants(int fd, struct bpf_map *wanted)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info), zero = 0;
	const void *value;
	size_t size;
	bool equal = false;
	char *now;

	value = bpf_map__initial_value(wanted, &size);
	if (!value || bpf_obj_get_info_by_fd(fd, &info, &length) || info.value_size != size)
		return false;
	now = malloc(size);
	if (now && info.type == BPF_MAP_TYPE_ARRAY && !bpf_map_lookup_elem(fd, &zero, now))
		equal = !memcmp(now, value, size);
	free(now);
	return equal;
}

static bool find_constants(struct bpf_map *wanted, const __u32 *ids, __u32 count)
{
	bool found = false;

	for (__u32 i = 0; i < count && !found; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		found = has_constants(fd, wanted);
		close(fd);
	}
	return found;
}

bool attach_is_current(const struct dataplane *dp, const struct interface *interface,
		       unsigned prog_id)
{
	__u32 ids[MAPS_MAX], count = 0;
	struct sluice_bpf *skel;
	bool current;

	if (read_maps(prog_id, ids, &count) || !is_one_of(dp->control_fd, ids, count) ||
	    !has_stages(dp, interface->name, ids, count) ||
	    program_open(dp, interface, false, &skel))
		return false;
	current = find_constants(skel->maps.rodata, ids, count);
	sluice_bpf__destroy(skel);
	return current;
}
