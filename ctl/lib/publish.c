/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Publishing: from one generation to the next with one 64-bit store.
 *
 * First everything is made beside what is in force: new inner maps, new rings
 * under free numbers. Then, when no packet reads the slot of the generation
 * before last any more, that slot is filled; then the generation word turns.
 * Whoever dies on the way leaves the generation that was in force, and some
 * maps that the next publication overwrites. What did not change goes into the
 * new slot as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "classifier.h"
#include "cookies.h"
#include "dataplane_private.h"
#include "deadline.h"

struct staged_table {
	int inner; /* ours to close if it is new */
	bool changed;
};

struct publication {
	struct dataplane *dp;
	struct in_force *now;
	struct compiled *next;
	struct classifier classifier; /* of next */
	__u64 digest;		      /* of the classifier in force */
	struct staged_table tables[SLOTTED_COUNT];
	__u32 ring_ids[SLUICE_MAX_SERVICES]; /* new rings ... */
	int ring_fds[SLUICE_MAX_SERVICES];   /* ... their maps, and what they are built from */
	__u64 ring_digests[SLUICE_MAX_SERVICES];
	bool ring_used[SLUICE_MAX_RINGS];
	struct table_view digests;
	struct table_view limits; /* both halves */
	__u32 ring_count;
};

/* --- what the compiler is given --------------------------------------------- */

static __u64 attached_ports(const struct in_force *now, const struct node *node)
{
	__u64 attached = 0;

	for (unsigned i = 0; i < SLUICE_MAX_PORTS; i++) {
		const char *name = now->ports[i].ifname;
		const struct interface *interface = node ? model_interface(node, name) : NULL;
		struct attachment found;

		if (!*name || (interface && interface->roles))
			continue;
		if (!attach_query(name, &found))
			attached |= 1ULL << i;
	}
	return attached;
}

/* The agent holds a lock while it lives: nobody else needs to tell. */
static bool agent_runs(const char *node)
{
	char path[512];
	bool runs;
	int fd;

	snprintf(path, sizeof(path), AGENT_LOCK_PATH, pins_root(), node);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	runs = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return runs;
}

static int compile_for(struct publication *pub, const struct cluster *cluster,
		       struct diag_list *diags)
{
	const char *node = pub->dp->node;
	struct local_address *local = NULL;
	struct compile_input in = {
		.cluster = cluster,
		.node = node,
		.now = pub->now,
		.agent_runs = agent_runs(node),
		.attached = attached_ports(pub->now, model_node(cluster, node)),
	};
	int err = local_addresses_read(&local, &in.local_count);

	if (err)
		return err;
	in.local = local;
	err = compile(&in, pub->next, diags);
	free(local);
	return err;
}

/* --- rings ------------------------------------------------------------------ */

static void mark_rings_in_force(struct publication *pub)
{
	for (size_t i = 0; i < pub->now->vip_count; i++)
		if (pub->now->vips[i].vip.ring < SLUICE_MAX_RINGS)
			pub->ring_used[pub->now->vips[i].vip.ring] = true;
}

/* There are twice as many numbers as services: one is always free. */
static unsigned free_ring(struct publication *pub)
{
	unsigned id = 0;

	while (pub->ring_used[id])
		id++;
	pub->ring_used[id] = true;
	return id;
}

static int create_ring(struct publication *pub, struct compiled_service *service,
		       const unsigned *slots, __u64 digest, __u16 *ring)
{
	int err = ring_build(service->service, slots, pub->next->backends, ring);
	int fd;

	if (err)
		return err;
	fd = ring_create(pub->dp, ring);
	if (fd < 0)
		return fd;
	service->ring = free_ring(pub);
	pub->ring_ids[pub->ring_count] = service->ring;
	pub->ring_digests[pub->ring_count] = digest;
	pub->ring_fds[pub->ring_count++] = fd;
	return 0;
}

/* What was built from the same is not built again: that takes most of the time. */
static int stage_ring(struct publication *pub, struct compiled_service *service, __u16 *ring)
{
	const unsigned *slots = &pub->next->backend_slots[service->first_backend];
	const __u64 *digests = pub->digests.data;
	__u64 digest;
	int err = ring_digest(service->service, slots, pub->next->backends, &digest);

	if (err)
		return err;
	service->ring = service->ring_before;
	if (service->ring < SLUICE_MAX_RINGS && digests[service->ring] == digest)
		return 0;
	return create_ring(pub, service, slots, digest, ring);
}

