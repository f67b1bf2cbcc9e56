/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The monitor: GET /metrics and GET /healthz over HTTP, and whatever the daemon
 * does in monitor_start(). It serves few clients, each scrape made anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "http/server.h"
#include "metrics.h"
#include "process_private.h"

#define CONNECTIONS_MAX 32
#define TEXT_TYPE	"text/plain; charset=utf-8"

static struct {
	struct process_child *child;
	struct buffer_pool buffers;
	struct http_server_settings settings;
	struct http_server_counters counters;
	struct http_server server;
} monitor;

/* A reply on its way. */
struct scrape {
	char *text;
	size_t length, sent;
};

static void push(struct http_exchange *exchange)
{
	struct scrape *scrape = exchange->data;

	scrape->sent += http_reply_body(exchange, scrape->text + scrape->sent,
					scrape->length - scrape->sent);
	if (scrape->sent == scrape->length)
		http_reply_end(exchange);
}

static void drop(struct http_exchange *exchange)
{
	struct scrape *scrape = exchange->data;

	if (!scrape)
		return;
	free(scrape->text);
	free(scrape);
	exchange->data = NULL;
}

static struct scrape *render(void)
{
	struct scrape *scrape = calloc(1, sizeof(*scrape));
	FILE *out = scrape ? open_memstream(&scrape->text, &scrape->length) : NULL;

	if (!out) {
		free(scrape);
		return NULL;
	}
	process_expose(out, monitor.child);
	if (!ferror(out) && !fclose(out))
		return scrape;
	free(scrape->text);
	free(scrape);
	return NULL;
}

static void reply_text(struct http_exchange *exchange, unsigned status, const char *text)
{
	http_reply_start(exchange, status);
	if (status == 405)
		http_reply_fieldf(exchange, "Allow", "GET, HEAD");
	http_reply_whole(exchange, TEXT_TYPE, text, strlen(text));
}

static void reply_metrics(struct http_exchange *exchange)
{
	struct scrape *scrape = render();

	if (!scrape) {
		reply_text(exchange, 503, "out of memory\n");
		return;
	}
	exchange->data = scrape;
	http_reply_start(exchange, 200);
	http_reply_fieldf(exchange, "Content-Type", "%s", METRICS_CONTENT_TYPE);
	http_reply_head_end(exchange, (int64_t)scrape->length);
	push(exchange);
}

static bool any_worker_is_up(const struct board *board)
{
	for (struct board_slot *slot = NULL; (slot = board_next(board, slot));)
		if (slot->ready && !slot->monitor && slot->generation == board->master->generation)
			return true;
	return false;
}

static void reply_health(struct http_exchange *exchange)
{
	const struct board *board = monitor.child->board;

	if (board->master->ending)
		reply_text(exchange, 503, "draining\n");
	else if (any_worker_is_up(board))
		reply_text(exchange, 200, "ok\n");
	else
		reply_text(exchange, 503, "no worker is up\n");
}

static void on_request(struct http_exchange *exchange)
{
	const struct http_head *request = &exchange->request;

	if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD)
		reply_text(exchange, 405, "GET and HEAD only\n");
	else if (http_slice_equal(request->path, HTTP_SLICE("/metrics")))
		reply_metrics(exchange);
	else if (http_slice_equal(request->path, HTTP_SLICE("/healthz")))
		reply_health(exchange);
	else
		reply_text(exchange, 404, "try /metrics or /healthz\n");
}

static const struct http_handler handler = {
	.request = on_request,
	.drained = push,
	.finished = drop,
	.aborted = drop,
};

static void on_closed(struct http_server *server)
{
	(void)server;
	worker_connection_closed(&monitor.child->worker);
}

static void on_accepted(struct worker *worker, int fd, const struct process_listener *listener,
			const struct sockaddr_storage *peer)
{
	(void)worker;
	http_server_accept(&monitor.server, fd, NULL, listener, peer);
}

static void on_drain(struct worker *worker)
{
	(void)worker;
	http_server_drain(&monitor.server);
}

int monitor_init(struct process_child *child)
{
	struct worker *worker = &child->worker;

	monitor.child = child;
	buffer_pool_init(&monitor.buffers, 2 * CONNECTIONS_MAX);
	http_server_settings_init(&monitor.settings);
	http_server_init(&monitor.server, &worker->loop, &monitor.buffers, &monitor.settings,
			 &handler, &monitor.counters);
	monitor.server.connection_closed = on_closed;
	child->acceptors.accepted = on_accepted;
	child->acceptors.connections_max = CONNECTIONS_MAX;
	child->drain = on_drain;
	return worker->daemon->monitor_start ? worker->daemon->monitor_start(worker) : 0;
}
