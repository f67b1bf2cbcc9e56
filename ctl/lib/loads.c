/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The traffic of VIPs and backends: one counter for each pair of them, kept through
 * publications. A pair that ends leaves its counts to what remains of it: to the VIP, as
 * sent to former backends, and to the backend, as sent by former VIPs. So neither's total
 * ever goes down, and both are sums over the same counters.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane_private.h"

#define BATCH	      256 /* entries in one system call */
#define READ_TRIES    50
#define READ_PAUSE_NS 1000000L

/* VIPs and backends of one generation. */
struct generation_view {
	const struct compiled_vip *vips;
	size_t vip_count;
	const struct sluice_backend *backends;
	unsigned slot;
	struct backends_by_service *by_service;
	const struct sluice_vip *by_id[2 * SLUICE_MAX_VIPS + 1];
};

static struct generation_view *view_create(const struct compiled_vip *vips, size_t vip_count,
					   const struct sluice_backend *backends, unsigned slot)
{
	struct generation_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->vips = vips;
	view->vip_count = vip_count;
	view->backends = backends;
	view->slot = slot;
	view->by_service = compile_by_service(backends, slot);
	if (!view->by_service) {
		free(view);
		return NULL;
	}
	for (size_t i = 0; i < vip_count; i++)
		if (vips[i].vip.id && vips[i].vip.id <= 2 * SLUICE_MAX_VIPS)
			view->by_id[vips[i].vip.id] = &vips[i].vip;
	return view;
}

static void view_free(struct generation_view *view)
{
	if (view)
		free(view->by_service);
	free(view);
}

static bool has_backend(const struct generation_view *view, unsigned slot, __u32 incarnation)
{
	return view->backends[slot].state[view->slot] != SLUICE_BACKEND_FREE &&
	       view->backends[slot].incarnation == incarnation;
}

/* Whether the pair is counted in the same entry in that other generation. */
static bool has_pair(const struct generation_view *view, const struct sluice_vip *vip,
		     unsigned slot, __u32 incarnation)
{
	const struct sluice_vip *other = view->by_id[vip->id];

	return other && other->service == vip->service && other->loads == vip->loads &&
	       has_backend(view, slot, incarnation);
}

typedef int pair_function(void *context, size_t vip, unsigned slot);

static int for_each_pair(const struct generation_view *view, pair_function *each, void *context)
{
	int err = 0;

	for (size_t i = 0; i < view->vip_count && !err; i++) {
		const struct sluice_vip *vip = &view->vips[i].vip;

		if (vip->ring == SLUICE_NONE16)
			continue;
		for (unsigned b = view->by_service->first[vip->service]; b != SLUICE_NONE && !err;
		     b = view->by_service->next[b])
			err = each(context, i, b);
	}
	return err;
}

static void add(struct sluice_load *to, const struct sluice_load *load)
{
	to->sent.packets += load->sent.packets;
	to->sent.bytes += load->sent.bytes;
	to->new_flows += load->new_flows;
}

/* --- from one generation to the next ---------------------------------------- */

struct succession {
	const struct dataplane *dp;
	struct generation_view *now, *next;
	struct sluice_load *past; /* sluice_past, mapped */
	struct table_view past_view;
	__u32 zero[BATCH]; /* entries to be set to zero */
	__u32 zero_count;
	void *zeros;
};

static int succession_init(struct succession *s, const struct dataplane *dp,
			   const struct in_force *now, const struct compiled *next)
{
	int cpus = libbpf_num_possible_cpus(), err;

	*s = (struct succession){.dp = dp};
	err = cpus < 0 ? cpus : table_map(dp->past, true, &s->past_view);
	if (err)
		return err;
	s->past = s->past_view.data;
	s->now = view_create(now->vips, now->vip_count, now->backends, now->slot);
	s->next = view_create(next->vips, next->vip_count, next->backends, next->slot);
	s->zeros = calloc((size_t)cpus * BATCH, sizeof(struct sluice_load));
	return s->now && s->next && s->zeros ? 0 : -ENOMEM;
}