static int stage_rings(struct publication *pub)
{
	__u16 *ring = calloc(SLUICE_RING_ENTRIES, sizeof(*ring));
	int err = ring ? table_map(pub->dp->digests, true, &pub->digests) : -ENOMEM;

	mark_rings_in_force(pub);
	for (size_t i = 0; i < pub->next->service_count && !err; i++)
		err = stage_ring(pub, &pub->next->services[i], ring);
	free(ring);
	return err;
}

/* --- tables ----------------------------------------------------------------- */

static int stage_table(struct publication *pub, enum slotted_table which,
		       const struct table_shape *shape, const struct table_content *content)
{
	struct staged_table *staged = &pub->tables[which];
	unsigned entries = content->keys ? shape->entries : (unsigned)content->count;

	staged->inner = table_in_force(pub->dp, which);
	if (staged->inner >= 0 && table_equals(staged->inner, shape, content))
		return 0;
	staged->changed = true;
	staged->inner = table_create(pub->dp, shape, entries);
	return staged->inner < 0 ? staged->inner : table_fill(staged->inner, content);
}

static int stage_ports(struct publication *pub)
{
	struct table_content content = {.values = pub->next->ports,
					.value_stride = sizeof(pub->next->ports[0]),
					.count = SLUICE_MAX_PORTS};

	return stage_table(pub, SLOTTED_PORTS, &table_ports, &content);
}

static int stage_rules(struct publication *pub)
{
	struct table_content content = {.values = pub->next->rules,
					.value_stride = sizeof(pub->next->rules[0]),
					.count = SLUICE_MAX_RULES};

	return stage_table(pub, SLOTTED_RULES, &table_rules, &content);
}

static int stage_vectors(struct publication *pub)
{
	struct table_content content = {.values = pub->classifier.vectors,
					.value_stride = sizeof(struct sluice_vector),
					.count = pub->classifier.vector_count};

	return stage_table(pub, SLOTTED_VECTORS, &table_vectors, &content);
}

static int stage_match4(struct publication *pub)
{
	struct table_content content = {.values = pub->classifier.match4,
					.value_stride = sizeof(struct sluice_match4),
					.count = pub->classifier.match4_count};

	return stage_table(pub, SLOTTED_MATCH4, &table_match4, &content);
}

static int stage_match6(struct publication *pub)
{
	struct table_content content = {.values = pub->classifier.match6,
					.value_stride = sizeof(struct sluice_match6),
					.count = pub->classifier.match6_count};

	return stage_table(pub, SLOTTED_MATCH6, &table_match6, &content);
}

static int read_digest(struct publication *pub)
{
	struct table_view view;
	int err = table_map(pub->dp->classifier, false, &view);

	if (err)
		return err;
	pub->digest = ((const struct sluice_classifier *)view.data)[pub->now->slot].digest;
	table_unmap(&view);
	return 0;
}

static int stage_classifier(struct publication *pub, const struct cluster *cluster,
			    struct diag_list *diags)
{
	int err = classifier_compile(cluster, pub->next, &pub->classifier, diags);

	if (!err)
		err = read_digest(pub);
	if (!err)
		err = stage_rules(pub);
	if (!err)
		err = stage_vectors(pub);
	if (!err)
		err = stage_match4(pub);
	return err ? err : stage_match6(pub);
}

static int stage_vips(struct publication *pub)
{
	const struct compiled_vip *vips = pub->next->vips;
	struct table_content content = {.keys = &vips->key,
					.values = &vips->vip,
					.key_stride = sizeof(*vips),
					.value_stride = sizeof(*vips),
					.count = pub->next->vip_count};

	return stage_table(pub, SLOTTED_VIPS, &table_vips, &content);
}

static int stage_prefixes(struct publication *pub)
{
	const struct compiled_prefix *prefixes = pub->next->prefixes;
	struct table_content content = {.keys = &prefixes->key,
					.values = &prefixes->prefix,
					.key_stride = sizeof(*prefixes),
					.value_stride = sizeof(*prefixes),
					.count = pub->next->prefix_count};

	return stage_table(pub, SLOTTED_PREFIXES, &table_prefixes, &content);
}

