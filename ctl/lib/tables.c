/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Inner maps: their shapes, and their memory. Shapes must equal the inner
 * definitions in bpf/maps.h, or the kernel refuses them. The types that
 * bpftool needs to show them come from the BTF of the map of backends, which
 * was loaded with the whole data plane.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane_private.h"

const struct table_shape table_ports = {
	.name = "sluice_ports_in",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_bytes = sizeof(__u32),
	.value_bytes = sizeof(struct sluice_port),
	.entries = SLUICE_MAX_PORTS,
	.flags = BPF_F_MMAPABLE,
	.key_type = "unsigned int",
	.value_type = "sluice_port",
};

const struct table_shape table_rules = {
	.name = "sluice_rules_in",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_bytes = sizeof(__u32),
	.value_bytes = sizeof(struct sluice_rule),
	.entries = SLUICE_MAX_RULES,
	.flags = BPF_F_MMAPABLE,
	.key_type = "unsigned int",
	.value_type = "sluice_rule",
};

const struct table_shape table_vectors = {
	.name = "sluice_vectors_",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_bytes = sizeof(__u32),
	.value_bytes = sizeof(struct sluice_vector),
	.entries = 1,
	.flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE,
	.key_type = "unsigned int",
	.value_type = "sluice_vector",
};

const struct table_shape table_match4 = {
	.name = "sluice_match4_i",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_bytes = sizeof(__u32),
	.value_bytes = sizeof(struct sluice_match4),
	.entries = 1,
	.flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE,
	.key_type = "unsigned int",
	.value_type = "sluice_match4",
};

const struct table_shape table_match6 = {
	.name = "sluice_match6_i",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_bytes = sizeof(__u32),
	.value_bytes = sizeof(struct sluice_match6),
	.entries = 1,
	.flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE,
	.key_type = "unsigned int",
	.value_type = "sluice_match6",
};

const struct table_shape table_vips = {
	.name = "sluice_vips_in",
	.type = BPF_MAP_TYPE_HASH,
	.key_bytes = sizeof(struct sluice_vip_key),
	.value_bytes = sizeof(struct sluice_vip),
	.entries = SLUICE_MAX_VIPS,
	.key_type = "sluice_vip_key",
	.value_type = "sluice_vip",
};

const struct table_shape table_prefixes = {
	.name = "sluice_prefix_i",
	.type = BPF_MAP_TYPE_LPM_TRIE,
	.key_bytes = sizeof(struct sluice_lpm_key),
	.value_bytes = sizeof(struct sluice_prefix),
	.entries = SLUICE_MAX_PREFIXES,
	.flags = BPF_F_NO_PREALLOC,
	.key_type = "sluice_lpm_key",
	.value_type = "sluice_prefix",
};

const struct table_shape table_quic = {
	.name = "sluice_quic_in",
	.type = BPF_MAP_TYPE_HASH,
	.key_bytes = sizeof(struct sluice_quic_key),
	.value_bytes = sizeof(__u32),
	.entries = SLUICE_MAX_BACKENDS,
	.flags = BPF_F_NO_PREALLOC,
	.key_type = "sluice_quic_key",
	.value_type = "unsigned int",
};

const struct table_shape table_nats = {
	.name = "sluice_nats_in",
	.type = BPF_MAP_TYPE_HASH,
	.key_bytes = sizeof(struct sluice_nat_key),
	.value_bytes = sizeof(struct sluice_nat),
	.entries = SLUICE_MAX_NATS,
	.flags = BPF_F_NO_PREALLOC,
	.key_type = "sluice_nat_key",
	.value_type = "sluice_nat",
};

const struct table_shape table_tunnels = {
	.name = "sluice_tunnel_i",
	.type = BPF_MAP_TYPE_HASH,
	.key_bytes = sizeof(struct sluice_addr),
	.value_bytes = sizeof(__u32),
	.entries = SLUICE_MAX_TUNNELS,
	.key_type = "sluice_addr",
	.value_type = "unsigned int",
};

const struct table_shape table_intent = {
	.name = "sluice_intent_i",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_bytes = sizeof(__u32),
	.value_bytes = SLUICE_INTENT_CHUNK,
	.entries = 1,
	.flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE,
};

const struct table_shape table_ring = {
	.name = "sluice_ring",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_bytes = sizeof(__u32),
	.value_bytes = sizeof(struct sluice_ring_word),
	.entries = SLUICE_RING_WORDS,
	.flags = BPF_F_MMAPABLE,
	.key_type = "unsigned int",
	.value_type = "sluice_ring_word",
};

static unsigned type_id(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	if (id < 0)
		id = btf__find_by_name_kind(btf, name, BTF_KIND_INT);
	return id < 0 ? 0 : (unsigned)id;
}

static unsigned btf_id_of_map(int fd)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) ? 0 : info.btf_id;
}

/* Read once: a publication may make a thousand maps. */
static void read_types(const struct dataplane *dp)
{
	struct tables_in_force *tables = dp->tables;
	unsigned id = tables->types ? 0 : btf_id_of_map(dp->backends);

	if (!id)
		return;
	tables->types = btf__load_from_kernel_by_id(id);
	if (tables->types)
		tables->types_fd = bpf_btf_get_fd_by_id(id);
}

/* Types only make a map readable: without them it works as well. */
static void find_types(const struct dataplane *dp, const struct table_shape *shape,
		       struct bpf_map_create_opts *opts)
{
	const struct tables_in_force *tables = dp->tables;
	unsigned key, value;

