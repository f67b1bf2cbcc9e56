/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An exchange's way from try to try. A try is one server; within it a kept
 * connection that is found closed is replaced by a fresh one.
 *
 * Who is waited for has the deadline: the server's runs only while it is the
 * server that does not move; a slow client is the HTTP server's business.
 */
#include "http/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "http/proxy_private.h"

#define SPARE_MAX 64

static struct upstream *upstream_of(const struct proxy *proxy)
{
	return proxy->rules->upstream;
}

/* --- memory --------------------------------------------------------------------------- */

static struct proxy *proxy_get(struct upstream *upstream)
{
	struct proxy *proxy = upstream->spare;

	if (!proxy)
		return malloc(sizeof(*proxy));
	upstream->spare = proxy->next;
	upstream->spare_count--;
	return proxy;
}

static void proxy_put(struct upstream *upstream, struct proxy *proxy)
{
	if (upstream->spare_count >= SPARE_MAX) {
		free(proxy);
		return;
	}
	proxy->next = upstream->spare;
	upstream->spare = proxy;
	upstream->spare_count++;
}

/* --- the end -------------------------------------------------------------------------- */

static void answer(struct http_exchange *exchange, const struct proxy_rules *rules,
		   enum proxy_failure why, unsigned status)
{
	const char *reason = http_status_reason(status);

	if (rules->failed) {
		rules->failed(exchange, why, status);
		return;
	}
	http_reply_start(exchange, status);
	http_reply_whole(exchange, "text/plain", reason, strlen(reason));
}

/* The server is rid of the exchange. */
static void let_go(struct proxy *proxy, bool keep)
{
	if (proxy->stage != PROXY_STAGE_DONE)
		proxy->server->busy--;
	proxy->stage = PROXY_STAGE_DONE;
	buffer_put(upstream_of(proxy)->buffers, &proxy->out);
	if (!proxy->connection)
		return;
	if (keep)
		upstream_give_back(proxy->connection);
	else
		upstream_close(proxy->connection);
	proxy->connection = NULL;
}

void proxy_fail(struct proxy *proxy, enum proxy_failure why, unsigned status)
{
	let_go(proxy, false);
	if (proxy->exchange->reply_begun)
		http_reply_abort(proxy->exchange);
	else
		answer(proxy->exchange, proxy->rules, why, status);
}

void proxy_complete(struct proxy *proxy)
{
	let_go(proxy, proxy->upload == PROXY_UPLOAD_COMPLETE && proxy->response.keep_alive);
	http_reply_end(proxy->exchange);
}

/* --- one try, and another ------------------------------------------------------------- */

static void connect_to(struct proxy *proxy);

static void begin_try(struct proxy *proxy, struct upstream_server *server)
{
	proxy->server = server;
	proxy->tries++;
	server->busy++;
	server->counters->requests++;
	connect_to(proxy);
}

/* NULL: there is none, or it would not be the first time. */
static struct upstream_server *another_server(const struct proxy *proxy)
{
	return proxy->retried ? NULL : upstream_choose(upstream_of(proxy), proxy->server);
}

static void move_on(struct proxy *proxy, struct upstream_server *next)
{
	let_go(proxy, false);
	proxy->retried = true;
	proxy->fresh = true;
	next->counters->retried++;
	begin_try(proxy, next);
}

static void try_another(struct proxy *proxy, enum proxy_failure why, unsigned status)
{
	struct upstream_server *next = another_server(proxy);

	if (next)
		move_on(proxy, next);
	else
		proxy_fail(proxy, why, status);
}

static bool may_send_again(const struct proxy *proxy)
{
	if (proxy->let_go || proxy->exchange->reply_begun)
		return false;
	return !proxy->sent || http_method_is_idempotent(proxy->exchange->request.method);
}

