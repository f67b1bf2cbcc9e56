/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sending a request: its head, written anew, and the first bytes of its body
 * leave in one call; content goes from the client's buffer to the socket, with
 * the framing of chunks (RFC 9112, 7.1) around it.
 */
#include <errno.h>
#include <string.h>

#include "http/proxy_private.h"

/* What goes into `out` beside the head: the last chunk, or a chunk's begin and end. */
#define FRAMING_ROOM 64

#define FORWARDING_FIELDS                                                                          \
	(HTTP_FIELD_BIT(X_FORWARDED_FOR) | HTTP_FIELD_BIT(X_FORWARDED_PROTO) |                     \
	 HTTP_FIELD_BIT(X_FORWARDED_HOST) | HTTP_FIELD_BIT(X_FORWARDED_PORT) |                     \
	 HTTP_FIELD_BIT(X_REAL_IP) | HTTP_FIELD_BIT(FORWARDED) | HTTP_FIELD_BIT(X_SLUICE_TLS) |    \
	 HTTP_FIELD_BIT(X_SLUICE_WEB) | HTTP_FIELD_BIT(X_SLUICE_APP))

/* --- the head ------------------------------------------------------------------------- */

void proxy_withhold(struct http_head *head, const char *const *fields)
{
	for (; fields && *fields; fields += 2) {
		const struct http_header *header =
			http_head_find_name(head, http_slice_of(*fields));

		for (; header; header = http_head_next(head, header))
			head->headers[header - head->headers].hop = true;
	}
}

static void write_forwarding(struct http_writer *to, const struct http_exchange *exchange)
{
	const struct http_head *request = &exchange->request;
	char peer[ADDR_TEXT_LEN];

	http_write_text(to, HTTP_FIELD_X_FORWARDED_FOR, http_exchange_peer(exchange, peer));
	http_write_text(to, HTTP_FIELD_X_FORWARDED_PROTO, exchange->ssl ? "https" : "http");
	if (request->authority.len)
		http_write_field(to, HTTP_FIELD_X_FORWARDED_HOST, request->authority);
}

static void write_upgrade(struct http_writer *to)
{
	http_write_text(to, HTTP_FIELD_CONNECTION, "Upgrade");
	http_write_text(to, HTTP_FIELD_UPGRADE, "websocket");
}

static void write_named(struct http_writer *to, const char *const *fields)
{
	for (; fields && *fields; fields += 2)
		http_write_named(to, http_slice_of(fields[0]), http_slice_of(fields[1]));
}

static void write_framing(struct http_writer *to, const struct http_head *request)
{
	if (request->framing == HTTP_FRAMING_NONE && request->has_length)
		http_write_framing(to, HTTP_FRAMING_LENGTH, 0);
	else
		http_write_framing(to, request->framing, request->content_length);
}

static void write_head(struct http_writer *to, struct proxy *proxy)
{
	struct http_exchange *exchange = proxy->exchange;
	struct http_head *request = &exchange->request;
	const struct proxy_rules *rules = proxy->rules;
	bool first = rules->edge || !(request->known & HTTP_FIELD_BIT(X_FORWARDED_FOR));
	char address[ENDPOINT_TEXT_LEN];

	proxy_withhold(request, rules->request_fields);
	http_write_forwarded_line(to, request);
	if (!request->authority.len && !(request->known & HTTP_FIELD_BIT(HOST)))
		http_write_text(to, HTTP_FIELD_HOST,
				endpoint_format(&proxy->server->settings->at, address));
	http_write_forwarded(to, request, HTTP_FIELD_BIT(EXPECT) | (first ? FORWARDING_FIELDS : 0));
	write_framing(to, request);
	if (request->websocket)
		write_upgrade(to);
	if (first)
		write_forwarding(to, exchange);
	write_named(to, rules->request_fields);
	if (rules->add_fields)
		rules->add_fields(exchange, to);
}

void proxy_send(struct proxy *proxy)
{
	const struct upstream *upstream = proxy->rules->upstream;
	const struct http_head *request = &proxy->exchange->request;
	struct http_writer writer;
	ssize_t length;

	if (buffer_get(upstream->buffers, &proxy->out)) {
		proxy_fail(proxy, PROXY_NO_SERVER, 503);
		return;
	}
	http_writer_init(&writer, proxy->out.base, BUFFER_SIZE - FRAMING_ROOM);
	write_head(&writer, proxy);
	length = http_writer_end(&writer);
	if (length < 0) {
		proxy_fail(proxy, PROXY_REFUSED, 431);
		return;
	}
	buffer_fill(&proxy->out, (size_t)length);
	proxy->content_left = request->framing == HTTP_FRAMING_LENGTH ? request->content_length : 0;
	proxy->last_chunk = proxy->write_blocked = false;
	proxy->upload = PROXY_UPLOAD_RUNNING;
	proxy_push(proxy);
}

/* --- the body ------------------------------------------------------------------------- */

struct pieces {
	struct iovec at[3];
	int count;
	size_t framing, content,
		end; /* bytes: of `out`, of the client's buffer, of a chunk's end */
};

