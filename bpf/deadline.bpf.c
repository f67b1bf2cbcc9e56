/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Changes that wait for a confirmation. A timer of the kernel turns the generation back when
 * none comes: no process is needed for it, and packets are not asked. Timer and record are
 * pinned with the node's maps. A guard is attached where a program was put on an interface or
 * taken off: it calls the new program, and the one before once the time is over.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "sluice/abi.h"

#define CLOCK_MONOTONIC 1

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sluice_control);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sluice_deadline);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_deadline SEC(".maps");

struct alarm {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alarm);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_alarm SEC(".maps");

/* The programs of one guard, by enum sluice_guarded; what is not there passes everything. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLUICE_GUARDED_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} sluice_guarded SEC(".maps");

/* Whoever confirms changes the state in the same way: one of both comes first. */
static int expire(void *map, __u32 *key, struct alarm *alarm)
{
	__u32 zero = 0;
	struct sluice_control *control = bpf_map_lookup_elem(&sluice_control, &zero);
	struct sluice_deadline *deadline = bpf_map_lookup_elem(&sluice_deadline, &zero);

	if (!control || !deadline)
		return 0;
	if (__sync_val_compare_and_swap(&deadline->state, SLUICE_DEADLINE_ARMED,
					SLUICE_DEADLINE_EXPIRED) != SLUICE_DEADLINE_ARMED)
		return 0;
	__sync_val_compare_and_swap(&control->generation_word, deadline->armed_word,
				    deadline->back_word);
	return 0;
}

/* Run once by lbctl, which has filled the record. */
SEC("xdp")
int sluice_arm(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct alarm *alarm = bpf_map_lookup_elem(&sluice_alarm, &zero);
	struct sluice_deadline *deadline = bpf_map_lookup_elem(&sluice_deadline, &zero);

	if (!alarm || !deadline)
		return 1;
	/* Refused if it is one already. */
	bpf_timer_init(&alarm->timer, &sluice_alarm, CLOCK_MONOTONIC);
	if (bpf_timer_set_callback(&alarm->timer, expire))
		return 2;
	return bpf_timer_start(&alarm->timer, deadline->delay_ns, 0) ? 3 : 0;
}

SEC("xdp")
int sluice_guard(struct xdp_md *ctx)
{
	__u32 zero = 0, which = SLUICE_GUARDED_NEW;
	const struct sluice_deadline *deadline = bpf_map_lookup_elem(&sluice_deadline, &zero);

	if (deadline && *(volatile __u32 *)&deadline->state == SLUICE_DEADLINE_EXPIRED)
		which = SLUICE_GUARDED_BEFORE;
	bpf_tail_call(ctx, &sluice_guarded, which);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
