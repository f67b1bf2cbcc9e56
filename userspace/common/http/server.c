/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Connections of the HTTP server from their first to their last moment, and the
 * server as a whole. Exchanges are kept and used again: a parsed head takes
 * some kilobytes, which an idle connection does not own.
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/server_private.h"

void http_server_settings_init(struct http_server_settings *settings)
{
	*settings = (struct http_server_settings){
		.head_ms = 10 * 1000,
		.idle_ms = 60 * 1000,
		.body_ms = 20 * 1000,
		.tunnel_ms = 60 * 60 * 1000,
		.rate = 500,
		.requests = 100000,
		.body_bytes = 1u << 30,
	};
}

void http_server_init(struct http_server *server, struct loop *loop, struct buffer_pool *buffers,
		      const struct http_server_settings *settings,
		      const struct http_handler *handler, struct http_server_counters *counters)
{
	*server = (struct http_server){
		.loop = loop,
		.buffers = buffers,
		.settings = settings,
		.handler = handler,
		.counters = counters,
	};
}

void http_server_drain(struct http_server *server)
{
	server->draining = true;
	for (struct http_connection *c = server->connections; c; c = c->next)
		if (connection_is_silent(c)) {
			deadline_set(c, SERVER_GRACE_MS);
			deadline_update(c);
		}
}

void http_server_fini(struct http_server *server)
{
	struct http_exchange *spare;

	while (server->connections) {
		connection_fail(server->connections, FAILURE_GONE);
		connection_advance(server->connections);
	}
	while ((spare = server->spare)) {
		server->spare = spare->next;
		free(spare);
	}
	server->spare_count = 0;
}

/* --- exchanges -------------------------------------------------------------------------- */

struct http_exchange *exchange_get(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct http_exchange *exchange = server->spare;

	if (exchange) {
		server->spare = exchange->next;
		server->spare_count--;
	} else {
		exchange = malloc(sizeof(*exchange));
		if (!exchange)
			return NULL;
	}
	/* The parser sees to the head, which is most of it. */
	memset(&exchange->peer, 0, sizeof(*exchange) - offsetof(struct http_exchange, peer));
	http_head_init(&exchange->request);
	exchange->server = server;
	exchange->connection = connection;
	exchange->peer = &connection->peer;
	exchange->listener = connection->listener;
	exchange->ssl = connection->stream.ssl;
	exchange->started_ns = server->loop->now_ns;
	connection->exchange = exchange;
	return exchange;
}

void exchange_put(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct http_exchange *exchange = connection->exchange;

	connection->exchange = NULL;
	if (!exchange)
		return;
	if (server->spare_count >= SERVER_SPARE_MAX) {
		free(exchange);
		return;
	}
	exchange->next = server->spare;
	server->spare = exchange;
	server->spare_count++;
}

/* --- connections ------------------------------------------------------------------------ */

static void connection_link(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	connection->next = server->connections;
	connection->link = &server->connections;
	if (connection->next)
		connection->next->link = &connection->next;
	server->connections = connection;
}

static void connection_unlink(struct http_connection *connection)
{
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
}

void connection_free(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	exchange_put(connection);
	stream_close(&connection->stream);
	loop_timer_disarm(server->loop, &connection->timer);
	loop_post_cancel(server->loop, &connection->task);
	buffer_put(server->buffers, &connection->in);
	buffer_put(server->buffers, &connection->out);
	connection_unlink(connection);
	free(connection);
	if (server->connection_closed)
		server->connection_closed(server);
}

static void reject(struct http_server *server, int fd, SSL *ssl)
{
	SSL_free(ssl);
	close(fd);
	if (server->connection_closed)
		server->connection_closed(server);
}

void http_server_accept(struct http_server *server, int fd, SSL *ssl,
			const struct process_listener *listener,
			const struct sockaddr_storage *peer)
{
	struct http_connection *connection = calloc(1, sizeof(*connection));

	server->counters->connections++;
	if (!connection) {
		reject(server, fd, ssl);
		return;
	}
	connection->server = server;
	connection->listener = listener;
	connection->peer = *peer;
	connection->timer.expired = deadline_expired;
	connection->task.run = connection_task;
	connection_link(connection);
	if (stream_open(&connection->stream, server->loop, fd, ssl, connection_event)) {
		connection_free(connection);
		return;
	}
	deadline_set(connection, server->settings->head_ms);
	deadline_update(connection);
}

const char *http_exchange_peer(const struct http_exchange *exchange, char buf[ADDR_TEXT_LEN])
{
	struct sluice_addr addr;

	if (!addr_from_sockaddr((const struct sockaddr *)exchange->peer, &addr))
		return addr_format(&addr, buf);
	memcpy(buf, "unix", sizeof("unix"));
	return buf;
}
