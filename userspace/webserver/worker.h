/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A worker of sluice-web, and what it keeps of a request beside the exchange.
 */
#ifndef SLUICE_WEB_WORKER_H
#define SLUICE_WEB_WORKER_H

#include "config.h"
#include "file_cache.h"
#include "http/proxy.h"
#include "precondition.h"
#include "process.h"

#define WEB_ID_LEN 65 /* of a trusted proxy's id; own ones have 32 hexadecimal digits */

#define WEB_COUNTERS(X)                                                                            \
	X(not_modified, "Conditional requests answered with 304.")                                 \
	X(ranges, "Requests answered with a part of a file.")                                      \
	X(compressed, "Files sent in a form that was compressed before.")                          \
	X(bad_paths, "Requests refused for their path.")

/* In shared memory. */
struct web_counters {
	struct http_server_counters http;
#define X(name, help) uint64_t name;
	WEB_COUNTERS(X)
#undef X
	struct file_cache_counters files;
	struct upstream_counters upstreams[WEB_MAX_SERVERS]; /* those of one behind the other's */
};

/* How far the body of a file is on its way. */
struct web_sending {
	struct cached_file *file; /* held; NULL: none is */
	const char *type;	  /* of the parts of a multipart body; NULL: a single part */
	struct http_range ranges[WEB_MAX_RANGES];
	size_t count, next;
	uint64_t offset; /* within the range at hand */
	bool part_begun; /* its head has been given */
	char boundary[17];
};

struct web_request {
	struct web_worker *worker;
	const struct web_site *site; /* NULL: no site of ours */
	bool trusted;		     /* it comes from a proxy of one's own */
	bool unlogged;
	char id[WEB_ID_LEN]; /* "": not made yet */
	struct web_sending sending;
	struct web_request *next;	/* of those kept to be used again */
	char path[FILE_CACHE_PATH_MAX]; /* normalised */
};

/* Where a route leads, in a worker. */
struct web_target {
	size_t root;		     /* of the file cache */
	struct proxy_rules rules[2]; /* for clients; for trusted proxies */
};

struct web_worker {
	struct worker *worker;
	const struct web_config *config;
	struct web_counters *counters;
	struct buffer_pool buffers;
	struct http_server server;
	struct file_cache files;
	struct upstream *upstreams;
	struct web_target *targets; /* of each route */
	struct web_request *spare;
	unsigned spare_count;
	const char *request_fields[3];
	uint64_t id_state; /* of the generator of request ids */
};

static inline struct web_request *web_request_of(const struct http_exchange *exchange)
{
	return exchange->data;
}

/* --- worker.c: for struct process_daemon -------------------------------------------------- */

int web_worker_start(struct worker *worker);
void web_worker_accepted(struct worker *worker, int fd, const struct process_listener *listener,
			 const struct sockaddr_storage *peer);
void web_worker_drain(struct worker *worker);

/* --- request.c ---------------------------------------------------------------------------- */

extern const struct http_handler web_handler;

/* X-Request-ID: what a trusted proxy has said, or made here. */
const char *web_request_id(struct http_exchange *exchange);

/* --- reply.c ------------------------------------------------------------------------------ */

/* Begins a reply with the fields that every response of the site has. */
void web_reply_start(struct http_exchange *exchange, unsigned status);
/* An error page: the configured one, a small one, or JSON for who prefers that. */
void web_reply_error(struct http_exchange *exchange, unsigned status);
/* 405, or 204 for OPTIONS, for what can only be read. */
void web_reply_methods(struct http_exchange *exchange);

/* --- static.c ----------------------------------------------------------------------------- */

/* Answers with a file below the route's directory. */
void web_static_start(struct http_exchange *exchange, const struct web_route *route);
/* Goes on sending; from `drained`. */
void web_static_continue(struct http_exchange *exchange);

/* --- relay.c ------------------------------------------------------------------------------ */

int web_relay_init(struct web_worker *web);
void web_relay_start(struct http_exchange *exchange, const struct web_route *route);

#endif /* SLUICE_WEB_WORKER_H */