void proxy_lost(struct proxy *proxy)
{
	bool stale = proxy->connection->reused && !proxy->received;

	if (stale)
		proxy_counters(proxy)->stale++;
	else
		proxy_counters(proxy)->broken++;
	if (!may_send_again(proxy)) {
		proxy_fail(proxy, PROXY_BROKEN, 502);
	} else if (stale) {
		let_go(proxy, false);
		proxy->fresh = true;
		proxy->server->busy++;
		connect_to(proxy);
	} else {
		try_another(proxy, PROXY_BROKEN, 502);
	}
}

bool proxy_declined(struct proxy *proxy)
{
	struct upstream_server *next = NULL;

	if (upstream_of(proxy)->settings->retry_unavailable && may_send_again(proxy))
		next = another_server(proxy);
	/* An answer that is there is worth more than one that is not to be expected. */
	if (!next || !upstream_is_well(next))
		return false;
	move_on(proxy, next);
	return true;
}

static void connect_failed(struct proxy *proxy, int err)
{
	proxy_counters(proxy)->connect_failed++;
	if (upstream_error_is_remote(err))
		upstream_suspect(proxy->server);
	try_another(proxy, PROXY_NO_SERVER, 503);
}

/* --- the connection ------------------------------------------------------------------- */

void proxy_update(struct proxy *proxy)
{
	unsigned wanted = 0;

	if (!proxy->connection)
		return;
	if (!proxy->client_blocked && !proxy->tunnel_ended)
		wanted |= STREAM_READABLE;
	if (proxy->write_blocked)
		wanted |= STREAM_WRITABLE;
	stream_want(&proxy->connection->stream, wanted);
}

void proxy_extend(struct proxy *proxy)
{
	upstream_deadline(proxy->connection, upstream_of(proxy)->settings->response_ms);
}

static void on_connected(struct proxy *proxy)
{
	uint64_t now_ns = upstream_of(proxy)->loop->now_ns;

	proxy->connect_ns = now_ns - proxy->began_ns;
	proxy->stage = PROXY_STAGE_HEAD;
	proxy_send(proxy);
}

static void on_event(struct upstream_connection *connection, unsigned events)
{
	struct proxy *proxy = connection->owner;

	if (events & STREAM_FAILED && proxy->stage == PROXY_STAGE_CONNECTING) {
		connect_failed(proxy, connection->stream.error);
		return;
	}
	if (events & STREAM_CONNECTED) {
		on_connected(proxy);
		return;
	}
	if (events & STREAM_WRITABLE) {
		proxy->write_blocked = false;
		proxy_push(proxy);
	}
	/* A failure too is met by reading: what has come before it is worth having. */
	if (events & (STREAM_READABLE | STREAM_FAILED) && proxy->connection == connection)
		proxy_receive(proxy);
}

/* Its host is gone, or the way to it: TCP would go on for minutes. */
static bool is_unacknowledged(const struct upstream_connection *connection)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	return !getsockopt(connection->stream.watch.fd, IPPROTO_TCP, TCP_INFO, &info, &length) &&
	       info.tcpi_unacked;
}

/* It is the client who does not send. */
static bool waits_for_upload(const struct proxy *proxy)
{
	return proxy->upload == PROXY_UPLOAD_RUNNING && !proxy->write_blocked;
}

static void timed_out(struct proxy *proxy)
{
	proxy_counters(proxy)->timeouts++;
	proxy_fail(proxy, PROXY_TIMEOUT, 504);
}

/* No head of a response has come. */
static void head_expired(struct proxy *proxy)
{
	const struct upstream_settings *settings = upstream_of(proxy)->settings;

	if (waits_for_upload(proxy)) {
		proxy_extend(proxy);
	} else if (!proxy->unacknowledged || settings->response_ms <= settings->connect_ms) {
		timed_out(proxy);
	} else if (is_unacknowledged(proxy->connection)) {
		upstream_suspect(proxy->server);
		proxy->connection->reused = false;
		proxy_lost(proxy);
	} else {
		proxy->unacknowledged = false;
		upstream_deadline(proxy->connection, settings->response_ms - settings->connect_ms);
	}
}

