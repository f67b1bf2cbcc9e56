/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The HTTP endpoint: GET and HEAD of /metrics and /healthz, nothing else.
 * libmicrohttpd speaks HTTP, driven from our own loop: its epoll descriptor is
 * one of our watches. Connections, their memory and their time are limited;
 * the text is rendered at most every SCRAPE_CACHE_NS, so that many scrapers
 * cost no more than one.
 */
#ifndef SLUICE_AGENT_SCRAPE_H
#define SLUICE_AGENT_SCRAPE_H

#include "addr.h"
#include "loop.h"

#define SCRAPE_CACHE_NS	       (200 * NS_PER_MS)
#define SCRAPE_RUN_NS	       NS_PER_SEC /* at the latest */
#define SCRAPE_RETRY_NS	       NS_PER_SEC
#define SCRAPE_MAX_CONNECTIONS 64
#define SCRAPE_MEMORY_BYTES    (16 * 1024)
#define SCRAPE_TIMEOUT_S       10

struct agent;
struct MHD_Daemon;
struct MHD_Response;

struct scrape_server {
	struct loop *loop;
	struct agent *agent;
	/* Renders the text: malloc()ed, or NULL when out of memory. */
	char *(*render)(struct agent *agent, size_t *length);
	bool wanted, complained;
	struct endpoint at;
	struct MHD_Daemon *daemon; /* NULL: nothing listens */
	struct loop_watch watch;
	struct loop_timer timer; /* next attempt to listen, or the daemon's own timeouts */
	struct MHD_Response *cached;
	uint64_t cached_ns;
};

void scrape_init(struct scrape_server *server, struct loop *loop, struct agent *agent,
		 char *(*render)(struct agent *, size_t *));
void scrape_fini(struct scrape_server *server);
/* Listens at `at`, or nowhere with NULL. Failures are logged once and tried again. */
void scrape_configure(struct scrape_server *server, const struct endpoint *at);

#endif /* SLUICE_AGENT_SCRAPE_H */