static void add_piece(struct pieces *pieces, const void *at, size_t length)
{
	if (length)
		pieces->at[pieces->count++] =
			(struct iovec){.iov_base = (void *)at, .iov_len = length};
}

static void begin_chunk(struct proxy *proxy, size_t length)
{
	char prefix[HTTP_CHUNK_PREFIX_MAX];

	proxy->content_left = length;
	buffer_append(&proxy->out, prefix, http_chunk_prefix(prefix, length));
}

static void end_chunks(struct proxy *proxy)
{
	proxy->last_chunk = true;
	buffer_append(&proxy->out, HTTP_LAST_CHUNK.at, HTTP_LAST_CHUNK.len);
}

/* Content at hand, framed; `out` may grow. False: it cannot go on for want of memory. */
static bool gather_content(struct proxy *proxy, struct pieces *pieces, const char **data)
{
	bool chunked = proxy->exchange->request.framing == HTTP_FRAMING_CHUNKED, complete;

	if (chunked ? proxy->last_chunk : !proxy->content_left)
		return true;
	pieces->content = http_request_body(proxy->exchange, data, &complete);
	if (!chunked || (!pieces->content && !complete))
		return true;
	if (buffer_get(proxy->rules->upstream->buffers, &proxy->out))
		return false;
	if (!pieces->content)
		end_chunks(proxy);
	else if (!proxy->content_left)
		begin_chunk(proxy, pieces->content);
	if (pieces->content > proxy->content_left)
		pieces->content = (size_t)proxy->content_left;
	if (pieces->content && pieces->content == proxy->content_left)
		pieces->end = HTTP_CHUNK_SUFFIX.len;
	return true;
}

static bool gather(struct proxy *proxy, struct pieces *pieces)
{
	const char *data = NULL;
	bool complete;

	*pieces = (struct pieces){0};
	if (proxy->stage == PROXY_STAGE_TUNNEL)
		pieces->content = http_request_body(proxy->exchange, &data, &complete);
	else if (!gather_content(proxy, pieces, &data))
		return false;
	if (proxy->out.base) {
		pieces->framing = buffer_length(&proxy->out);
		add_piece(pieces, buffer_data(&proxy->out), pieces->framing);
	}
	add_piece(pieces, data, pieces->content);
	add_piece(pieces, HTTP_CHUNK_SUFFIX.at, pieces->end);
	return true;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* `written` bytes of the pieces have left. */
static void account(struct proxy *proxy, const struct pieces *pieces, size_t written)
{
	size_t framing = smaller(written, pieces->framing);
	size_t content = smaller(written - framing, pieces->content);
	size_t end = written - framing - content;

	proxy->sent = true;
	if (framing)
		buffer_consume(&proxy->out, framing);
	if (content) {
		proxy->let_go = true;
		http_request_body_consume(proxy->exchange, content);
		if (proxy->stage != PROXY_STAGE_TUNNEL)
			proxy->content_left -= content;
	}
	if (content == pieces->content && end < pieces->end)
		buffer_append(&proxy->out, HTTP_CHUNK_SUFFIX.at + end, pieces->end - end);
	buffer_put_if_empty(proxy->rules->upstream->buffers, &proxy->out);
}

static bool is_complete(struct proxy *proxy)
{
	const char *data;
	bool complete;

	if (proxy->out.base)
		return false;
	if (proxy->stage == PROXY_STAGE_TUNNEL)
		return !http_request_body(proxy->exchange, &data, &complete) && complete;
	if (proxy->exchange->request.framing == HTTP_FRAMING_CHUNKED)
		return proxy->last_chunk;
	return !proxy->content_left;
}

static void upload_complete(struct proxy *proxy)
{
	proxy->upload = PROXY_UPLOAD_COMPLETE;
	if (proxy->stage == PROXY_STAGE_TUNNEL) {
		stream_finish(&proxy->connection->stream);
	} else if (proxy->stage == PROXY_STAGE_HEAD) {
		proxy->unacknowledged = true;
		upstream_deadline(proxy->connection, proxy->rules->upstream->settings->connect_ms);
	}
}

static void write_failed(struct proxy *proxy)
{
	proxy->upload = PROXY_UPLOAD_STOPPED;
	/* It may have answered before it closed. */
	if (proxy->tunnel_ended)
		proxy_fail(proxy, PROXY_BROKEN, 502);
	else
		proxy_receive(proxy);
}

void proxy_push(struct proxy *proxy)
{
	struct pieces pieces;
	ssize_t written;

	while (proxy->upload == PROXY_UPLOAD_RUNNING && !proxy->write_blocked) {
		if (!gather(proxy, &pieces)) {
			proxy_fail(proxy, PROXY_NO_SERVER, 503);
			return;
		}
		if (!pieces.count) {
			if (is_complete(proxy))
				upload_complete(proxy);
			break;
		}
		written = stream_writev(&proxy->connection->stream, pieces.at, pieces.count);
		if (written == -EAGAIN) {
			proxy->write_blocked = true;
		} else if (written < 0) {
			write_failed(proxy);
			return;
		} else {
			account(proxy, &pieces, (size_t)written);
			proxy_extend(proxy);
			if (is_complete(proxy))
				upload_complete(proxy);
		}
	}
	proxy_update(proxy);
}
