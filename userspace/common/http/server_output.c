/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What goes to the client. Heads and small pieces gather in a buffer and leave
 * together when the handler returns, with the payload that follows them if it
 * is large, which is then written from where it lies. Nothing that the socket
 * did not take is kept, but for what is in that buffer.
 */
#include <errno.h>
#include <string.h>

#include "http/server_private.h"

#define COPY_MAX     4096 /* copying that much is cheaper than a system call */
#define FRAMING_ROOM 32	  /* kept free for the end of a chunk and the last chunk */

bool output_reserve(struct http_connection *connection, size_t length)
{
	if (!buffer_get(connection->server->buffers, &connection->out) &&
	    buffer_space(&connection->out) >= length)
		return true;
	connection_fail(connection, FAILURE_CUT);
	return false;
}

void output_append(struct http_connection *connection, struct http_slice bytes)
{
	if (output_reserve(connection, bytes.len))
		buffer_append(&connection->out, bytes.at, bytes.len);
}

/* --- sending ---------------------------------------------------------------------------- */

/* What the socket has answered: true if it took something. */
static bool sent(struct http_connection *connection, ssize_t n)
{
	struct http_exchange *exchange = connection->exchange;

	if (n > 0) {
		connection->server->counters->bytes_out += (uint64_t)n;
		pace_moved(connection, &connection->out_pace, (size_t)n);
		if (exchange && exchange->upgraded)
			deadline_set(connection, connection->server->settings->tunnel_ms);
		return true;
	}
	if (n == -EAGAIN)
		connection->blocked = true;
	else
		connection_fail(connection, n ? FAILURE_GONE : FAILURE_CUT);
	return false;
}

static bool flush_buffer(struct http_connection *connection)
{
	struct buffer *out = &connection->out;
	while (out->base && buffer_length(out)) {
		ssize_t n = stream_write(&connection->stream, buffer_data(out), buffer_length(out));

		if (!sent(connection, n))
			return false;
		buffer_consume(out, (size_t)n);
	}
	if (!connection->exchange || !connection->exchange->writer.start)
		buffer_put_if_empty(connection->server->buffers, out);
	return true;
}

static bool flush_file(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->exchange;
	size_t budget = SERVER_SEND_BUDGET;

	while (exchange->file_left) {
		size_t length = exchange->file_left < budget ? (size_t)exchange->file_left : budget;
		ssize_t n;

		if (!budget) {
			/* Others have their turn; the socket will say at once that it can go on. */
			connection->blocked = true;
			return false;
		}
		n = stream_sendfile(&connection->stream, exchange->file, &exchange->file_offset,
				    length);
		if (!sent(connection, n))
			return false;
		exchange->file_left -= (uint64_t)n;
		exchange->body_out += (uint64_t)n;
		budget -= (size_t)n;
	}
	return true;
}

bool output_flush(struct http_connection *connection)
{
	if (connection->failure || connection->blocked || !flush_buffer(connection) ||
	    (connection->exchange && !flush_file(connection)))
		return false;
	connection->blocked = stream_has_unsent(&connection->stream);
	return !connection->blocked;
}

/* --- payload ---------------------------------------------------------------------------- */

/* Buffer, payload and the chunk's end in one go; returns how much of the payload left. */
static size_t send_directly(struct http_connection *connection, const char *data, size_t length,
			    struct http_slice end)
{
	struct buffer *out = &connection->out;
	size_t pending = out->base ? buffer_length(out) : 0, n;
	struct iovec pieces[3];
	int count = 0;
	ssize_t result;

	if (pending)
		pieces[count++] = (struct iovec){buffer_data(out), pending};
	pieces[count++] = (struct iovec){(char *)data, length};
	if (end.len)
		pieces[count++] = (struct iovec){(char *)end.at, end.len};
	result = stream_writev(&connection->stream, pieces, count);
	if (!sent(connection, result))
		return 0;
	n = (size_t)result;
	if (pending) {
		buffer_consume(out, n < pending ? n : pending);
		buffer_put_if_empty(connection->server->buffers, out);
	}
	if (n <= pending)
		return 0;
	n -= pending;
	if (n <= length) {
		if (n == length)
			output_append(connection, end);
		return n;
	}
	end.at += n - length;
	end.len -= n - length;
	output_append(connection, end);
	return length;
}

