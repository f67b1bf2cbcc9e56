/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A group of HTTP servers that requests are relayed to: which are well, which
 * one is next, connections kept open to each.
 *
 * Active checks run in the monitor and stand in shared memory; a worker adds
 * what it meets itself: a server that refuses a connection is left out until
 * its next good check, or for `retry` if there are none. When no server is well, all are tried: a wrong
 * check must not be an outage.
 */
#ifndef SLUICE_HTTP_UPSTREAM_H
#define SLUICE_HTTP_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "addr.h"
#include "buffer.h"
#include "http/message.h"
#include "loop.h"
#include "stream.h"

#define UPSTREAM_MAX_SERVERS 32
#define UPSTREAM_NAME_LEN    32

struct upstream_server_settings {
	char name[UPSTREAM_NAME_LEN];
	struct endpoint at;
	unsigned weight;
};

struct upstream_check_settings {
	char path[256]; /* "": no checks */
	char host[256]; /* of the Host field; "": the address */
	unsigned interval_ms, timeout_ms, rise, fall;
};

enum upstream_balance { UPSTREAM_ROUND_ROBIN, UPSTREAM_LEAST_REQUESTS };

struct upstream_settings {
	struct place at; /* in the file: first, as the reader wants it */
	char name[UPSTREAM_NAME_LEN];
	struct upstream_server_settings servers[UPSTREAM_MAX_SERVERS];
	size_t server_count;
	enum upstream_balance balance;
	unsigned connect_ms, response_ms; /* to the head of a response; then like a client's body */
	unsigned idle_ms, idle_count;	  /* connections kept, to each server in each worker */
	struct upstream_check_settings check;
};

void upstream_settings_init(struct upstream_settings *settings);
/* The keys of an upstream in a file; ends with NULL. */
extern const struct field upstream_fields[];

/* What the monitor knows of one server; in shared memory, read without locks. */
struct upstream_health {
	uint32_t checked; /* 0: not yet: taken for well */
	uint32_t well;	  /* 0 or 1 */
	uint64_t changed; /* counts changes: a worker forgets its own suspicion */
	uint64_t checks, failures;
};

#define UPSTREAM_COUNTERS(X)                                                                       \
	X(requests, "Requests sent to the server.")                                                \
	X(connections, "Connections opened to the server.")                                        \
	X(reused, "Requests sent on a connection that was open.")                                  \
	X(connect_failed, "Connections that could not be opened in time.")                         \
	X(broken, "Connections that ended before the response did.")                               \
	X(malformed, "Responses that were not HTTP.")                                              \
	X(timeouts, "Responses that did not come in time.")                                        \
	X(retried, "Requests sent once more, to this server, after another had failed.")           \
	X(response_ns, "Time to the head of the responses, in nanoseconds.")

struct upstream_counters {
#define X(name, help) uint64_t name;
	UPSTREAM_COUNTERS(X)
#undef X
};

struct upstream_server {
	const struct upstream_server_settings *settings;
	const struct upstream_health *health;
	struct upstream_counters *counters;
	struct upstream_connection *idle; /* the last used first */
	unsigned idle_count, busy;
	int effective; /* of smooth weighted round robin */
	bool suspected;
	uint64_t suspected_at, suspected_until_ns; /* health->changed then; without checks a time */
};

/* One for each worker and group. */
struct upstream {
	struct loop *loop;
	struct buffer_pool *buffers;
	const struct upstream_settings *settings;
	struct upstream_server servers[UPSTREAM_MAX_SERVERS];
};

/* `health` and `counters`: arrays of settings->server_count, in shared memory. */
void upstream_init(struct upstream *upstream, struct loop *loop, struct buffer_pool *buffers,
		   const struct upstream_settings *settings, const struct upstream_health *health,
		   struct upstream_counters *counters);
/* Closes the idle connections. */
void upstream_drain(struct upstream *upstream);

/* The server for the next request; `not` (may be NULL) has just failed. NULL: there is no other. */
struct upstream_server *upstream_choose(struct upstream *upstream,
					const struct upstream_server * not );
/* This worker could not connect to it, or it broke a fresh connection. */
void upstream_suspect(struct upstream *upstream, struct upstream_server *server);

/* --- active checks, in the monitor ---------------------------------------------------- */

struct upstream_checks;

/* Checks every server of the group at its interval, with jitter, from now on. */
int upstream_checks_start(struct loop *loop, const struct upstream_settings *settings,
			  struct upstream_health *health,
			  struct upstream_checks **out) __must_check;
void upstream_checks_stop(struct upstream_checks *checks);

void upstream_expose(FILE *out, const struct upstream_settings *groups, size_t count,
		     const struct upstream_health *health,
		     const struct upstream_counters *counters);

#endif /* SLUICE_HTTP_UPSTREAM_H */
