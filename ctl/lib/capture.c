/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The owner of a capture session takes sluice_capture, which names its filter, by setting
 * the deadline from 0 or from a time that is over; it renews it with each poll.
 */
#include "capture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "dataplane_private.h"

#define LIFE_NS (3 * 1000000000ULL)

struct capture_session {
	struct table_view view;
	struct sluice_capture *shared; /* in it */
	struct ring_buffer *ring;
	capture_function *each;
	void *context;
	__u32 id;
	bool stopped;
};

static __u64 clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

struct capture_filter capture_filter_all(void)
{
	struct capture_filter filter = {
		.port = SLUICE_NONE, .sample = 1, .snaplen = SLUICE_MAX_SNAPLEN};

	memset(filter.outcomes, true, sizeof(filter.outcomes));
	filter.ends[0].port_max = filter.ends[1].port_max = 65535;
	return filter;
}

static bool is_alive(unsigned pid)
{
	return !kill((pid_t)pid, 0) || errno != ESRCH;
}

/* Takes the session from nobody, or from one who is gone; packets must not look yet. */
static int claim(struct sluice_capture *shared, unsigned *owner)
{
	__u64 until = __atomic_load_n(&shared->until_ns, __ATOMIC_SEQ_CST);
	__u32 pid = __atomic_load_n(&shared->pid, __ATOMIC_SEQ_CST);

	*owner = pid;
	if (pid && pid != (__u32)getpid() && until > clock_ns() && is_alive(pid))
		return -EBUSY;
	if (!__atomic_compare_exchange_n(&shared->pid, &pid, (__u32)getpid(), false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		*owner = pid;
		return -EBUSY;
	}
	__atomic_store_n(&shared->until_ns, 0, __ATOMIC_SEQ_CST);
	return 0;
}

static bool is_filtered(const struct capture_filter *filter)
{
	struct capture_filter all = capture_filter_all();

	return filter->proto || memcmp(filter->ends, all.ends, sizeof(all.ends)) != 0;
}

static void describe(struct sluice_capture *shared, const struct capture_filter *filter, __u32 id)
{
	shared->lost = 0;
	memset(shared->outcomes, 0, sizeof(shared->outcomes));
	for (unsigned i = 0; i < SLUICE_OUTCOME_COUNT; i++)
		if (filter->outcomes[i])
			shared->outcomes[i / 64] |= 1ULL << i % 64;
	memcpy(shared->ends, filter->ends, sizeof(shared->ends));
	shared->session = id;
	shared->port = filter->port;
	shared->sample = filter->sample;
	shared->snaplen = filter->snaplen;
	shared->proto = (__u8)filter->proto;
	shared->filtered = is_filtered(filter);
}

static void renew(const struct capture_session *session)
{
	__atomic_store_n(&session->shared->until_ns, clock_ns() + LIFE_NS, __ATOMIC_SEQ_CST);
}

/* What an earlier session left in the buffer is nobody's. */
static int take(void *context, void *data, size_t size)
{
	struct capture_session *session = context;
	const struct sluice_captured *captured = data;

	if (size < sizeof(*captured) || captured->session != session->id ||
	    size < sizeof(*captured) + captured->received_bytes + captured->sent_bytes)
		return 0;
	return session->each(session->context, captured, (const unsigned char *)(captured + 1));
}

int capture_session_start(const struct dataplane *dp, const struct capture_filter *filter,
			  capture_function *each, void *context, struct capture_session **out,
			  unsigned *owner)
{
	struct capture_session *session = calloc(1, sizeof(*session));
	int err = session ? table_map(dp->capture, true, &session->view) : -ENOMEM;

	if (err) {
		free(session);
		return err;
	}
	session->shared = session->view.data;
	session->each = each;
	session->context = context;
	session->stopped = true;
	err = claim(session->shared, owner);
	session->stopped = err != 0;
	if (!err && getrandom(&session->id, sizeof(session->id), 0) != sizeof(session->id))
		err = -EIO;
	session->id |= 1; /* not 0 */
	if (!err)
		session->ring = ring_buffer__new(dp->events, take, session, NULL);
	if (!err && !session->ring)
		err = -errno;
	if (err) {
		capture_session_free(session);
		return err;
	}
	/* Nobody looks, so what an earlier session left is taken away first. */
	(void)!ring_buffer__consume(session->ring);
	describe(session->shared, filter, session->id);
	renew(session);
	*out = session;
	return 0;
}

int capture_session_poll(struct capture_session *session, int timeout_ms)
{
	int result;

	if (!session->stopped)
		renew(session);
	result = ring_buffer__poll(session->ring, timeout_ms);
	return result > 0 ? 0 : result;
}

void capture_session_stop(struct capture_session *session)
{
	if (session->stopped)
		return;
	session->stopped = true;
	__atomic_store_n(&session->shared->until_ns, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&session->shared->pid, 0, __ATOMIC_SEQ_CST);
}

__u64 capture_session_lost(const struct capture_session *session)
{
	return __atomic_load_n(&session->shared->lost, __ATOMIC_SEQ_CST);
}

void capture_session_free(struct capture_session *session)
{
	if (!session)
		return;
	capture_session_stop(session);
	ring_buffer__free(session->ring);
	table_unmap(&session->view);
	free(session);
}
