/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A worker from its start to its drain.
 */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "log.h"

/* In and out, towards the client and towards an upstream. */
#define BUFFERS_PER_CONNECTION 4

static void on_closed(struct http_server *server)
{
	struct web_worker *web = server->context;

	worker_connection_closed(web->worker);
}

static int add_root(struct web_worker *web, const struct web_route *route)
{
	ssize_t root;

	if (!*route->files)
		return 0;
	root = file_cache_add_root(&web->files, route->files);
	if (root < 0)
		return (int)root;
	web->targets[route->number].root = (size_t)root;
	return 0;
}

static int init_targets(struct web_worker *web)
{
	const struct web_config *config = web->config;
	int err = 0;

	web->targets = calloc(config->route_count, sizeof(*web->targets));
	if (!web->targets)
		return -ENOMEM;
	for (size_t i = 0; i < config->site_count; i++)
		for (size_t j = 0; j < config->sites[i].route_count && !err; j++)
			err = add_root(web, &config->sites[i].routes[j]);
	return err;
}

/* Some requests may get the same id as others if it fails, no more. */
static void seed_ids(struct web_worker *web)
{
	web->id_state = loop_clock_ns();
	if (getrandom(&web->id_state, sizeof(web->id_state), 0) < 0)
		log_warn("web", "event=no-random error=\"%s\"", strerror(errno));
}

int web_worker_start(struct worker *worker)
{
	struct web_worker *web = calloc(1, sizeof(*web));
	const struct web_config *config = worker->config;
	int err;

	if (!web)
		return -ENOMEM;
	web->worker = worker;
	web->config = config;
	web->counters = (struct web_counters *)worker->counters;
	worker->state = web;
	seed_ids(web);
	buffer_pool_init(&web->buffers,
			 (size_t)config->process.connections * BUFFERS_PER_CONNECTION);
	err = file_cache_init(&web->files, &worker->loop, &config->types, config->open_files,
			      &web->counters->files);
	if (!err)
		err = init_targets(web);
	if (!err)
		err = web_relay_init(web);
	if (err)
		return err;
	http_server_init(&web->server, &worker->loop, &web->buffers, &config->http, &web_handler,
			 &web->counters->http);
	web->server.context = web;
	web->server.connection_closed = on_closed;
	return 0;
}

void web_worker_accepted(struct worker *worker, int fd, const struct process_listener *listener,
			 const struct sockaddr_storage *peer)
{
	struct web_worker *web = worker->state;

	http_server_accept(&web->server, fd, NULL, listener, peer);
}

void web_worker_drain(struct worker *worker)
{
	struct web_worker *web = worker->state;

	http_server_drain(&web->server);
	for (size_t i = 0; i < web->config->upstream_count; i++)
		upstream_drain(&web->upstreams[i]);
}
