/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A connection's timer stays armed while it serves request after request: a
 * deadline only moves on, which costs nothing (loop_timer_extend()). Who is idle
 * when it expires has been so for idle_ms, or else waits for the rest.
 */
#include "http/upstream_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"

/* Servers that close idle connections wait longer than that. */
#define UNREPEATABLE_IDLE_NS (1 * NS_PER_SEC)

/* --- the list of idle ones --------------------------------------------------------------- */

static void list_push(struct upstream_server *server, struct upstream_connection *connection)
{
	connection->idle = true;
	connection->newer = NULL;
	connection->older = server->newest;
	if (server->newest)
		server->newest->newer = connection;
	else
		server->oldest = connection;
	server->newest = connection;
	server->idle_count++;
}

static void list_remove(struct upstream_connection *connection)
{
	struct upstream_server *server = connection->server;

	if (connection->newer)
		connection->newer->older = connection->older;
	else
		server->newest = connection->older;
	if (connection->older)
		connection->older->newer = connection->newer;
	else
		server->oldest = connection->newer;
	connection->idle = false;
	server->idle_count--;
}

/* --- life ------------------------------------------------------------------------------ */

static struct loop *loop_of(const struct upstream_connection *connection)
{
	return connection->server->upstream->loop;
}

void upstream_close(struct upstream_connection *connection)
{
	if (connection->idle)
		list_remove(connection);
	loop_timer_disarm(loop_of(connection), &connection->timer);
	stream_close(&connection->stream);
	buffer_put(connection->server->upstream->buffers, &connection->in);
	free(connection);
}

static void on_event(struct stream *stream, unsigned events)
{
	struct upstream_connection *connection =
		container_of(stream, struct upstream_connection, stream);

	if (connection->idle)
		upstream_close(connection);
	else
		connection->event(connection, events);
}

static void on_expired(struct loop_timer *timer)
{
	struct upstream_connection *connection =
		container_of(timer, struct upstream_connection, timer);

	if (connection->idle)
		upstream_close(connection);
	else
		connection->expired(connection);
}

void upstream_deadline(struct upstream_connection *connection, unsigned ms)
{
	/* Cannot fail: the timer is armed, or has just expired and left its place in the heap. */
	if (loop_timer_extend(loop_of(connection), &connection->timer, ms * NS_PER_MS))
		log_error("upstream", "event=timer-lost server=%s",
			  connection->server->settings->name);
}

int upstream_open(struct upstream_server *server, struct upstream_connection **out)
{
	struct upstream *upstream = server->upstream;
	struct upstream_connection *connection = calloc(1, sizeof(*connection));
	int err;

	if (!connection)
		return -ENOMEM;
	connection->server = server;
	connection->timer.expired = on_expired;
	err = loop_timer_arm(upstream->loop, &connection->timer,
			     upstream->settings->connect_ms * NS_PER_MS);
	if (err)
		goto out;
	err = stream_connect(&connection->stream, upstream->loop,
			     (const struct sockaddr *)&server->address, server->address_length,
			     NULL, on_event);
	if (err)
		goto out;
	*out = connection;
	return 0;
out:
	loop_timer_disarm(upstream->loop, &connection->timer);
	free(connection);
	return err;
}

bool upstream_error_is_remote(int err)
{
	switch (-err) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
		return false;
	default:
		return true;
	}
}

/* --- idle connections ------------------------------------------------------------------- */

static bool is_certain(const struct upstream_connection *connection)
{
	uint64_t idle_ns = loop_of(connection)->now_ns - connection->idle_since_ns;
	char byte;

	return idle_ns < UNREPEATABLE_IDLE_NS &&
	       recv(connection->stream.watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

struct upstream_connection *upstream_take(struct upstream_server *server, bool repeatable)
{
	struct upstream_connection *connection = server->newest;

	if (!connection || (!repeatable && !is_certain(connection)))
		return NULL;
	list_remove(connection);
	connection->reused = true;
	return connection;
}

/* Neither its end nor bytes are known to be there; costs a system call only if they are. */
static bool is_quiet(struct upstream_connection *connection)
{
	char byte;

	return !connection->in.base && stream_read(&connection->stream, &byte, 1) == -EAGAIN;
}

void upstream_give_back(struct upstream_connection *connection)
{
	struct upstream_server *server = connection->server;
	const struct upstream_settings *settings = server->upstream->settings;

	buffer_put_if_empty(server->upstream->buffers, &connection->in);
	if (!is_quiet(connection) || server->upstream->draining || !settings->idle_count) {
		upstream_close(connection);
		return;
	}
	if (server->idle_count >= settings->idle_count)
		upstream_close(server->oldest);
	connection->owner = NULL;
	connection->idle_since_ns = server->upstream->loop->now_ns;
	stream_want(&connection->stream, STREAM_READABLE);
	upstream_deadline(connection, settings->idle_ms);
	list_push(server, connection);
}
