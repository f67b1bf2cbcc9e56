/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Walking over the tables of flows while packets use them. Entries of balancers are read as a
 * packet reads them, between two equal owners, and killed by compare-and-exchange of their
 * one word: see sluice/abi.h.
 */
#include "flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane_private.h"

#define BATCH	     4096U
#define NSEC_PER_SEC 1000000000ULL

struct named_vip {
	const struct service *service;
	const struct vip *vip;
};

/* What the numbers in the tables mean. */
struct names {
	struct named_vip vips[1 << 16]; /* by id */
	struct compiled_vip in_force[SLUICE_MAX_VIPS];
	struct sluice_backend backends[SLUICE_MAX_BACKENDS];
	const struct service *services[SLUICE_MAX_SERVICES]; /* by index */
	const struct backend *of_slot[SLUICE_MAX_BACKENDS];
};

struct walk {
	const struct dataplane *dp;
	struct names *names;
	flow_function *each;
	void *context;
	struct connection_clock clock;
	__u32 now;    /* of connections */
	__u64 now_ns; /* of flows */
};

/* --- names ------------------------------------------------------------------ */

static void name_vips(struct names *names, size_t count, const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		for (size_t j = 0; j < service->vip_count; j++) {
			struct sluice_vip_key key =
				compile_vip_key(&service->vips[j], service->proto);
			const struct compiled_vip *found =
				compile_find_vip(names->in_force, count, &key);

			if (!found || found->vip.service >= SLUICE_MAX_SERVICES)
				continue;
			names->vips[found->vip.id] = (struct named_vip){service, &service->vips[j]};
			names->services[found->vip.service] = service;
		}
	}
}

static void name_backends(struct names *names)
{
	for (size_t slot = 0; slot < SLUICE_MAX_BACKENDS; slot++) {
		const struct sluice_backend *entry = &names->backends[slot];
		const struct service *service = entry->service < SLUICE_MAX_SERVICES
							? names->services[entry->service]
							: NULL;

		for (size_t i = 0; service && i < service->backend_count; i++)
			if (compile_same_backend(entry, &service->backends[i]))
				names->of_slot[slot] = &service->backends[i];
	}
}

static int names_read(const struct dataplane *dp, const struct cluster *cluster, struct names **out)
{
	struct names *names = calloc(1, sizeof(*names));
	size_t count = 0;
	int err = names ? in_force_vips(dp, names->in_force, &count) : -ENOMEM;

	if (!err)
		err = in_force_backends(dp, names->backends);
	if (err) {
		free(names);
		return err;
	}
	name_vips(names, count, cluster);
	name_backends(names);
	*out = names;
	return 0;
}

/* `matches`: the slot is of the same backend still as when the flow was made. */
static void set_backend(const struct names *names, unsigned slot, bool matches, struct flow *flow)
{
	if (slot >= SLUICE_MAX_BACKENDS || !matches)
		return;
	flow->backend = names->of_slot[slot];
	if (flow->backend && !flow->service)
		flow->service = names->services[names->backends[slot].service];
}

/* --- flows of firewalls ----------------------------------------------------- */

static void set_vip(struct flow *flow)
{
	const struct service *service = flow->service;

	for (size_t i = 0; service && !flow->vip && i < service->vip_count; i++) {
		const struct vip *vip = &service->vips[i];

		if (prefix_contains(&vip->to, &flow->server.addr) &&
		    flow->server.port >= vip->ports.min && flow->server.port <= vip->ports.max)
			flow->vip = vip;
	}
}

static int tell_flow(const struct walk *walk, const struct sluice_flow_key *key,
		     const struct sluice_flow *entry)
{
	struct endpoint lo = {key->lo, ntohs(key->lo_port)}, hi = {key->hi, ntohs(key->hi_port)};
	bool from_hi = entry->flags & SLUICE_FLOW_FROM_HI;
	struct flow flow = {
		.has_client = true,
		.has_server = true,
		.client = from_hi ? hi : lo,
		.server = from_hi ? lo : hi,
		.proto = key->proto,
		.state = (enum sluice_flow_state)entry->state,
		.rule = entry->rule,
		.port = entry->port,
		.key = *key,
		.value = entry->expires_ns,
	};

	if (entry->expires_ns <= walk->now_ns)
		return 0;
	flow.left_s = (unsigned)((entry->expires_ns - walk->now_ns) / NSEC_PER_SEC);
	if (entry->flags & SLUICE_FLOW_BALANCED && entry->backend < SLUICE_MAX_BACKENDS)
		set_backend(walk->names, entry->backend,
			    walk->names->backends[entry->backend].incarnation == entry->incarnation,
			    &flow);
	set_vip(&flow);
	return walk->each(walk->context, &flow);
}

struct flow_batch {
	struct sluice_flow_key keys[BATCH];
	struct sluice_flow flows[BATCH];
};

static int walk_flows(const struct walk *walk)
{
	struct flow_batch *batch = malloc(sizeof(*batch));
	__u32 at, next;
	int err = batch ? 0 : -ENOMEM;

	for (bool first = true, more = true; !err && more; first = false, at = next) {
		__u32 count = BATCH;

		if (bpf_map_lookup_batch(walk->dp->flows, first ? NULL : &at, &next, batch->keys,
					 batch->flows, &count, NULL)) {
			more = false;
			err = errno == ENOENT ? 0 : -errno;
		}
		for (__u32 i = 0; !err && i < count; i++)
			err = tell_flow(walk, &batch->keys[i], &batch->flows[i]);
	}
	free(batch);
	return err;
}

