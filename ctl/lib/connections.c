/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The connections of balancers, as userspace reads them: the clock that their times are
 * told by, and how many there are.
 */
#include <time.h>
#include <unistd.h>

#include "dataplane_private.h"

/* The kernel starts its jiffies five minutes before 32 bits of them wrap. */
#define INITIAL_JIFFIES(hz) ((__u64)(__u32)(-300 * (int)(hz)))

#define NSEC_PER_SEC 1000000000ULL

/* The coarse clock moves once a tick: its resolution is a jiffy. */
static __u64 tick_ns(void)
{
	struct timespec resolution;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) || !resolution.tv_nsec)
		return NSEC_PER_SEC / 250;
	return (__u64)resolution.tv_nsec;
}

struct connection_clock connection_clock(void)
{
	struct connection_clock clock = {.hz = (unsigned)(NSEC_PER_SEC / tick_ns())};

	while (2U << clock.shift <= clock.hz)
		clock.shift++;
	return clock;
}

__u32 connection_now(void)
{
	struct connection_clock clock = connection_clock();
	struct timespec now = {0};
	__u64 jiffies = INITIAL_JIFFIES(clock.hz);

	clock_gettime(CLOCK_MONOTONIC, &now);
	jiffies += ((__u64)now.tv_sec * NSEC_PER_SEC + (__u64)now.tv_nsec) / tick_ns();
	return (__u32)(jiffies >> clock.shift & SLUICE_CONN_MASK(EXPIRES));
}

__u32 connection_left(__u64 value, __u32 now)
{
	__u32 left = (__u32)((SLUICE_CONN_GET(EXPIRES, value) - now) & SLUICE_CONN_MASK(EXPIRES));

	if (SLUICE_CONN_GET(OWNED, value) != SLUICE_CONN_LIVE ||
	    left >> (SLUICE_CONN_EXPIRES_BITS - 1))
		return 0;
	return left;
}

int dataplane_count_connections(const struct dataplane *dp, bool v6, unsigned long *count,
				unsigned long *capacity)
{
	size_t entry_bytes = v6 ? sizeof(struct sluice_conn6) : sizeof(struct sluice_conn4);
	size_t value_at = offsetof(struct sluice_conn4, value);
	__u32 now = connection_now();
	struct table_view view;
	int err = table_map(v6 ? dp->conns6 : dp->conns4, false, &view);

	if (err)
		return err;
	*count = 0;
	*capacity = view.bytes / entry_bytes;
	for (size_t i = 0; i < *capacity; i++) {
		const char *entry = (const char *)view.data + i * entry_bytes;

		*count +=
			connection_left(*(const __u64 *)(const void *)(entry + value_at), now) != 0;
	}
	table_unmap(&view);
	return 0;
}