static int stage_quic(struct publication *pub)
{
	const struct compiled_server_id *ids = pub->next->server_ids;
	struct table_content content = {.keys = &ids->key,
					.values = &ids->slot,
					.key_stride = sizeof(*ids),
					.value_stride = sizeof(*ids),
					.count = pub->next->server_id_count};

	return stage_table(pub, SLOTTED_QUIC, &table_quic, &content);
}

static int stage_nats(struct publication *pub)
{
	const struct compiled_nat *nats = pub->next->nats;
	struct table_content content = {.keys = &nats->key,
					.values = &nats->nat,
					.key_stride = sizeof(*nats),
					.value_stride = sizeof(*nats),
					.count = pub->next->nat_count};

	return stage_table(pub, SLOTTED_NATS, &table_nats, &content);
}

static int stage_tunnels(struct publication *pub)
{
	const struct compiled_tunnel *tunnels = pub->next->tunnels;
	struct table_content content = {.keys = &tunnels->addr,
					.values = &tunnels->flags,
					.key_stride = sizeof(*tunnels),
					.value_stride = sizeof(*tunnels),
					.count = pub->next->tunnel_count};

	return stage_table(pub, SLOTTED_TUNNELS, &table_tunnels, &content);
}

/* What could not be read back would lock everybody out of the node: refuse it beforehand. */
static int check_readable(const char *text, size_t length, struct diag_list *diags)
{
	struct diag_list mistakes = {0};
	struct cluster again;
	int err = config_read(text, length, &again, &mistakes);

	if (!err)
		model_fini(&again);
	else if (mistakes.count)
		diag_add(diags, (struct place){0}, "cannot be stored: %s", mistakes.items[0].text);
	diag_fini(&mistakes);
	return err;
}

static int stage_intent(struct publication *pub, const struct cluster *cluster,
			struct diag_list *diags)
{
	struct table_content content = {.value_stride = SLUICE_INTENT_CHUNK};
	struct sluice_intent_header *image;
	char *text;
	size_t length;
	int err = config_write(cluster, &text, &length);

	if (err)
		return err;
	err = check_readable(text, length, diags);
	if (err) {
		free(text);
		return err;
	}
	content.count = (sizeof(*image) + length + SLUICE_INTENT_CHUNK - 1) / SLUICE_INTENT_CHUNK;
	image = calloc(content.count, SLUICE_INTENT_CHUNK);
	if (image) {
		image->bytes = length;
		memcpy(image + 1, text, length);
		content.values = image;
		err = stage_table(pub, SLOTTED_INTENT, &table_intent, &content);
	} else {
		err = -ENOMEM;
	}
	free(image);
	free(text);
	return err;
}

static struct sluice_limit *limits_half(const struct publication *pub, unsigned slot)
{
	return (struct sluice_limit *)pub->limits.data + slot * SLUICE_MAX_LIMITS;
}

static int stage_limits(struct publication *pub, const struct cluster *cluster)
{
	compile_limits(cluster, connection_clock().hz, pub->next);
	return table_map(pub->dp->limits, true, &pub->limits);
}

static bool limits_changed(const struct publication *pub)
{
	return memcmp(limits_half(pub, pub->now->slot), pub->next->limits,
		      sizeof(pub->next->limits)) != 0;
}

static int stage(struct publication *pub, const struct cluster *cluster, struct diag_list *diags)
{
	int err = stage_rings(pub);

	if (!err)
		err = compile_vips(pub->now, pub->next, diags);
	if (!err)
		err = stage_ports(pub);
	if (!err)
		err = stage_classifier(pub, cluster, diags);
	if (!err)
		err = stage_vips(pub);
	if (!err)
		err = stage_prefixes(pub);
	if (!err)
		err = stage_quic(pub);
	if (!err)
		err = stage_nats(pub);
	if (!err)
		err = stage_tunnels(pub);
	if (!err)
		err = stage_limits(pub, cluster);
	if (!err)
		err = stage_intent(pub, cluster, diags);
	return err;
}

static bool backends_changed(const struct publication *pub)
{
	for (unsigned i = 0; i < SLUICE_MAX_BACKENDS; i++) {
		struct sluice_backend now = pub->now->backends[i];

		now.state[pub->next->slot] = now.state[pub->now->slot];
		if (memcmp(&now, &pub->next->backends[i], sizeof(now)))
			return true;
	}
	return false;
}

