/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a client sends: from the socket into the connection's one buffer, and
 * the request's body out of it. Reading stops when nobody takes what is there.
 */
#include <errno.h>
#include <string.h>

#include "http/server_private.h"

#define ROOM_MIN 4096 /* less than that at the end: what is there is moved to the front */

static void make_room(struct http_connection *connection)
{
	struct buffer *in = &connection->in;
	size_t length = buffer_length(in);

	if (buffer_space(in) >= ROOM_MIN || in->start == connection->head_end)
		return;
	memmove(in->base + connection->head_end, buffer_data(in), length);
	in->start = connection->head_end;
	in->end = in->start + (uint32_t)length;
}

bool input_has_room(const struct http_connection *connection)
{
	const struct buffer *in = &connection->in;

	return !in->base || buffer_length(in) < BUFFER_SIZE - connection->head_end;
}

void input_read(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct buffer *in = &connection->in;
	ssize_t n;

	if (buffer_get(server->buffers, in)) {
		connection_fail(connection, FAILURE_GONE);
		return;
	}
	make_room(connection);
	if (!buffer_space(in))
		return;
	n = stream_read(&connection->stream, buffer_tail(in), buffer_space(in));
	if (n > 0) {
		buffer_fill(in, (size_t)n);
		server->counters->bytes_in += (uint64_t)n;
		pace_moved(connection, &connection->in_pace, (size_t)n);
		if (connection->exchange && connection->exchange->upgraded)
			deadline_set(connection, server->settings->tunnel_ms);
	} else if (!n) {
		connection->input_ended = true;
	} else if (n != -EAGAIN) {
		connection_fail(connection, FAILURE_GONE);
	}
}

void input_consume(struct http_connection *connection, size_t length)
{
	struct buffer *in = &connection->in;

	in->start += (uint32_t)length;
	if (in->start == in->end)
		in->start = in->end = connection->head_end;
}

void input_release(struct http_connection *connection)
{
	connection->head_end = 0;
	if (connection->in.base)
		input_consume(connection, 0);
	buffer_put_if_empty(connection->server->buffers, &connection->in);
}

/* --- the request's body ----------------------------------------------------------------- */

/* Payload at the front of the buffer, once framing is out of the way. */
static size_t payload(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;
	size_t have = input_length(connection);
	ssize_t skip;

	if (exchange->upgraded || !have)
		return have;
	if (http_body_done(&exchange->body))
		return 0;
	skip = http_body_skip(&exchange->body, buffer_data(&connection->in), have);
	if (skip < 0) {
		connection_fail(connection, FAILURE_MALFORMED);
		return 0;
	}
	input_consume(connection, (size_t)skip);
	have = http_body_content(&exchange->body, have - (size_t)skip);
	if (exchange->body.received + have > connection->server->settings->body_bytes) {
		connection_fail(connection, FAILURE_TOO_LARGE);
		return 0;
	}
	return have;
}

static bool is_complete(const struct http_exchange *exchange)
{
	const struct http_connection *connection = exchange->connection;

	if (exchange->upgraded)
		return connection->input_ended && !input_length(connection);
	return http_body_done(&exchange->body);
}

size_t http_request_body(struct http_exchange *exchange, const char **data, bool *complete)
{
	struct http_connection *connection = exchange->connection;
	size_t have;

	*complete = false;
	*data = NULL;
	if (connection->failure)
		return 0;
	if (exchange->continue_awaited)
		reply_continue(exchange);
	have = payload(exchange);
	if (have) {
		*data = buffer_data(&connection->in);
		return have;
	}
	*complete = is_complete(exchange);
	exchange->body_wanted = !*complete;
	connection_touch(connection);
	return 0;
}

void http_request_body_consume(struct http_exchange *exchange, size_t length)
{
	if (!length)
		return;
	exchange->body_in += length;
	if (!exchange->upgraded)
		http_body_take(&exchange->body, length);
	input_consume(exchange->connection, length);
	connection_touch(exchange->connection);
}

bool input_is_ready(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;

	if (payload(exchange) || is_complete(exchange))
		return true;
	if (connection->input_ended && !connection->failure)
		connection_fail(connection, FAILURE_GONE);
	return false;
}

bool input_skip(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->exchange;
	size_t n;

	while ((n = payload(exchange))) {
		http_body_take(&exchange->body, n);
		input_consume(connection, n);
		connection->skipped += (unsigned)n;
	}
	return is_complete(exchange);
}
