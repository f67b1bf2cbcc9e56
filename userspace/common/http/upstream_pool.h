/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Connections to the servers of an upstream, kept open between requests. The
 * one used last is taken first, so that those that are not needed grow old and
 * are closed. An idle connection is watched: whatever comes from it, be it its
 * end or bytes that nobody asked for, closes it.
 */
#ifndef SLUICE_HTTP_UPSTREAM_POOL_H
#define SLUICE_HTTP_UPSTREAM_POOL_H

#include "http/upstream.h"
#include "stream.h"

struct upstream_connection {
	struct stream stream;
	struct upstream_server *server;
	struct upstream_connection *newer, *older; /* among the idle ones */
	struct buffer in;			   /* what came; put back when it is idle */
	struct loop_timer timer;		   /* the owner's, by upstream_deadline() */
	uint64_t idle_since_ns;
	bool idle;
	bool reused; /* has served a request before */
	/* The owner's; both may close the connection. */
	void (*event)(struct upstream_connection *connection, unsigned events);
	void (*expired)(struct upstream_connection *connection);
	void *owner;
};

/*
 * The idle connection to the server that was used last, or NULL; `event`, `expired` and `owner`
 * are the caller's to set. For a request that cannot be sent again only one that was used a moment
 * ago, so that its server is not just closing it for being idle, and that is looked at once more.
 */
struct upstream_connection *upstream_take(struct upstream_server *server, bool repeatable);
/*
 * Begins to open one; STREAM_CONNECTED or STREAM_FAILED follows. -errno: this machine cannot, or
 * knows at once that nobody is there. `expired` is called after connect_ms, unless moved.
 */
int upstream_open(struct upstream_server *server, struct upstream_connection **out) __must_check;
/* Whether an error of opening one says something about the server, not about this machine. */
bool upstream_error_is_remote(int err);

/* `expired` is called then, instead of when was said before. */
void upstream_deadline(struct upstream_connection *connection, unsigned ms);

/*
 * Ends the ownership: kept as idle if a request and its response are complete, nothing came behind
 * it, and there is room; else closed.
 */
void upstream_give_back(struct upstream_connection *connection);
/* Closes it at once. */
void upstream_close(struct upstream_connection *connection);

#endif /* SLUICE_HTTP_UPSTREAM_POOL_H */