static bool anything_changed(const struct publication *pub)
{
	for (int i = 0; i < SLOTTED_COUNT; i++)
		if (pub->tables[i].changed)
			return true;
	return pub->ring_count || pub->digest != pub->classifier.head.digest ||
	       limits_changed(pub) || backends_changed(pub);
}

/* --- filling the slot ------------------------------------------------------- */

/* The kernel returns from an update of a map of maps when no program uses the old one. */
static int synchronize_by_update(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sluice_wait_in", 4, 4, 1, NULL);
	int outer = -1, err;
	__u32 index = 0;

	opts.inner_map_fd = (__u32)inner;
	if (inner >= 0)
		outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "sluice_wait", 4, 4, 1, &opts);
	err = outer < 0 || bpf_map_update_elem(outer, &index, &inner, BPF_ANY) ? -errno : 0;
	if (outer >= 0)
		close(outer);
	if (inner >= 0)
		close(inner);
	return err;
}

int dataplane_synchronize(void)
{
	/* Its global form is synchronize_rcu(), and a packet's program is one RCU reader. */
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	/* Not with CPUs that have no tick (nohz_full=), nor where a sandbox forbids it. */
	return synchronize_by_update();
}

static int put_table(const struct publication *pub, enum slotted_table which)
{
	const int *inner = &pub->tables[which].inner;
	int outer = table_outer(pub->dp, which);
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(*inner, &info, &length))
		return -errno;
	if (table_id(outer, pub->next->slot) == info.id)
		return 0;
	return bpf_map_update_elem(outer, &pub->next->slot, inner, BPF_ANY) ? -errno : 0;
}

static int put_tables(const struct publication *pub)
{
	int err = 0;

	for (int i = 0; i < SLOTTED_COUNT && !err; i++)
		err = put_table(pub, (enum slotted_table)i);
	return err;
}

/* Behind the ring, so that whoever dies in between leaves none that is believed. */
static void put_digests(const struct publication *pub, bool known)
{
	__u64 *digests = pub->digests.data;

	for (size_t i = 0; i < pub->ring_count; i++)
		__atomic_store_n(&digests[pub->ring_ids[i]], known ? pub->ring_digests[i] : 0,
				 __ATOMIC_SEQ_CST);
}

static int put_rings_singly(const struct publication *pub)
{
	for (size_t i = 0; i < pub->ring_count; i++)
		if (bpf_map_update_elem(pub->dp->rings, &pub->ring_ids[i], &pub->ring_fds[i],
					BPF_ANY))
			return -errno;
	return 0;
}

/* At once if the kernel can: it waits for a grace period at each call. */
static int put_rings(const struct publication *pub)
{
	__u32 count = pub->ring_count;
	int err = 0;

	if (!count)
		return 0;
	put_digests(pub, false);
	if (bpf_map_update_batch(pub->dp->rings, pub->ring_ids, pub->ring_fds, &count, NULL))
		err = put_rings_singly(pub);
	if (!err)
		put_digests(pub, true);
	return err;
}

/* In force, a slot's state stays what it was until the generation turns. */
static int put_backends(const struct publication *pub)
{
	for (__u32 i = 0; i < SLUICE_MAX_BACKENDS; i++) {
		const struct sluice_backend *backend = &pub->next->backends[i];

		if (!memcmp(backend, &pub->now->backends[i], sizeof(*backend)))
			continue;
		if (bpf_map_update_elem(pub->dp->backends, &i, backend, BPF_EXIST))
			return -errno;
	}
	return 0;
}

/* --- counters start at zero for what is new --------------------------------- */

static int zero_counter(int fd, __u32 index, size_t value_bytes)
{
	int cpus = libbpf_num_possible_cpus();
	void *zeros;
	int err = 0;

	if (cpus < 0)
		return cpus;
	zeros = calloc((size_t)cpus, value_bytes);
	if (!zeros)
		return -ENOMEM;
	if (bpf_map_update_elem(fd, &index, zeros, BPF_EXIST))
		err = -errno;
	free(zeros);
	return err;
}

static void mark_rule_ids(const struct sluice_rule *rules, size_t count, bool *marks, bool mark)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].id < SLUICE_MAX_RULES)
			marks[rules[i].id] = mark;
}

