/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Active checks: a GET on a connection of its own to each server, again and
 * again. 2xx and 3xx are good. The first check decides at once; then it takes
 * `rise` good ones or `fall` bad ones in a row to change what is known. Checks of
 * several nodes must not come together: each interval is 5 % shorter or longer.
 */
#include "http/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "http/message.h"
#include "log.h"
#include "stream.h"

#define ANSWER_BYTES  8192 /* of a head */
#define REQUEST_BYTES 1024
#define WHY_LEN	      64

struct check {
	struct upstream_checks *checks;
	const struct upstream_server_settings *server;
	struct upstream_health *health;
	struct loop_timer timer; /* of the answer while it runs, of the next one else */
	struct stream stream;
	bool running;
	unsigned streak; /* results in a row that differ from what is known */
	uint64_t started_ns;
	size_t received;
	char answer[ANSWER_BYTES];
};

struct upstream_checks {
	struct loop *loop;
	const struct upstream_settings *settings;
	struct http_head head; /* of the answer being looked at */
	size_t count;
	struct check checks[];
};

static uint64_t random_below(uint64_t limit)
{
	uint32_t value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		return limit / 2;
	return value * limit >> 32;
}

/* --- what is known -------------------------------------------------------------------- */

static void store32(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static void count(uint64_t *at)
{
	__atomic_store_n(at, *at + 1, __ATOMIC_RELAXED);
}

static void note_change(struct check *check, bool well, const char *why)
{
	const char *upstream = check->checks->settings->name;

	count(&check->health->changes);
	store32(&check->health->well, well);
	if (well)
		log_info("check", "event=server-up upstream=%s server=%s", upstream,
			 check->server->name);
	else
		log_warn("check", "event=server-down upstream=%s server=%s why=\"%s\"", upstream,
			 check->server->name, why);
}

/* `why` is NULL: it was good. */
static void note_result(struct check *check, const char *why)
{
	const struct upstream_check_settings *settings = &check->checks->settings->check;
	struct upstream_health *health = check->health;
	bool well = !why, first = !health->checked;

	if (first) {
		store32(&health->well, well);
		store32(&health->checked, 1);
		if (!well)
			note_change(check, false, why);
	} else if (well == (bool)health->well) {
		check->streak = 0;
	} else if (++check->streak >= (well ? settings->rise : settings->fall)) {
		check->streak = 0;
		note_change(check, well, why);
	}
	count(well ? &health->good : &health->bad);
}

/* --- one check ------------------------------------------------------------------------ */

static void arm(struct check *check, uint64_t delay_ns)
{
	/* Cannot fail: the timer is armed, or has just expired and left its place in the heap. */
	if (loop_timer_arm(check->checks->loop, &check->timer, delay_ns))
		log_error("check", "event=timer-lost server=%s", check->server->name);
}

static void end(struct check *check, const char *why)
{
	uint64_t interval_ns = check->checks->settings->check.interval_ms * NS_PER_MS;
	uint64_t taken_ns = loop_clock_ns() - check->started_ns;
	uint64_t next_ns = interval_ns * 19 / 20 + random_below(interval_ns / 10);

	stream_close(&check->stream);
	check->running = false;
	note_result(check, why);
	arm(check, next_ns > taken_ns ? next_ns - taken_ns : 0);
}

static void send_request(struct check *check)
{
	const struct upstream_check_settings *settings = &check->checks->settings->check;
	char request[REQUEST_BYTES], address[ENDPOINT_TEXT_LEN];
	int length;

	endpoint_format(&check->server->at, address);
	length = snprintf(request, sizeof(request),
			  "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice-check\r\n"
			  "Accept: */*\r\nConnection: close\r\n\r\n",
			  settings->path, settings->host[0] ? settings->host : address);
	if (stream_write(&check->stream, request, (size_t)length) != length)
		end(check, "cannot be written to");
	else
		stream_want(&check->stream, STREAM_READABLE);
}

static void judge(struct check *check)
{
	struct http_head *head = &check->checks->head;
	char why[WHY_LEN];
	ssize_t length;

	http_head_init(head);
	length = http_parse_response(head, check->answer, check->received, sizeof(check->answer),
				     HTTP_METHOD_GET);
	if (length == -EAGAIN)
		return;
	snprintf(why, sizeof(why), "status %u", head->status);
	if (length < 0)
		end(check, http_refusal_words(head->refusal));
	else
		end(check, head->status >= 200 && head->status < 400 ? NULL : why);
}

static void receive(struct check *check)
{
	ssize_t length = stream_read(&check->stream, check->answer + check->received,
				     sizeof(check->answer) - check->received);

	if (length == -EAGAIN)
		return;
	if (length <= 0) {
		end(check, length ? strerror((int)-length) : "closed without an answer");
		return;
	}
	check->received += (size_t)length;
	judge(check);
}

static void on_event(struct stream *stream, unsigned events)
{
	struct check *check = container_of(stream, struct check, stream);

	if (events & STREAM_CONNECTED)
		send_request(check);
	else if (events & STREAM_READABLE)
		receive(check);
	else if (events & STREAM_FAILED)
		end(check, strerror(-stream->error));
}

static void begin(struct check *check)
{
	struct sockaddr_storage address;
	socklen_t length = endpoint_to_sockaddr(&check->server->at, &address);
	int err;

	check->running = true;
	check->received = 0;
	check->started_ns = loop_clock_ns();
	arm(check, check->checks->settings->check.timeout_ms * NS_PER_MS);
	err = stream_connect(&check->stream, check->checks->loop, (struct sockaddr *)&address,
			     length, NULL, on_event);
	if (err)
		end(check, strerror(-err));
}

static void on_timer(struct loop_timer *timer)
{
	struct check *check = container_of(timer, struct check, timer);

	if (check->running)
		end(check, "no answer in time");
	else
		begin(check);
}

/* --- all of a group ------------------------------------------------------------------- */

int upstream_checks_start(struct loop *loop, const struct upstream_settings *settings,
			  struct upstream_health *health, struct upstream_checks **out)
{
	uint64_t interval_ns = settings->check.interval_ms * NS_PER_MS;
	size_t server_count = settings->check.path[0] ? settings->server_count : 0;
	struct upstream_checks *checks;
	int err = 0;

	*out = NULL;
	if (!server_count)
		return 0;
	checks = calloc(1, sizeof(*checks) + server_count * sizeof(checks->checks[0]));
	if (!checks)
		return -ENOMEM;
	checks->loop = loop;
	checks->settings = settings;
	for (size_t i = 0; i < server_count && !err; i++) {
		struct check *check = &checks->checks[checks->count++];

		check->checks = checks;
		check->server = &settings->servers[i];
		check->health = &health[i];
		check->timer.expired = on_timer;
		err = loop_timer_arm(loop, &check->timer, random_below(interval_ns / 10));
	}
	if (err)
		upstream_checks_stop(checks);
	else
		*out = checks;
	return err;
}

void upstream_checks_stop(struct upstream_checks *checks)
{
	if (!checks)
		return;
	for (size_t i = 0; i < checks->count; i++) {
		loop_timer_disarm(checks->loop, &checks->checks[i].timer);
		if (checks->checks[i].running)
			stream_close(&checks->checks[i].stream);
	}
	free(checks);
}