static void succession_fini(struct succession *s)
{
	free(s->zeros);
	view_free(s->next);
	view_free(s->now);
	if (s->past)
		table_unmap(&s->past_view);
}

static int flush_zeros(struct succession *s)
{
	__u32 count = s->zero_count;

	s->zero_count = 0;
	if (count && bpf_map_update_batch(s->dp->load, s->zero, s->zeros, &count, NULL))
		return -errno;
	return 0;
}

static int zero_new_pair(void *context, size_t i, unsigned slot)
{
	struct succession *s = context;
	const struct sluice_vip *vip = &s->next->vips[i].vip;
	const struct sluice_backend *backend = &s->next->backends[slot];

	if (has_pair(s->now, vip, slot, backend->incarnation))
		return 0;
	s->zero[s->zero_count++] = vip->loads + backend->index;
	return s->zero_count == BATCH ? flush_zeros(s) : 0;
}

static void zero_new_pasts(struct succession *s)
{
	static const struct sluice_load none;

	for (unsigned id = 1; id <= 2 * SLUICE_MAX_VIPS; id++)
		if (s->next->by_id[id] && !s->now->by_id[id])
			s->past[id] = none;
	for (unsigned i = 0; i < SLUICE_MAX_BACKENDS; i++)
		if (!has_backend(s->now, i, s->next->backends[i].incarnation))
			s->past[SLUICE_PAST_BACKENDS + i] = none;
}

int loads_start(const struct dataplane *dp, const struct in_force *now, const struct compiled *next)
{
	struct succession s;
	int err = succession_init(&s, dp, now, next);

	if (!err)
		err = for_each_pair(s.next, zero_new_pair, &s);
	if (!err)
		err = flush_zeros(&s);
	if (!err)
		zero_new_pasts(&s);
	succession_fini(&s);
	return err;
}

static int leave_old_pair(void *context, size_t i, unsigned slot)
{
	struct succession *s = context;
	const struct sluice_vip *vip = &s->now->vips[i].vip;
	const struct sluice_backend *backend = &s->now->backends[slot];
	struct sluice_load load;
	int err;

	if (has_pair(s->next, vip, slot, backend->incarnation))
		return 0;
	err = dataplane_read_load(s->dp, vip->loads + backend->index, &load);
	if (!err && s->next->by_id[vip->id])
		add(&s->past[vip->id], &load);
	if (!err && has_backend(s->next, slot, backend->incarnation))
		add(&s->past[SLUICE_PAST_BACKENDS + slot], &load);
	return err;
}

static int ends(void *context, size_t i, unsigned slot)
{
	const struct succession *s = context;

	return !has_pair(s->next, &s->now->vips[i].vip, slot, s->now->backends[slot].incarnation);
}

void loads_leave(const struct dataplane *dp)
{
	__atomic_store_n(&dp->control->loads_moving, dp->control->loads_moving | 1,
			 __ATOMIC_SEQ_CST);
}

/* The packets that still count in the old generation's entries are waited for. */
void loads_settle(const struct dataplane *dp, const struct in_force *now,
		  const struct compiled *next)
{
	struct succession s;

	if (!succession_init(&s, dp, now, next) && for_each_pair(s.now, ends, &s) &&
	    !dataplane_synchronize())
		(void)for_each_pair(s.now, leave_old_pair, &s);
	succession_fini(&s);
	__atomic_store_n(&dp->control->loads_moving, (dp->control->loads_moving | 1) + 1,
			 __ATOMIC_SEQ_CST);
}

/* --- reading ---------------------------------------------------------------- */

struct vip_sum {
	struct sluice_vip_key key; /* first: sorted by it */
	__u32 service;
	struct sluice_load load;
};