static int zero_rules(const struct publication *pub)
{
	bool *is_new = calloc(SLUICE_MAX_RULES, sizeof(*is_new));
	int err = is_new ? 0 : -ENOMEM;

	if (!is_new)
		return err;
	mark_rule_ids(pub->next->rules, pub->next->rule_count, is_new, true);
	mark_rule_ids(pub->now->rules, pub->now->rule_count, is_new, false);
	for (__u32 i = 0; i < SLUICE_MAX_RULES && !err; i++)
		if (is_new[i])
			err = zero_counter(pub->dp->rule_use, i, sizeof(struct sluice_count));
	free(is_new);
	return err;
}

static bool limits_nothing(const struct sluice_limit *limit)
{
	return !limit->whole && !limit->source;
}

/* What had no limit until now: it starts with a full bucket, and has refused nothing. */
static int zero_limits(const struct publication *pub)
{
	const struct sluice_limit *now = limits_half(pub, pub->now->slot);
	struct sluice_bucket empty = {0};
	int err = 0;

	for (__u32 i = 0; i < SLUICE_MAX_LIMITS && !err; i++) {
		if (limits_nothing(&pub->next->limits[i]) || !limits_nothing(&now[i]))
			continue;
		if (bpf_map_update_elem(pub->dp->buckets, &i, &empty, BPF_EXIST))
			return -errno;
		err = zero_counter(pub->dp->limit_use, i, sizeof(struct sluice_limit_use));
	}
	return err;
}

static int zero_new_counters(const struct publication *pub)
{
	int err = zero_rules(pub);

	if (!err)
		err = zero_limits(pub);

	for (__u32 i = 0; i < SLUICE_MAX_PORTS && !err; i++)
		if (*pub->next->ports[i].ifname &&
		    strcmp(pub->next->ports[i].ifname, pub->now->ports[i].ifname))
			err = zero_counter(pub->dp->ledger, i, sizeof(struct sluice_ledger));
	return err ? err : loads_start(pub->dp, pub->now, pub->next);
}

/* --- all -------------------------------------------------------------------- */

static bool policy_changed(const struct publication *pub)
{
	return pub->tables[SLOTTED_PORTS].changed || pub->digest != pub->classifier.head.digest;
}

static struct sluice_control next_control(const struct publication *pub)
{
	struct sluice_control next = {.generation = pub->dp->control->generation};

	next.generation.config = dataplane_next_generation(pub->dp);
	next.generation.policy += policy_changed(pub);
	return next;
}

static int arm_deadline(const struct publication *pub)
{
	struct sluice_control next = next_control(pub), back = next;

	if (!pub->dp->confirm_s)
		return 0;
	back.generation.config++;
	back.generation.policy += policy_changed(pub);
	return deadline_arm(pub->dp, next.generation_word, back.generation_word);
}

static void turn_generation(const struct publication *pub)
{
	struct sluice_control *control = pub->dp->control;
	struct sluice_control next = next_control(pub);

	__atomic_store_n(&control->generation_word, next.generation_word, __ATOMIC_RELEASE);
	control->applied_unix_s = (__u64)time(NULL);
}

/*
 * Rings that only the generation before had are let go, for their memory alone:
 * what a killed writer leaves of them is overwritten when its number is used.
 */
static void drop_old_rings(struct publication *pub)
{
	__u64 *digests = pub->digests.data;
	bool waited = false;

	for (size_t i = 0; i < pub->next->service_count; i++)
		pub->ring_used[pub->next->services[i].ring] = false;
	for (__u32 id = 0; id < SLUICE_MAX_RINGS; id++) {
		if (!pub->ring_used[id])
			continue;
		if (!waited && dataplane_synchronize())
			return;
		waited = true;
		__atomic_store_n(&digests[id], 0, __ATOMIC_SEQ_CST);
		bpf_map_delete_elem(pub->dp->rings, &id);
	}
}

/* Written where it stands: nobody reads this half until the generation turns. */
static int put_vip_index(const struct publication *pub)
{
	struct table_view view;
	struct sluice_vip_bucket *half;
	int err = table_map(pub->dp->vip_index, true, &view);

	if (err)
		return err;
	half = (struct sluice_vip_bucket *)view.data + pub->next->slot * SLUICE_VIP_BUCKETS;
	memset(half, 0, SLUICE_VIP_BUCKETS * sizeof(*half));
	compile_vip_index(pub->next, half);
	table_unmap(&view);
	return 0;
}