static void on_expired(struct upstream_connection *connection)
{
	struct proxy *proxy = connection->owner;

	switch (proxy->stage) {
	case PROXY_STAGE_CONNECTING:
		connect_failed(proxy, -ETIMEDOUT);
		break;
	case PROXY_STAGE_HEAD:
		head_expired(proxy);
		break;
	case PROXY_STAGE_BODY:
		if (proxy->client_blocked || waits_for_upload(proxy))
			proxy_extend(proxy);
		else
			timed_out(proxy);
		break;
	case PROXY_STAGE_TUNNEL: /* idle tunnels are ended from the client's side */
	case PROXY_STAGE_DONE:
		proxy_extend(proxy);
		break;
	}
}

static void own(struct proxy *proxy, struct upstream_connection *connection)
{
	proxy->connection = connection;
	connection->owner = proxy;
	connection->event = on_event;
	connection->expired = on_expired;
}

static bool is_repeatable(const struct http_head *request)
{
	return http_method_is_idempotent(request->method) && request->framing == HTTP_FRAMING_NONE;
}

static void connect_to(struct proxy *proxy)
{
	struct upstream_connection *connection = NULL;
	int err;

	if (!proxy->fresh)
		connection = upstream_take(proxy->server, is_repeatable(&proxy->exchange->request));
	proxy->began_ns = upstream_of(proxy)->loop->now_ns;
	proxy->connect_ns = 0;
	proxy->sent = proxy->received = proxy->unacknowledged = false;
	proxy->interims = 0;
	proxy->stage = PROXY_STAGE_HEAD;
	if (connection) {
		proxy_counters(proxy)->reused++;
		own(proxy, connection);
		proxy_send(proxy);
		return;
	}
	proxy->stage = PROXY_STAGE_CONNECTING;
	err = upstream_open(proxy->server, &connection);
	if (err) {
		connect_failed(proxy, err);
		return;
	}
	proxy_counters(proxy)->connections++;
	own(proxy, connection);
}

/* --- what the handler calls ----------------------------------------------------------- */

void proxy_start(struct http_exchange *exchange, const struct proxy_rules *rules)
{
	struct proxy *proxy = proxy_get(rules->upstream);
	struct upstream_server *server;

	if (!proxy) {
		answer(exchange, rules, PROXY_NO_SERVER, 503);
		return;
	}
	memset(proxy, 0, offsetof(struct proxy, response));
	proxy->exchange = exchange;
	proxy->rules = rules;
	exchange->proxy = proxy;
	server = upstream_choose(rules->upstream, NULL);
	if (server)
		begin_try(proxy, server);
	else
		proxy_fail(proxy, PROXY_NO_SERVER, 503);
}

void proxy_body(struct http_exchange *exchange)
{
	struct proxy *proxy = exchange->proxy;

	if (proxy->connection && proxy->stage != PROXY_STAGE_CONNECTING && !proxy->write_blocked)
		proxy_push(proxy);
}

void proxy_drained(struct http_exchange *exchange)
{
	struct proxy *proxy = exchange->proxy;

	if (!proxy->client_blocked || !proxy->connection)
		return;
	proxy->client_blocked = false;
	proxy_extend(proxy);
	proxy_relay(proxy);
	/* The stream's failure may have been told while nobody read. */
	if (proxy->connection)
		proxy_receive(proxy);
}

void proxy_end(struct http_exchange *exchange, struct proxy_report *report)
{
	struct proxy *proxy = exchange->proxy;

	if (report)
		*report = (struct proxy_report){0};
	if (!proxy)
		return;
	let_go(proxy, false);
	if (report)
		*report = (struct proxy_report){
			.server = proxy->server ? proxy->server->settings->name : NULL,
			.tries = proxy->tries,
			.connect_ns = proxy->connect_ns,
			.response_ns = proxy->response_ns,
		};
	exchange->proxy = NULL;
	proxy_put(upstream_of(proxy), proxy);
}

void proxy_free_spare(struct upstream *upstream)
{
	struct proxy *proxy;

	while ((proxy = upstream->spare)) {
		upstream->spare = proxy->next;
		free(proxy);
	}
	upstream->spare_count = 0;
}