struct loads {
	const struct dataplane *dp; /* borrowed */
	struct compiled_vip *vips;
	size_t vip_count;
	struct vip_sum *vip_sums; /* sorted by key */
	struct sluice_backend *backends;
	struct sluice_load *backend_sums; /* by slot */
	struct sluice_load *entries;	  /* of sluice_load, up to the last in use */
	size_t entry_count;
	struct generation_view *view;
};

void loads_free(struct loads *loads)
{
	if (!loads)
		return;
	view_free(loads->view);
	free(loads->entries);
	free(loads->backend_sums);
	free(loads->backends);
	free(loads->vip_sums);
	free(loads->vips);
	free(loads);
}

static int read_tables(const struct dataplane *dp, struct loads *loads)
{
	int err;

	loads->vips = calloc(SLUICE_MAX_VIPS, sizeof(*loads->vips));
	loads->backends = calloc(SLUICE_MAX_BACKENDS, sizeof(*loads->backends));
	loads->backend_sums = calloc(SLUICE_MAX_BACKENDS, sizeof(*loads->backend_sums));
	if (!loads->vips || !loads->backends || !loads->backend_sums)
		return -ENOMEM;
	err = in_force_vips(dp, loads->vips, &loads->vip_count);
	if (!err)
		err = in_force_backends(dp, loads->backends);
	if (err)
		return err;
	loads->view =
		view_create(loads->vips, loads->vip_count, loads->backends, dataplane_slot(dp));
	return loads->view ? 0 : -ENOMEM;
}

static int find_last_entry(void *context, size_t i, unsigned slot)
{
	struct loads *loads = context;
	size_t behind = (size_t)loads->vips[i].vip.loads + loads->backends[slot].index + 1;

	if (behind > SLUICE_MAX_LOADS)
		return -EBADMSG;
	if (behind > loads->entry_count)
		loads->entry_count = behind;
	return 0;
}

static void sum_cpus(const struct sluice_load *values, size_t cpus, struct sluice_load *out,
		     size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t cpu = 0; cpu < cpus; cpu++)
			add(&out[i], &values[i * cpus + cpu]);
}

static int read_entries(const struct dataplane *dp, struct loads *loads)
{
	int cpus = libbpf_num_possible_cpus();
	__u32 keys[BATCH], at = 0, *before = NULL;
	struct sluice_load *values;
	int err = 0;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus * BATCH, sizeof(*values));
	loads->entries = calloc(loads->entry_count + 1, sizeof(*loads->entries));
	if (!values || !loads->entries)
		err = -ENOMEM;
	for (size_t done = 0; done < loads->entry_count && !err; before = &at) {
		__u32 count = BATCH;

		if (count > loads->entry_count - done)
			count = (__u32)(loads->entry_count - done);
		if (bpf_map_lookup_batch(dp->load, before, &at, keys, values, &count, NULL) &&
		    errno != ENOENT)
			err = -errno;
		sum_cpus(values, (size_t)cpus, loads->entries + done, count);
		done += count;
	}
	free(values);
	return err;
}

static int add_pair(void *context, size_t i, unsigned slot)
{
	struct loads *loads = context;
	const struct sluice_load *load =
		&loads->entries[loads->vips[i].vip.loads + loads->backends[slot].index];

	add(&loads->vip_sums[i].load, load);
	add(&loads->backend_sums[slot], load);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sluice_vip_key));
}

static int sum_up(const struct dataplane *dp, struct loads *loads)
{
	const struct sluice_load *past;
	struct table_view view;
	int err = table_map(dp->past, false, &view);

	if (err)
		return err;
	past = view.data;
	loads->vip_sums = calloc(loads->vip_count + 1, sizeof(*loads->vip_sums));
	for (size_t i = 0; i < loads->vip_count && loads->vip_sums; i++) {
		loads->vip_sums[i].key = loads->vips[i].key;
		loads->vip_sums[i].service = loads->vips[i].vip.service;
		if (loads->vips[i].vip.id)
			loads->vip_sums[i].load = past[loads->vips[i].vip.id];
	}
	memcpy(loads->backend_sums, &past[SLUICE_PAST_BACKENDS],
	       SLUICE_MAX_BACKENDS * sizeof(*past));
	table_unmap(&view);
	if (!loads->vip_sums)
		return -ENOMEM;
	(void)for_each_pair(loads->view, add_pair, loads);
	qsort(loads->vip_sums, loads->vip_count, sizeof(*loads->vip_sums), by_key);
	return 0;
}

