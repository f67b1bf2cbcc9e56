/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The record and the timer of changes that wait for a confirmation.
 */
#include "deadline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane_private.h"
#include "deadline.skel.h"

#define NS_A_SECOND 1000000000ULL

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * NS_A_SECOND + (__u64)now.tv_nsec;
}

static int open_record(const struct dataplane *dp, struct table_view *view)
{
	char path[320];
	int fd, err;

	snprintf(path, sizeof(path), "%s/sluice_deadline", dp->pin_dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	err = table_map(fd, dp->lock_fd >= 0, view);
	close(fd);
	return err;
}

int deadline_read(const struct dataplane *dp, struct sluice_deadline *out)
{
	struct table_view view;
	int err = open_record(dp, &view);

	*out = (struct sluice_deadline){0};
	if (err)
		return err == -ENOENT ? 0 : err;
	*out = *(const volatile struct sluice_deadline *)view.data;
	table_unmap(&view);
	return 0;
}

static __u64 word_in_force(const struct dataplane *dp)
{
	return __atomic_load_n(&dp->control->generation_word, __ATOMIC_ACQUIRE);
}

bool deadline_is_armed(const struct dataplane *dp)
{
	struct sluice_deadline deadline;

	/* Another word: whoever armed it was killed before the generation turned. */
	return !deadline_read(dp, &deadline) && deadline.state == SLUICE_DEADLINE_ARMED &&
	       deadline.armed_word == word_in_force(dp);
}

unsigned deadline_left_s(const struct sluice_deadline *deadline)
{
	__u64 now = now_ns();

	if (deadline->state != SLUICE_DEADLINE_ARMED || deadline->at_ns <= now)
		return deadline->state == SLUICE_DEADLINE_ARMED;
	return (unsigned)((deadline->at_ns - now + NS_A_SECOND - 1) / NS_A_SECOND);
}

bool deadline_move(const struct dataplane *dp, enum sluice_deadline_state from,
		   enum sluice_deadline_state to)
{
	struct table_view view;
	__u32 expected = from;
	bool moved;

	if (open_record(dp, &view))
		return false;
	moved = __atomic_compare_exchange_n(&((struct sluice_deadline *)view.data)->state,
					    &expected, (__u32)to, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	table_unmap(&view);
	return moved;
}

bool deadline_turn_back(const struct dataplane *dp)
{
	struct sluice_deadline deadline;

	if (!deadline_is_armed(dp) || deadline_read(dp, &deadline) ||
	    !deadline_move(dp, SLUICE_DEADLINE_ARMED, SLUICE_DEADLINE_EXPIRED))
		return false;
	__atomic_compare_exchange_n(&dp->control->generation_word, &deadline.armed_word,
				    deadline.back_word, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return true;
}

static int start_timer(const struct deadline_bpf *skel)
{
	char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.sluice_arm), &opts))
		return -errno;
	return opts.retval ? -EIO : 0;
}

static int arm(const struct dataplane *dp, const struct deadline_bpf *skel, __u64 armed, __u64 back)
{
	struct sluice_deadline *deadline;
	struct table_view view;
	int err = table_map(bpf_map__fd(skel->maps.sluice_deadline), true, &view);

	if (err)
		return err;
	deadline = view.data;
	/* While it is filled, a timer of before that fires does nothing. */
	__atomic_store_n(&deadline->state, SLUICE_DEADLINE_IDLE, __ATOMIC_SEQ_CST);
	deadline->armed_word = armed;
	deadline->back_word = back;
	deadline->delay_ns = dp->confirm_s * NS_A_SECOND;
	deadline->at_ns = now_ns() + deadline->delay_ns;
	__atomic_store_n(&deadline->state, SLUICE_DEADLINE_ARMED, __ATOMIC_SEQ_CST);
	err = start_timer(skel);
	if (err)
		__atomic_store_n(&deadline->state, SLUICE_DEADLINE_IDLE, __ATOMIC_SEQ_CST);
	table_unmap(&view);
	return err;
}

/* No state in between: whoever is killed here leaves it armed. */
static int renew(const struct dataplane *dp, const struct deadline_bpf *skel)
{
	struct sluice_deadline *deadline;
	struct table_view view;
	int err = table_map(bpf_map__fd(skel->maps.sluice_deadline), true, &view);

	if (err)
		return err;
	deadline = view.data;
	deadline->at_ns = now_ns() + dp->confirm_s * NS_A_SECOND;
	table_unmap(&view);
	return start_timer(skel);
}

static int load(const struct dataplane *dp, struct deadline_bpf **out)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = dp->pin_dir);
	struct deadline_bpf *skel = deadline_bpf__open_opts(&opts);
	int err;

	if (!skel)
		return -errno;
	bpf_program__set_autoload(skel->progs.sluice_guard, false);
	bpf_map__set_autocreate(skel->maps.sluice_guarded, false);
	err = pins_reuse(skel->obj, dp->pin_dir);
	if (!err)
		err = deadline_bpf__load(skel);
	if (err)
		deadline_bpf__destroy(skel);
	else
		*out = skel;
	return err;
}

int deadline_arm(const struct dataplane *dp, __u64 armed, __u64 back)
{
	struct deadline_bpf *skel;
	int err = load(dp, &skel);

	if (err)
		return err;
	err = arm(dp, skel, armed, back);
	deadline_bpf__destroy(skel);
	return err;
}

int deadline_renew(const struct dataplane *dp)
{
	struct deadline_bpf *skel;
	int err = load(dp, &skel);

	if (err)
		return err;
	err = renew(dp, skel);
	deadline_bpf__destroy(skel);
	return err;
}

void deadline_drop_rings(const struct dataplane *dp)
{
	bool used[SLUICE_MAX_RINGS] = {false};
	struct in_force *now;
	struct table_view view;
	__u64 *digests;

	if (in_force_read(dp, &now))
		return;
	for (size_t i = 0; i < now->vip_count; i++)
		if (now->vips[i].vip.ring < SLUICE_MAX_RINGS)
			used[now->vips[i].vip.ring] = true;
	in_force_free(now);
	if (dataplane_synchronize() || table_map(dp->digests, true, &view))
		return;
	digests = view.data;
	for (__u32 id = 0; id < SLUICE_MAX_RINGS; id++) {
		if (used[id] || !digests[id])
			continue;
		__atomic_store_n(&digests[id], 0, __ATOMIC_SEQ_CST);
		bpf_map_delete_elem(dp->rings, &id);
	}
	table_unmap(&view);
}