/* --- connections of balancers ----------------------------------------------- */

/* The destination, as far as the VIP and the key tell it; its address undoes the mix. */
static void set_ends(const struct walk *walk, const struct sluice_conn6 *entry, bool v6,
		     struct flow *flow)
{
	const struct vip *vip = flow->vip;
	bool one_address = vip && vip->to.bits == 128;
	__u64 src[2], dst[2];

	flow->client.port = ntohs((__be16)(entry->key >> 32));
	if (!v6) {
		flow->client.addr = addr_from_v4((__be32)entry->key);
		flow->has_client = true;
	}
	if (!vip)
		return;
	flow->has_server = one_address;
	flow->server.addr = vip->to.addr;
	flow->server.port = vip_is_exact(vip) ? vip->ports.min : ntohs((__be16)entry->key);
	if (!v6)
		return;
	memcpy(src, &entry->src, sizeof(src));
	memcpy(dst, &vip->to.addr, sizeof(dst));
	if (!vip_is_exact(vip))
		sluice_conn_mix(dst, walk->dp->control->flow_seed, src);
	memcpy(&flow->client.addr, src, sizeof(src));
	flow->has_client = one_address;
}

static int tell_connection(const struct walk *walk, const struct sluice_conn6 *entry, bool v6,
			   __u64 *at)
{
	unsigned slot = (unsigned)SLUICE_CONN_GET(BACKEND, entry->value);
	struct named_vip named = walk->names->vips[entry->key >> 48];
	__u64 left = connection_left(entry->value, walk->now);
	struct flow flow = {
		.of_balancer = true,
		.proto = named.service ? named.service->proto : 0,
		.state = (enum sluice_flow_state)SLUICE_CONN_GET(STATE, entry->value),
		.rule = SLUICE_NONE,
		.port = SLUICE_NONE,
		.service = named.service,
		.vip = named.vip,
		.at = at,
		.value = entry->value,
	};

	flow.left_s = (unsigned)((left << walk->clock.shift) / walk->clock.hz);
	set_backend(
		walk->names, slot,
		SLUICE_CONN_GET(INCARNATION, entry->value) ==
			(walk->names->backends[slot].incarnation & SLUICE_CONN_MASK(INCARNATION)),
		&flow);
	set_ends(walk, entry, v6, &flow);
	return walk->each(walk->context, &flow);
}

/* False: it belongs to nobody, or was given to another flow meanwhile. */
static bool read_connection(const struct walk *walk, __u64 *words, bool v6,
			    struct sluice_conn6 *out)
{
	const __u64 owner = SLUICE_CONN_PUT(OWNED, -1) | SLUICE_CONN_PUT(SEQUENCE, -1);

	out->value = __atomic_load_n(&words[1], __ATOMIC_ACQUIRE);
	if (!connection_left(out->value, walk->now))
		return false;
	out->key = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);
	if (v6)
		memcpy(&out->src, &words[2], sizeof(out->src));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !((__atomic_load_n(&words[1], __ATOMIC_RELAXED) ^ out->value) & owner);
}

static int walk_connections(const struct walk *walk, bool v6)
{
	size_t entry_words =
		(v6 ? sizeof(struct sluice_conn6) : sizeof(struct sluice_conn4)) / sizeof(__u64);
	struct sluice_conn6 entry = {0};
	struct table_view view;
	int err =
		table_map(v6 ? walk->dp->conns6 : walk->dp->conns4, walk->dp->lock_fd >= 0, &view);

	if (err)
		return err;
	for (size_t i = 0; !err && i + entry_words <= view.bytes / sizeof(__u64);
	     i += entry_words) {
		__u64 *words = (__u64 *)view.data + i;

		if (read_connection(walk, words, v6, &entry))
			err = tell_connection(walk, &entry, v6, &words[1]);
	}
	table_unmap(&view);
	return err;
}

/* --- both ------------------------------------------------------------------- */

int flows_walk(const struct dataplane *dp, const struct cluster *cluster, flow_function *each,
	       void *context)
{
	struct walk walk = {
		.dp = dp, .each = each, .context = context, .clock = connection_clock()};
	struct timespec now;
	int err = names_read(dp, cluster, &walk.names);

	if (err)
		return err;
	clock_gettime(CLOCK_MONOTONIC, &now);
	walk.now_ns = (__u64)now.tv_sec * NSEC_PER_SEC + (__u64)now.tv_nsec;
	walk.now = connection_now();
	err = walk_flows(&walk);
	if (!err)
		err = walk_connections(&walk, false);
	if (!err)
		err = walk_connections(&walk, true);
	free(walk.names);
	return err;
}

static int kill_connection(const struct flow *flow)
{
	const __u64 owner = SLUICE_CONN_PUT(OWNED, -1) | SLUICE_CONN_PUT(SEQUENCE, -1);
	__u64 value = flow->value;

	/* A packet may move it on at the same time: as long as it is the same flow, it goes. */
	while (!((value ^ flow->value) & owner)) {
		__u64 freed = value & SLUICE_CONN_PUT(SEQUENCE, -1);

		if (__atomic_compare_exchange_n(flow->at, &value, freed, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return 0;
	}
	return -ENOENT;
}

int flow_kill(const struct dataplane *dp, const struct flow *flow)
{
	if (dp->lock_fd < 0)
		return -EPERM;
	if (flow->of_balancer)
		return kill_connection(flow);
	return bpf_map_delete_elem(dp->flows, &flow->key) ? -errno : 0;
}
