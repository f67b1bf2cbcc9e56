/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Passing a response on: its head is parsed and given to the HTTP server field
 * by field, its content from the buffer that it was read into. A response that
 * ends early cuts the client's connection, so that nobody takes it for whole.
 */
#include <errno.h>

#include <string.h>

#include "http/proxy_private.h"

#define INTERIMS_MAX 16 /* before a response */
#define READS_MAX    4	/* of a full buffer each, before others have their turn */

/* With room for the fields that are set here, and for the server's own. */
#define RESPONSE_HEAD_MAX (HTTP_SERVER_HEAD_MAX - 2048)

static void malformed(struct proxy *proxy)
{
	proxy_counters(proxy)->malformed++;
	proxy_fail(proxy, PROXY_MALFORMED, 502);
}

/* --- the head ------------------------------------------------------------------------- */

/* What GET would have, even if there is no content now. */
static int64_t announced_length(const struct proxy *proxy)
{
	const struct http_head *response = &proxy->response;

	if (response->has_length)
		return (int64_t)response->content_length;
	if (response->framing != HTTP_FRAMING_NONE || response->status == 304 ||
	    proxy->exchange->request.method == HTTP_METHOD_HEAD)
		return HTTP_LENGTH_UNKNOWN;
	return 0;
}

static void start_reply(struct proxy *proxy)
{
	struct http_exchange *exchange = proxy->exchange;
	const char *const *fields = proxy->rules->response_fields;

	proxy_withhold(&proxy->response, fields);
	http_reply_start(exchange, proxy->response.status);
	http_reply_forwarded(exchange, &proxy->response, 0);
	for (; fields && *fields; fields += 2)
		if (fields[1])
			http_reply_field(exchange, fields[0], fields[1], strlen(fields[1]));
	if (proxy->rules->add_reply_fields)
		proxy->rules->add_reply_fields(exchange);
}

static void pass_interim(struct proxy *proxy)
{
	struct http_exchange *exchange = proxy->exchange;

	proxy->interims++;
	if (proxy->response.status != 100 && exchange->request.minor) {
		http_reply_start(exchange, proxy->response.status);
		http_reply_forwarded(exchange, &proxy->response, 0);
		http_reply_interim(exchange);
	}
	http_head_init(&proxy->response);
}

static void begin_tunnel(struct proxy *proxy)
{
	start_reply(proxy);
	http_reply_known(proxy->exchange, HTTP_FIELD_UPGRADE, HTTP_SLICE("websocket"));
	http_reply_upgrade(proxy->exchange);
	proxy->stage = PROXY_STAGE_TUNNEL;
	proxy->upload = PROXY_UPLOAD_RUNNING;
}

/* An upload that was refused, or will not be answered any more, is not worth sending. */
static bool ends_upload(const struct proxy *proxy)
{
	return proxy->upload == PROXY_UPLOAD_RUNNING &&
	       (proxy->response.status >= 300 || !proxy->response.keep_alive);
}

static void begin_body(struct proxy *proxy)
{
	struct upstream_counters *counters = proxy_counters(proxy);

	proxy->response_ns = proxy->rules->upstream->loop->now_ns - proxy->began_ns;
	counters->responses++;
	counters->response_ns += proxy->response_ns;
	if (proxy->response.status == 101) {
		begin_tunnel(proxy);
		return;
	}
	if (ends_upload(proxy)) {
		proxy->upload = PROXY_UPLOAD_STOPPED;
		proxy->write_blocked = false;
	}
	http_body_init(&proxy->body, &proxy->response);
	proxy->stage = PROXY_STAGE_BODY;
	start_reply(proxy);
	http_reply_head_end(proxy->exchange, announced_length(proxy));
}

static bool is_interim(const struct http_head *response)
{
	return response->status < 200 && response->status != 101;
}

/* 101 that nobody asked for would make bytes of a body those of a tunnel. */
static bool is_expected(const struct proxy *proxy)
{
	const struct http_head *response = &proxy->response;

	if (is_interim(response))
		return proxy->interims < INTERIMS_MAX;
	return response->status != 101 ||
	       (response->websocket && proxy->exchange->request.websocket);
}

/* Heads of interim responses and of the final one. */
static void parse_heads(struct proxy *proxy)
{
	struct buffer *in = &proxy->connection->in;

	while (proxy->stage == PROXY_STAGE_HEAD && buffer_length(in)) {
		ssize_t length =
			http_parse_response(&proxy->response, buffer_data(in), buffer_length(in),
					    RESPONSE_HEAD_MAX, proxy->exchange->request.method);

		if (length == -EAGAIN)
			return;
		if (length < 0 || !is_expected(proxy)) {
			malformed(proxy);
			return;
		}
		if (proxy->response.status == 503 && proxy_declined(proxy))
			return;
		if (is_interim(&proxy->response))
			pass_interim(proxy);
		else
			begin_body(proxy);
		buffer_consume(in, (size_t)length);
	}
}