	if (!shape->key_type)
		return;
	read_types(dp);
	if (!tables->types || tables->types_fd < 0)
		return;
	key = type_id(tables->types, shape->key_type);
	value = type_id(tables->types, shape->value_type);
	if (!key || !value)
		return;
	opts->btf_key_type_id = key;
	opts->btf_value_type_id = value;
	opts->btf_fd = (__u32)tables->types_fd;
}

int table_create(const struct dataplane *dp, const struct table_shape *shape, unsigned entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = shape->flags);
	int fd;

	find_types(dp, shape, &opts);
	fd = bpf_map_create(shape->type, shape->name, shape->key_bytes, shape->value_bytes, entries,
			    &opts);
	return fd < 0 ? -errno : fd;
}

unsigned table_id(int outer, unsigned index)
{
	unsigned id;

	return bpf_map_lookup_elem(outer, &index, &id) ? 0 : id;
}

/* A map that goes between the two calls was replaced in that moment: look again. */
int table_open(int outer, unsigned index)
{
	for (int tries = 0; tries < 100; tries++) {
		unsigned id = table_id(outer, index);
		int fd;

		if (!id)
			return -ENOENT;
		fd = bpf_map_get_fd_by_id(id);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			return -errno;
	}
	return -EBUSY;
}

int table_outer(const struct dataplane *dp, enum slotted_table which)
{
	const int outer[SLOTTED_COUNT] = {
		[SLOTTED_PORTS] = dp->ports,   [SLOTTED_RULES] = dp->rules,
		[SLOTTED_VIPS] = dp->vips,     [SLOTTED_TUNNELS] = dp->tunnels,
		[SLOTTED_INTENT] = dp->intent, [SLOTTED_PREFIXES] = dp->prefixes,
		[SLOTTED_QUIC] = dp->quic,     [SLOTTED_VECTORS] = dp->vectors,
		[SLOTTED_MATCH4] = dp->match4, [SLOTTED_MATCH6] = dp->match6,
		[SLOTTED_NATS] = dp->nats,
	};

	return outer[which];
}

void tables_in_force_init(struct tables_in_force *tables)
{
	for (int i = 0; i < SLOTTED_COUNT; i++)
		tables->fds[i] = -1;
	tables->types = NULL;
	tables->types_fd = -1;
}

void tables_in_force_fini(struct tables_in_force *tables)
{
	for (int i = 0; i < SLOTTED_COUNT; i++)
		if (tables->fds[i] >= 0)
			close(tables->fds[i]);
	btf__free(tables->types);
	if (tables->types_fd >= 0)
		close(tables->types_fd);
	tables_in_force_init(tables);
}

int table_in_force(const struct dataplane *dp, enum slotted_table which)
{
	struct tables_in_force *tables = dp->tables;

	do {
		unsigned generation = dataplane_generation(dp);

		if (tables->generation != generation)
			tables_in_force_fini(tables);
		tables->generation = generation;
		if (tables->fds[which] < 0)
			tables->fds[which] =
				table_open(table_outer(dp, which), generation % SLUICE_SLOTS);
	} while (tables->generation != dataplane_generation(dp));
	return tables->fds[which];
}

int table_map(int fd, bool writable, struct table_view *view)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	bytes = (size_t)info.max_entries * ((info.value_size + 7U) & ~7U);
	bytes = (bytes + page - 1) & ~(page - 1);
	view->data =
		mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (view->data == MAP_FAILED)
		return -errno;
	view->bytes = bytes;
	return 0;
}

void table_unmap(struct table_view *view)
{
	munmap(view->data, view->bytes);
}

/* --- content ---------------------------------------------------------------- */

static const void *element(const void *base, size_t stride, size_t index)
{
	return (const char *)base + index * stride;
}

static bool array_equals(int fd, const struct table_content *content)
{
	size_t bytes = content->count * content->value_stride;
	struct table_view view;
	bool equal;

	if (table_map(fd, false, &view))
		return false;
	equal = view.bytes >= bytes && !memcmp(view.data, content->values, bytes);
	table_unmap(&view);
	return equal;
}

static int array_fill(int fd, const struct table_content *content)
{
	struct table_view view;
	int err = table_map(fd, true, &view);

	if (err)
		return err;
	memcpy(view.data, content->values, content->count * content->value_stride);
	table_unmap(&view);
	return 0;
}

static bool hash_has_count(int fd, size_t count)
{
	char key[sizeof(struct sluice_vip_key)];
	const void *at = NULL;
	size_t found = 0;

	while (found <= count && !bpf_map_get_next_key(fd, at, key)) {
		at = key;
		found++;
	}
	return found == count;
}

static bool hash_equals(int fd, const struct table_shape *shape,
			const struct table_content *content)
{
	char value[sizeof(struct sluice_vip)];

	if (!hash_has_count(fd, content->count))
		return false;
	for (size_t i = 0; i < content->count; i++)
		if (bpf_map_lookup_elem(fd, element(content->keys, content->key_stride, i),
					value) ||
		    memcmp(value, element(content->values, content->value_stride, i),
			   shape->value_bytes))
			return false;
	return true;
}

static int hash_fill(int fd, const struct table_content *content)
{
	for (size_t i = 0; i < content->count; i++)
		if (bpf_map_update_elem(fd, element(content->keys, content->key_stride, i),
					element(content->values, content->value_stride, i),
					BPF_NOEXIST))
			return -errno;
	return 0;
}

bool table_equals(int fd, const struct table_shape *shape, const struct table_content *content)
{
	return content->keys ? hash_equals(fd, shape, content) : array_equals(fd, content);
}

int table_fill(int fd, const struct table_content *content)
{
	return content->keys ? hash_fill(fd, content) : array_fill(fd, content);
}
