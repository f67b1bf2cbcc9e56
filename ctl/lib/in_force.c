/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is in force, read back from the maps: the stored text gives the names,
 * the tables give the numbers, and together they are all that a publication
 * needs to know of the past. Nothing is kept in files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_private.h"

/* --- the stored configuration ----------------------------------------------- */

static int parse_intent(const struct table_view *view, struct cluster *out)
{
	const struct sluice_intent_header *header = view->data;
	struct diag_list diags = {0};
	int err;

	if (header->bytes > view->bytes - sizeof(*header))
		return -EBADMSG;
	err = config_read((const char *)(header + 1), header->bytes, out, &diags);
	diag_fini(&diags);
	return err == -EINVAL ? -EBADMSG : err;
}

static int read_model(const struct dataplane *dp, struct cluster *out)
{
	struct table_view view;
	int fd = table_in_force(dp, SLOTTED_INTENT);
	int err;

	model_init(out);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = table_map(fd, false, &view);
	if (!err) {
		err = parse_intent(&view, out);
		table_unmap(&view);
	}
	return err;
}

/* --- the tables ------------------------------------------------------------- */

/* Leaves `out` as it is, zeroed, if nothing was published yet. */
static int read_array(const struct dataplane *dp, enum slotted_table which, void *out, size_t bytes)
{
	int fd = table_in_force(dp, which);
	struct table_view view;
	int err;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = table_map(fd, false, &view);
	if (!err) {
		memcpy(out, view.data, bytes < view.bytes ? bytes : view.bytes);
		table_unmap(&view);
	}
	return err;
}

/* Behind the last rule that an interface looks at. */
static size_t count_rules(const struct in_force *now)
{
	size_t count = 0;

	for (unsigned i = 0; i < SLUICE_MAX_PORTS; i++) {
		size_t end = (size_t)now->ports[i].first_rule + now->ports[i].rule_count;

		if (end > count)
			count = end;
	}
	return count < SLUICE_MAX_RULES ? count : SLUICE_MAX_RULES;
}

/* In as few calls as the kernel lets us. */
static int read_hash(int fd, struct sluice_vip_key *keys, struct sluice_vip *values, __u32 *found)
{
	__u32 at, *before = NULL, count;
	int err = 0;

	for (*found = 0; *found < SLUICE_MAX_VIPS && !err; before = &at) {
		count = SLUICE_MAX_VIPS - *found;
		if (bpf_map_lookup_batch(fd, before, &at, keys + *found, values + *found, &count,
					 NULL))
			err = -errno;
		if (!err || err == -ENOENT)
			*found += count;
	}
	return err == -ENOENT ? 0 : err;
}

int in_force_vips(const struct dataplane *dp, struct compiled_vip *vips, size_t *count)
{
	int fd = table_in_force(dp, SLOTTED_VIPS);
	struct sluice_vip_key *keys;
	struct sluice_vip *values;
	__u32 found = 0;
	int err;

	*count = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	keys = calloc(SLUICE_MAX_VIPS, sizeof(*keys));
	values = calloc(SLUICE_MAX_VIPS, sizeof(*values));
	err = keys && values ? read_hash(fd, keys, values, &found) : -ENOMEM;
	for (size_t i = 0; i < found && !err; i++)
		vips[(*count)++] = (struct compiled_vip){.key = keys[i], .vip = values[i]};
	free(values);
	free(keys);
	compile_sort_vips(vips, *count);
	return err;
}

static int read_backends_singly(const struct dataplane *dp, struct sluice_backend *out)
{
	for (__u32 i = 0; i < SLUICE_MAX_BACKENDS; i++)
		if (bpf_map_lookup_elem(dp->backends, &i, &out[i]))
			return -errno;
	return 0;
}

int in_force_backends(const struct dataplane *dp, struct sluice_backend *out)
{
	__u32 *keys = calloc(SLUICE_MAX_BACKENDS, sizeof(*keys));
	__u32 count = SLUICE_MAX_BACKENDS, next;
	int err;

	if (!keys)
		return -ENOMEM;
	err = bpf_map_lookup_batch(dp->backends, NULL, &next, keys, out, &count, NULL);
	free(keys);
	if ((!err || errno == ENOENT) && count == SLUICE_MAX_BACKENDS)
		return 0;
	return read_backends_singly(dp, out);
}

static int read_all(const struct dataplane *dp, struct in_force *now)
{
	int err = read_model(dp, &now->model);

	if (!err)
		err = read_array(dp, SLOTTED_PORTS, now->ports, sizeof(now->ports));
	if (!err)
		err = read_array(dp, SLOTTED_RULES, now->rules, sizeof(now->rules));
	now->rule_count = count_rules(now);
	if (!err)
		err = in_force_vips(dp, now->vips, &now->vip_count);
	if (!err)
		err = in_force_backends(dp, now->backends);
	if (!err)
		err = compile_recover_rule_ids(now, dp->node);
	return err;
}

/* A reader without the lock may see a writer pass: then it looks again. */
int in_force_read(const struct dataplane *dp, struct in_force **out)
{
	for (int tries = 0; tries < 10; tries++) {
		unsigned generation = dataplane_generation(dp);
		struct in_force *now = calloc(1, sizeof(*now));
		int err;

		if (!now)
			return -ENOMEM;
		now->slot = generation % SLUICE_SLOTS;
		err = read_all(dp, now);
		if (!err && generation == dataplane_generation(dp)) {
			*out = now;
			return 0;
		}
		in_force_free(now);
		if (err && generation == dataplane_generation(dp))
			return err;
	}
	return -EBUSY;
}

void in_force_free(struct in_force *now)
{
	if (!now)
		return;
	model_fini(&now->model);
	free(now);
}

int dataplane_load_model(const struct dataplane *dp, struct cluster *out)
{
	struct in_force *now;
	int err = in_force_read(dp, &now);

	if (err)
		return err;
	*out = now->model;
	model_init(&now->model);
	in_force_free(now);
	return 0;
}