static int read_all(const struct dataplane *dp, struct loads *loads)
{
	int err = read_tables(dp, loads);

	loads->dp = dp;
	if (!err)
		err = for_each_pair(loads->view, find_last_entry, loads);
	if (!err)
		err = read_entries(dp, loads);
	return err ? err : sum_up(dp, loads);
}

/* A writer that died while counts moved must not stop readers: they wait for a while. */
int loads_read(const struct dataplane *dp, struct loads **out)
{
	const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};
	const __u32 *moving = &dp->control->loads_moving;

	for (int tries = 1;; tries++) {
		__u32 before = __atomic_load_n(moving, __ATOMIC_SEQ_CST);
		unsigned generation = dataplane_generation(dp);
		bool last = tries >= READ_TRIES, same;
		struct loads *loads;
		int err;

		if (before % 2 && !last) {
			nanosleep(&pause, NULL);
			continue;
		}
		loads = calloc(1, sizeof(*loads));
		err = loads ? read_all(dp, loads) : -ENOMEM;
		same = generation == dataplane_generation(dp) &&
		       before == __atomic_load_n(moving, __ATOMIC_SEQ_CST);
		if ((same && !err) || (last && !err)) {
			*out = loads;
			return 0;
		}
		loads_free(loads);
		if (err && (same || last))
			return err;
	}
}

struct sluice_load loads_of_vip(const struct loads *loads, const struct vip *vip, int proto)
{
	struct sluice_vip_key key = compile_vip_key(vip, proto);
	const struct vip_sum *found =
		bsearch(&key, loads->vip_sums, loads->vip_count, sizeof(*found), by_key);

	return found ? found->load : (struct sluice_load){0};
}

static unsigned service_index(const struct loads *loads, const struct service *service)
{
	for (size_t i = 0; i < service->vip_count; i++) {
		struct sluice_vip_key key = compile_vip_key(&service->vips[i], service->proto);
		const struct vip_sum *found =
			bsearch(&key, loads->vip_sums, loads->vip_count, sizeof(*found), by_key);

		if (found)
			return found->service;
	}
	return SLUICE_NONE;
}

const struct sluice_backend *loads_of_backend(const struct loads *loads,
					      const struct service *service,
					      const struct backend *backend,
					      struct sluice_load *load)
{
	unsigned index = service_index(loads, service);
	unsigned slot =
		index < SLUICE_MAX_SERVICES ? loads->view->by_service->first[index] : SLUICE_NONE;

	for (; slot != SLUICE_NONE; slot = loads->view->by_service->next[slot]) {
		if (!compile_same_backend(&loads->backends[slot], backend))
			continue;
		*load = loads->backend_sums[slot];
		return &loads->backends[slot];
	}
	return NULL;
}

bool loads_last_check(const struct loads *loads, const struct service *service,
		      const struct backend *backend, struct sluice_check *out)
{
	struct sluice_check_key key = {0};

	strcpy(key.service, service->name);
	strcpy(key.backend, backend->name);
	return !bpf_map_lookup_elem(loads->dp->checks, &key, out);
}

bool loads_cookies(const struct loads *loads, const struct service *service,
		   struct sluice_cookie_count *out)
{
	unsigned index = service_index(loads, service);

	return service->syn_cookies != SYN_COOKIES_OFF && index < SLUICE_MAX_SERVICES &&
	       !dataplane_read_cookies(loads->dp, index, out);
}