/* Begins a chunk, unless one is still to be filled. */
static void begin_chunk(struct http_exchange *exchange, size_t length)
{
	char prefix[HTTP_CHUNK_PREFIX_MAX];
	struct http_slice slice = {.at = prefix};

	if (exchange->reply_left)
		return;
	slice.len = http_chunk_prefix(prefix, length);
	output_append(exchange->connection, slice);
	exchange->reply_left = length;
}

/* One piece, as much of it as may go at once. Returns how much was taken. */
static size_t send_piece(struct http_exchange *exchange, const char *data, size_t length)
{
	struct http_connection *connection = exchange->connection;
	bool chunked = exchange->reply_framing == HTTP_FRAMING_CHUNKED;
	struct http_slice end = {0};

	if (chunked)
		begin_chunk(exchange, length);
	if (length > exchange->reply_left)
		length = (size_t)exchange->reply_left;
	if (chunked && length == exchange->reply_left)
		end = HTTP_CHUNK_SUFFIX;
	if (connection->failure)
		return 0;
	if (length <= COPY_MAX) {
		if (!output_reserve(connection, length + end.len))
			return 0;
		buffer_append(&connection->out, data, length);
		output_append(connection, end);
	} else {
		length = send_directly(connection, data, length, end);
	}
	exchange->reply_left -= length;
	exchange->body_out += length;
	return length;
}

/* Small pieces gather until they would not fit. */
static bool room_for_piece(struct http_connection *connection)
{
	struct buffer *out = &connection->out;

	return !out->base || buffer_space(out) >= COPY_MAX + HTTP_CHUNK_PREFIX_MAX + FRAMING_ROOM ||
	       output_flush(connection);
}

static bool reply_takes_payload(const struct http_exchange *exchange)
{
	return exchange->reply_begun && !exchange->reply_complete && !exchange->connection->failure;
}

size_t http_reply_body(struct http_exchange *exchange, const void *data, size_t length)
{
	struct http_connection *connection = exchange->connection;
	size_t taken = 0;

	connection_touch(connection);
	if (exchange->reply_bodyless)
		return length;
	if (!reply_takes_payload(exchange) ||
	    (exchange->reply_framing == HTTP_FRAMING_LENGTH && length > exchange->reply_left)) {
		connection_fail(connection, FAILURE_CUT);
		return length;
	}
	while (taken < length && !exchange->file_left && !connection->blocked &&
	       !connection->failure && room_for_piece(connection))
		taken += send_piece(exchange, (const char *)data + taken, length - taken);
	exchange->output_wanted = taken < length;
	return taken;
}

void http_reply_file(struct http_exchange *exchange, int file, off_t offset, uint64_t length)
{
	struct http_connection *connection = exchange->connection;

	connection_touch(connection);
	if (exchange->reply_bodyless || !length)
		return;
	if (!reply_takes_payload(exchange) || exchange->file_left ||
	    exchange->reply_framing == HTTP_FRAMING_CHUNKED || length > exchange->reply_left) {
		connection_fail(connection, FAILURE_CUT);
		return;
	}
	exchange->reply_left -= length;
	exchange->file = file;
	exchange->file_offset = offset;
	exchange->file_left = length;
	exchange->output_wanted = true;
}

void http_reply_end(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;
	bool chunked = exchange->reply_framing == HTTP_FRAMING_CHUNKED;

	connection_touch(connection);
	if (!reply_takes_payload(exchange) ||
	    (!exchange->reply_bodyless && exchange->reply_framing != HTTP_FRAMING_CLOSE &&
	     exchange->reply_left)) {
		connection_fail(connection, FAILURE_CUT);
		return;
	}
	if (chunked && !exchange->reply_bodyless)
		output_append(connection, HTTP_LAST_CHUNK);
	exchange->reply_complete = true;
	exchange->output_wanted = false;
}

void http_reply_abort(struct http_exchange *exchange)
{
	connection_fail(exchange->connection, FAILURE_CUT);
	connection_touch(exchange->connection);
}
