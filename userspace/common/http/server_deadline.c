/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Time limits of a connection. One timer serves all of them: it is only ever
 * brought forward, and looks at what is due when it fires, so that a request on
 * a connection that lives on moves no timer.
 *
 * Slow clients are measured, not only silent ones: whoever is waited for has to
 * move body_ms * rate bytes in each body_ms of waiting.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "http/server_private.h"

static uint64_t now_ns(const struct http_connection *connection)
{
	return connection->server->loop->now_ns;
}

void deadline_set(struct http_connection *connection, unsigned delay_ms)
{
	connection->due_ns = now_ns(connection) + delay_ms * NS_PER_MS;
}

/* --- the pace of bodies ----------------------------------------------------------------- */

static uint64_t quota(const struct http_server_settings *settings)
{
	uint64_t bytes = (uint64_t)settings->rate * settings->body_ms / 1000;

	return bytes ? bytes : 1;
}

static void pace_renew(struct http_connection *connection, struct pace *pace)
{
	pace->bytes = 0;
	pace->used_ns = 0;
	if (pace->since_ns)
		pace->since_ns = now_ns(connection);
}

void pace_moved(struct http_connection *connection, struct pace *pace, size_t bytes)
{
	pace->bytes += bytes;
	if (pace->bytes >= quota(connection->server->settings))
		pace_renew(connection, pace);
}

static void pace_run(struct http_connection *connection, struct pace *pace, bool waiting)
{
	if (waiting && !pace->since_ns) {
		pace->since_ns = now_ns(connection);
	} else if (!waiting && pace->since_ns) {
		pace->used_ns += now_ns(connection) - pace->since_ns;
		pace->since_ns = 0;
	}
}

static uint64_t pace_due(const struct http_connection *connection, const struct pace *pace)
{
	uint64_t limit_ns = connection->server->settings->body_ms * NS_PER_MS;

	if (!pace->since_ns)
		return 0;
	return pace->used_ns < limit_ns ? pace->since_ns + limit_ns - pace->used_ns
					: pace->since_ns;
}

/*
 * The kernel asks for more only when a good part of its buffer is free, which
 * may take a client minutes that is slow but takes its bytes: what counts is
 * what it has taken. The first look has nothing to compare with.
 */
static bool client_takes_bytes(struct http_connection *connection)
{
	int unsent = 0;
	bool known = connection->unsent_known;
	unsigned before = connection->unsent;

	if (ioctl(connection->stream.watch.fd, SIOCOUTQ, &unsent))
		return false;
	connection->unsent = (unsigned)unsent;
	connection->unsent_known = true;
	if (!known)
		return true;
	return before + connection->out_pace.bytes >=
	       connection->unsent + quota(connection->server->settings);
}

/* --- the timer -------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a | b;
	return a < b ? a : b;
}

static uint64_t connection_due(const struct http_connection *connection)
{
	uint64_t due = earlier(connection->due_ns, pace_due(connection, &connection->in_pace));

	return earlier(due, pace_due(connection, &connection->out_pace));
}

static bool waits_for_body(const struct http_connection *connection)
{
	const struct http_exchange *exchange = connection->exchange;

	return connection->state == CONNECTION_SKIPPING ||
	       (connection->state == CONNECTION_EXCHANGE && exchange->body_wanted &&
		!exchange->upgraded);
}

static bool waits_for_room(const struct http_connection *connection)
{
	return connection->blocked && !(connection->exchange && connection->exchange->upgraded);
}

void deadline_update(struct http_connection *connection)
{
	uint64_t due, now = now_ns(connection);

	pace_run(connection, &connection->in_pace, waits_for_body(connection));
	pace_run(connection, &connection->out_pace, waits_for_room(connection));
	if (!connection->blocked && connection->state != CONNECTION_LINGERING)
		connection->unsent_known = false;
	due = connection_due(connection);
	if (!due)
		return;
	if (loop_timer_extend(connection->server->loop, &connection->timer,
			      due > now ? due - now : 0)) {
		/* A connection without a deadline is none that we keep. */
		connection_fail(connection, FAILURE_GONE);
		connection_touch(connection);
	}
}

/* Closing while it sends would be a reset, and lose what it has not yet got of the reply. */
static bool is_worth_lingering(struct http_connection *connection)
{
	return connection->state == CONNECTION_LINGERING && client_takes_bytes(connection) &&
	       connection->unsent;
}

void deadline_expired(struct loop_timer *timer)
{
	struct http_connection *connection = container_of(timer, struct http_connection, timer);
	uint64_t now = now_ns(connection), out_due = pace_due(connection, &connection->out_pace);

	if (out_due && out_due <= now && client_takes_bytes(connection))
		pace_renew(connection, &connection->out_pace);
	if (connection->due_ns && connection->due_ns <= now && is_worth_lingering(connection))
		deadline_set(connection, SERVER_LINGER_MS);
	if (connection_due(connection) && connection_due(connection) <= now) {
		connection_fail(connection, FAILURE_TIMEOUT);
		connection_advance(connection);
	} else {
		deadline_update(connection);
	}
}
