/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Heads of replies. They are written behind what is already to be sent; what
 * the server adds itself (framing, Date, Connection) comes last, when it is known what
 * becomes of the connection.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/server_private.h"

void http_reply_start(struct http_exchange *exchange, unsigned status)
{
	struct http_connection *connection = exchange->connection;

	exchange->writer.start = NULL;
	if (exchange->reply_begun || connection->failure) {
		connection_fail(connection, FAILURE_CUT);
		connection_touch(connection);
		return;
	}
	if (!output_reserve(connection, HTTP_SERVER_HEAD_MAX)) {
		connection_touch(connection);
		return;
	}
	exchange->status = status;
	exchange->reply_fields = 0;
	http_writer_init(&exchange->writer, buffer_tail(&connection->out), HTTP_SERVER_HEAD_MAX);
	http_write_status_line(&exchange->writer, status);
}

/* --- fields ----------------------------------------------------------------------------- */

void http_reply_known(struct http_exchange *exchange, enum http_field field,
		      struct http_slice value)
{
	if (!exchange->writer.start)
		return;
	exchange->reply_fields |= 1ull << field;
	http_write_field(&exchange->writer, field, value);
}

void http_reply_field(struct http_exchange *exchange, const char *name, const char *value,
		      size_t length)
{
	struct http_slice slice = http_slice_of(name);

	if (!exchange->writer.start)
		return;
	exchange->reply_fields |= 1ull << http_field_find(slice);
	http_write_named(&exchange->writer, slice, (struct http_slice){value, length});
}

void http_reply_fieldf(struct http_exchange *exchange, const char *name, const char *format, ...)
{
	static char value[HTTP_SERVER_HEAD_MAX]; /* handlers may have small stacks */
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < sizeof(value))
		http_reply_field(exchange, name, value, (size_t)length);
	else if (exchange->writer.start)
		exchange->writer.error = -ENOBUFS;
}

void http_reply_forwarded(struct http_exchange *exchange, const struct http_head *head,
			  uint64_t without)
{
	if (!exchange->writer.start)
		return;
	exchange->reply_fields |= head->known & ~without;
	http_write_forwarded(&exchange->writer, head, without);
}

/* --- the end of a head ------------------------------------------------------------------ */

/* What is unread of the request's body is little, or is going to be read anyway. */
static bool request_can_be_skipped(const struct http_exchange *exchange)
{
	if (http_body_done(&exchange->body))
		return true;
	if (exchange->continue_awaited)
		return false;
	return exchange->request.framing == HTTP_FRAMING_CHUNKED ||
	       exchange->request.content_length - exchange->body.received <= SERVER_SKIP_MAX;
}

static bool may_keep_alive(const struct http_exchange *exchange)
{
	const struct http_connection *connection = exchange->connection;
	const struct http_server *server = exchange->server;

	return exchange->request.keep_alive && !server->draining && !connection->input_ended &&
	       connection->requests < server->settings->requests &&
	       request_can_be_skipped(exchange);
}

static bool is_bodyless(const struct http_exchange *exchange)
{
	return exchange->request.method == HTTP_METHOD_HEAD || exchange->status == 204 ||
	       exchange->status == 304;
}

static void settle_framing(struct http_exchange *exchange, int64_t length)
{
	exchange->reply_bodyless = is_bodyless(exchange);
	exchange->reply_left = 0;
	if (length >= 0) {
		exchange->reply_framing = HTTP_FRAMING_LENGTH;
		exchange->reply_left = (uint64_t)length;
	} else if (exchange->request.minor) {
		exchange->reply_framing = HTTP_FRAMING_CHUNKED;
	} else {
		exchange->reply_framing = HTTP_FRAMING_CLOSE;
		exchange->reply_left = UINT64_MAX;
	}
	exchange->keep_alive =
		may_keep_alive(exchange) &&
		(exchange->reply_framing != HTTP_FRAMING_CLOSE || exchange->reply_bodyless);
}

/* Date and Server, but for those that the handler has given. */
static void write_common(const struct http_server *server, struct http_writer *writer,
			 uint64_t given)
{
	if (!(given & HTTP_FIELD_BIT(DATE)))
		http_write_time(writer, HTTP_FIELD_DATE, time(NULL));
	if (server->server_field && !(given & HTTP_FIELD_BIT(SERVER)))
		http_write_text(writer, HTTP_FIELD_SERVER, server->server_field);
}

static void write_connection(struct http_exchange *exchange)
{
	if (!exchange->keep_alive)
		http_write_text(&exchange->writer, HTTP_FIELD_CONNECTION, "close");
	else if (!exchange->request.minor)
		http_write_text(&exchange->writer, HTTP_FIELD_CONNECTION, "keep-alive");
}

/* Takes the finished head into the buffer; false: it could not be made. */
static bool commit_head(struct http_exchange *exchange)
{
	struct buffer *out = &exchange->connection->out;
	ssize_t length = http_writer_end(&exchange->writer);
	char *start = exchange->writer.start;

	exchange->writer.start = NULL;
	if (length < 0)
		return false;
	/* What was in front of it may have left meanwhile. */
	if (start != buffer_tail(out))
		memmove(buffer_tail(out), start, (size_t)length);
	buffer_fill(out, (size_t)length);
	return true;
}

