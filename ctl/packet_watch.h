/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Looking at packets until somebody has seen enough: the frame around a capture session that
 * `lbctl capture` and `lbctl drops -f` have in common.
 */
#ifndef SLUICE_CTL_PACKET_WATCH_H
#define SLUICE_CTL_PACKET_WATCH_H

#include <stdint.h>
#include <time.h>

#include "capture.h"
#include "session.h"

struct packet_watch {
	const struct session *session;
	const struct capture_filter *filter;
	unsigned seconds;	      /* 0: until a signal, or until nobody reads standard output */
	void (*begin)(void *context); /* when packets are looked at; may be NULL */
	capture_function *each;	      /* not 0: enough */
	void (*pause)(void *context, uint64_t lost); /* each 200 ms, or behind packets; or NULL */
	void *context;
	uint64_t lost; /* the result: chosen, and found the buffer full */
};

/* An exit code; has printed why it is not EXIT_OK. Ends cleanly by SIGINT and SIGTERM. */
int packet_watch_run(struct packet_watch *watch);

/* SIGINT and SIGTERM end what runs; a closed pipe is an error of writing. */
void packet_watch_signals(void);
/* True from when a signal came. */
bool packet_watch_stopped(void);
/* Nobody reads standard output any more. */
bool packet_watch_unread(void);

uint64_t packet_watch_clock(clockid_t clock);
/* From CLOCK_MONOTONIC to the time of day. */
uint64_t packet_watch_unix_offset(void);
/* "2026-11-30T12:00:01.123456Z" */
json_t *packet_watch_time(uint64_t unix_ns);

#endif /* SLUICE_CTL_PACKET_WATCH_H */