/* --- the body ------------------------------------------------------------------------- */

/* The client did not take all: until it has drained, nothing more is read. */
static void relay_raw(struct proxy *proxy)
{
	struct buffer *in = &proxy->connection->in;
	size_t length = buffer_length(in), taken;

	if (!length)
		return;
	taken = http_reply_body(proxy->exchange, buffer_data(in), length);
	buffer_consume(in, taken);
	proxy->client_blocked = taken < length;
}

static void relay_body(struct proxy *proxy)
{
	struct buffer *in = &proxy->connection->in;

	while (!http_body_done(&proxy->body) && buffer_length(in) && !proxy->client_blocked) {
		ssize_t skip = http_body_skip(&proxy->body, buffer_data(in), buffer_length(in));
		size_t content, taken;

		if (skip < 0) {
			malformed(proxy);
			return;
		}
		buffer_consume(in, (size_t)skip);
		content = http_body_content(&proxy->body, buffer_length(in));
		if (!content)
			continue;
		taken = http_reply_body(proxy->exchange, buffer_data(in), content);
		http_body_take(&proxy->body, taken);
		buffer_consume(in, taken);
		proxy->client_blocked = taken < content;
	}
	if (http_body_done(&proxy->body))
		proxy_complete(proxy);
}

void proxy_relay(struct proxy *proxy)
{
	struct upstream_connection *connection = proxy->connection;

	if (proxy->stage == PROXY_STAGE_TUNNEL && connection->in.base)
		relay_raw(proxy);
	else if (proxy->stage == PROXY_STAGE_BODY)
		relay_body(proxy);
	if (proxy->connection == connection)
		buffer_put_if_empty(proxy->rules->upstream->buffers, &connection->in);
}

/* --- reading -------------------------------------------------------------------------- */

/* The server has closed, or the connection is gone (`err`). */
static void ended(struct proxy *proxy, int err)
{
	buffer_put_if_empty(proxy->rules->upstream->buffers, &proxy->connection->in);
	if (proxy->stage == PROXY_STAGE_HEAD) {
		proxy_lost(proxy);
	} else if (proxy->stage == PROXY_STAGE_TUNNEL && !err &&
		   proxy->upload != PROXY_UPLOAD_STOPPED) {
		proxy->tunnel_ended = true;
		http_reply_end(proxy->exchange);
	} else if (proxy->stage == PROXY_STAGE_BODY && !err && !http_body_end(&proxy->body)) {
		proxy_complete(proxy);
	} else {
		proxy_counters(proxy)->broken++;
		proxy_fail(proxy, PROXY_BROKEN, 502);
	}
}

/* How many bytes came; 0: none, or whatever has happened has been dealt with. */
static size_t read_once(struct proxy *proxy)
{
	struct upstream_connection *connection = proxy->connection;
	struct buffer *in = &connection->in;
	ssize_t length;

	if (buffer_get(proxy->rules->upstream->buffers, in)) {
		proxy_fail(proxy, PROXY_NO_SERVER, 503);
		return 0;
	}
	if (!buffer_space(in))
		buffer_compact(in);
	length = stream_read(&connection->stream, buffer_tail(in), buffer_space(in));
	if (length == -EAGAIN) {
		buffer_put_if_empty(proxy->rules->upstream->buffers, in);
		return 0;
	}
	if (length <= 0) {
		ended(proxy, (int)length);
		return 0;
	}
	buffer_fill(in, (size_t)length);
	return (size_t)length;
}

/* What was read is used. False: that was the last of this connection. */
static bool use(struct proxy *proxy, struct upstream_connection *connection)
{
	bool was_head = proxy->stage == PROXY_STAGE_HEAD;

	if (!proxy->received)
		http_head_init(&proxy->response);
	proxy->received = true;
	if (was_head)
		parse_heads(proxy);
	/* A further try's connection may have been given the memory of this one. */
	if (proxy->connection != connection || proxy->stage == PROXY_STAGE_CONNECTING)
		return false;
	if (proxy->stage == PROXY_STAGE_HEAD)
		return true;
	proxy_extend(proxy);
	proxy_relay(proxy);
	if (was_head && proxy->stage == PROXY_STAGE_TUNNEL)
		proxy_push(proxy);
	return proxy->connection == connection;
}

void proxy_receive(struct proxy *proxy)
{
	struct upstream_connection *connection = proxy->connection;

	for (int i = 0; i < READS_MAX && !proxy->client_blocked && !proxy->tunnel_ended; i++) {
		bool full;

		if (!read_once(proxy))
			break;
		full = !buffer_space(&connection->in);
		if (!use(proxy, connection))
			return;
		if (!full)
			break;
	}
	if (proxy->connection == connection)
		proxy_update(proxy);
}
