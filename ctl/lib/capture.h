/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Looking at packets while they pass: sampled frames with what became of them. One session
 * at a time on a node; it ends with its owner, however that one ends.
 */
#ifndef SLUICE_CAPTURE_H
#define SLUICE_CAPTURE_H

#include "dataplane.h"

struct capture_filter {
	unsigned port;			   /* slot of an interface; SLUICE_NONE: all */
	struct sluice_capture_end ends[2]; /* either way round */
	int proto;			   /* IPPROTO_*; 0: any */
	bool outcomes[SLUICE_OUTCOME_COUNT];
	unsigned sample;  /* one packet in so many */
	unsigned snaplen; /* bytes of each frame, at most SLUICE_MAX_SNAPLEN */
};

/* All packets of all interfaces, whole. */
struct capture_filter capture_filter_all(void);

struct capture_session;

/*
 * `frame`: as received, and behind it as sent. Not 0: enough, which capture_session_poll()
 * returns.
 */
typedef int capture_function(void *context, const struct sluice_captured *captured,
			     const unsigned char *frame);

/* -EBUSY: another process, whose id is in *owner, looks already. */
int capture_session_start(const struct dataplane *dp, const struct capture_filter *filter,
			  capture_function *each, void *context, struct capture_session **out,
			  unsigned *owner) __must_check;
/*
 * Waits for packets, `timeout_ms` at most, and hands them out; keeps the session alive, so
 * it must be called every second. What `each` said, or -errno; -EINTR: a signal came.
 */
int capture_session_poll(struct capture_session *session, int timeout_ms) __must_check;
/* Ends it: nothing more is captured. What is in the buffer can still be polled. */
void capture_session_stop(struct capture_session *session);
/* Packets that were chosen, and found the buffer full. */
__u64 capture_session_lost(const struct capture_session *session);
void capture_session_free(struct capture_session *session);

#endif /* SLUICE_CAPTURE_H */