static void head_begun(struct http_exchange *exchange)
{
	exchange->reply_begun = true;
	count_response(exchange->server, exchange->status);
	connection_touch(exchange->connection);
}

/* In place of a head that cannot be written; what the handler gives as payload is dropped. */
static void reply_defect(struct http_exchange *exchange)
{
	http_reply_start(exchange, 500);
	if (!exchange->writer.start)
		return;
	exchange->keep_alive = false;
	exchange->reply_bodyless = true;
	exchange->reply_framing = HTTP_FRAMING_LENGTH;
	write_common(exchange->server, &exchange->writer, 0);
	http_write_framing(&exchange->writer, HTTP_FRAMING_LENGTH, 0);
	write_connection(exchange);
	if (commit_head(exchange))
		head_begun(exchange);
	else
		http_reply_abort(exchange);
}

void http_reply_head_end(struct http_exchange *exchange, int64_t length)
{
	struct http_writer *writer = &exchange->writer;

	if (!writer->start) {
		http_reply_abort(exchange);
		return;
	}
	settle_framing(exchange, length);
	write_common(exchange->server, writer, exchange->reply_fields);
	if (exchange->status != 204 && exchange->status != 304 &&
	    exchange->reply_framing != HTTP_FRAMING_CLOSE)
		http_write_framing(writer, exchange->reply_framing, exchange->reply_left);
	write_connection(exchange);
	if (commit_head(exchange))
		head_begun(exchange);
	else
		reply_defect(exchange);
}

void http_reply_upgrade(struct http_exchange *exchange)
{
	if (!exchange->writer.start) {
		http_reply_abort(exchange);
		return;
	}
	http_write_text(&exchange->writer, HTTP_FIELD_CONNECTION, "Upgrade");
	if (!commit_head(exchange)) {
		reply_defect(exchange);
		return;
	}
	exchange->upgraded = true;
	exchange->keep_alive = false;
	exchange->reply_framing = HTTP_FRAMING_CLOSE;
	exchange->reply_left = UINT64_MAX;
	deadline_set(exchange->connection, exchange->server->settings->tunnel_ms);
	head_begun(exchange);
}

/* RFC 9110, 15.2: no interim response to an HTTP/1.0 client. */
void http_reply_interim(struct http_exchange *exchange)
{
	if (!exchange->writer.start)
		return;
	if (!exchange->request.minor)
		exchange->writer.start = NULL;
	else if (commit_head(exchange))
		count_response(exchange->server, exchange->status);
	output_flush(exchange->connection); /* others may follow before the loop comes round */
	exchange->status = 0;
	connection_touch(exchange->connection);
}

void http_reply_whole(struct http_exchange *exchange, const char *type, const void *body,
		      size_t length)
{
	if (type)
		http_reply_known(exchange, HTTP_FIELD_CONTENT_TYPE, http_slice_of(type));
	http_reply_head_end(exchange, (int64_t)length);
	if (!exchange->reply_begun)
		return;
	if (!exchange->reply_bodyless && length) {
		output_append(exchange->connection, (struct http_slice){body, length});
		exchange->body_out += length;
		exchange->reply_left -= length;
	}
	http_reply_end(exchange);
}

/* --- the server's own ------------------------------------------------------------------- */

void reply_continue(struct http_exchange *exchange)
{
	exchange->continue_awaited = false;
	if (exchange->writer.start || exchange->reply_begun)
		return;
	output_append(exchange->connection, HTTP_SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
	count_response(exchange->server, 100);
}

void reply_refuse(struct http_connection *connection, unsigned status, const char *words)
{
	struct http_server *server = connection->server;
	struct http_exchange *exchange = connection->exchange;
	struct http_writer writer;
	char text[256];
	ssize_t head;
	int length = snprintf(text, sizeof(text), "%u %s: %s\n", status, http_status_reason(status),
			      words);

	count_response(server, status);
	if (!output_reserve(connection, HTTP_SERVER_HEAD_MAX))
		return;
	http_writer_init(&writer, buffer_tail(&connection->out), HTTP_SERVER_HEAD_MAX);
	http_write_status_line(&writer, status);
	write_common(server, &writer, 0);
	http_write_text(&writer, HTTP_FIELD_CONTENT_TYPE, "text/plain; charset=utf-8");
	http_write_framing(&writer, HTTP_FRAMING_LENGTH, (uint64_t)length);
	http_write_text(&writer, HTTP_FIELD_CONNECTION, "close");
	head = http_writer_end(&writer);
	if (head < 0) {
		connection_fail(connection, FAILURE_CUT);
		return;
	}
	buffer_fill(&connection->out, (size_t)head);
	if (!exchange || exchange->request.method != HTTP_METHOD_HEAD)
		output_append(connection, (struct http_slice){text, (size_t)length});
}