static int put_wide(const struct publication *pub)
{
	struct table_view view;
	int err = table_map(pub->dp->wide, true, &view);

	if (err)
		return err;
	memcpy((struct sluice_wide *)view.data + pub->next->slot * SLUICE_MAX_WIDE, pub->next->wide,
	       pub->next->wide_count * sizeof(pub->next->wide[0]));
	table_unmap(&view);
	return 0;
}

static int put_classifier(const struct publication *pub)
{
	unsigned slot = pub->next->slot;
	size_t bytes = SLUICE_CLASS_WORDS * sizeof(struct sluice_class_word);
	struct table_view view;
	int err = table_map(pub->dp->classes, true, &view);

	if (err)
		return err;
	memcpy((char *)view.data + slot * bytes, pub->classifier.classes, bytes);
	table_unmap(&view);
	err = table_map(pub->dp->classifier, true, &view);
	if (err)
		return err;
	((struct sluice_classifier *)view.data)[slot] = pub->classifier.head;
	table_unmap(&view);
	return 0;
}

static void put_limits(const struct publication *pub)
{
	memcpy(limits_half(pub, pub->next->slot), pub->next->limits, sizeof(pub->next->limits));
}

static int put_in_force(struct publication *pub)
{
	int err = dataplane_synchronize();

	if (!err)
		err = put_rings(pub);
	if (!err)
		err = put_tables(pub);
	if (!err)
		err = put_vip_index(pub);
	if (!err)
		err = put_wide(pub);
	if (!err)
		err = put_classifier(pub);
	if (!err)
		put_limits(pub);
	if (!err)
		err = zero_new_counters(pub);
	if (!err)
		err = cookies_put_limits(pub->dp, pub->next);
	if (!err)
		err = put_backends(pub);
	if (!err)
		err = arm_deadline(pub);
	if (err)
		return err;
	loads_leave(pub->dp);
	turn_generation(pub);
	/* They are what would be gone back to. */
	if (!pub->dp->confirm_s)
		drop_old_rings(pub);
	loads_settle(pub->dp, pub->now, pub->next);
	return 0;
}

static int publication_init(struct publication *pub, struct dataplane *dp)
{
	*pub = (struct publication){.dp = dp};
	pub->next = calloc(1, sizeof(*pub->next));
	return pub->next ? in_force_read(dp, &pub->now) : -ENOMEM;
}

static void publication_fini(struct publication *pub)
{
	for (int i = 0; i < SLOTTED_COUNT; i++)
		if (pub->tables[i].changed && pub->tables[i].inner >= 0)
			close(pub->tables[i].inner);
	for (size_t i = 0; i < pub->ring_count; i++)
		close(pub->ring_fds[i]);
	if (pub->digests.data)
		table_unmap(&pub->digests);
	if (pub->limits.data)
		table_unmap(&pub->limits);
	in_force_free(pub->now);
	classifier_fini(&pub->classifier);
	free(pub->next);
}

static int assign_rule_ids(struct cluster *cluster, const struct cluster *before,
			   struct diag_list *diags)
{
	int err = model_assign_rule_ids(cluster, before);

	if (err != -ENOSPC)
		return err;
	diag_add(diags, (struct place){0}, "more than %d rules in all policies", SLUICE_MAX_RULES);
	return -EINVAL;
}

int dataplane_publish(struct dataplane *dp, struct cluster *cluster, struct diag_list *diags)
{
	struct publication pub;
	struct cookie_key key;
	int err = dp->lock_fd < 0 ? -EPERM : model_validate(cluster, diags);

	if (!err && deadline_is_armed(dp))
		err = -EINPROGRESS;
	if (err)
		return err;
	kernel_log_start();
	err = publication_init(&pub, dp);
	if (!err)
		err = assign_rule_ids(cluster, &pub.now->model, diags);
	if (!err)
		err = compile_for(&pub, cluster, diags);
	if (!err)
		err = stage(&pub, cluster, diags);
	if (!err)
		err = cookies_read_key(dp, cluster, &key, diags);
	if (!err)
		err = cookies_put_key(dp, &key);
	if (!err)
		err = vlan_devices_sync(dp->vlan_in, dp->vlan_out);
	if (!err && anything_changed(&pub))
		err = put_in_force(&pub);
	else if (!err && dp->confirm_s) /* programs alone */
		err = deadline_arm(dp, dp->control->generation_word, dp->control->generation_word);
	publication_fini(&pub);
	return err;
}
