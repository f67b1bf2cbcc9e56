/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A group of HTTP servers that requests are relayed to: which are well, which
 * one is next. The connections to them: http/upstream_pool.h.
 *
 * Active checks run in the monitor and stand in shared memory; a worker adds
 * what it meets itself: a server that it cannot connect to is left out until its
 * next good check, and no longer than `retry`. When no server is well, all are
 * tried: a wrong check must not be an outage.
 */
#ifndef SLUICE_HTTP_UPSTREAM_H
#define SLUICE_HTTP_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "addr.h"
#include "buffer.h"
#include "config_reader.h"
#include "diag.h"
#include "loop.h"

#define UPSTREAM_MAX_SERVERS 32
#define UPSTREAM_NAME_LEN    32
#define UPSTREAM_MAX_WEIGHT  1000

/* --- settings ------------------------------------------------------------------------- */

struct upstream_server_settings {
	struct place place; /* in the file: first, as the reader wants it */
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
	struct place place; /* in the file: first, as the reader wants it */
	char name[UPSTREAM_NAME_LEN];
	struct upstream_server_settings servers[UPSTREAM_MAX_SERVERS];
	size_t server_count;
	enum upstream_balance balance;
	bool retry_unavailable; /* a 503 to what can be sent again is not the last word */
	unsigned connect_ms;	/* also: how long what was sent may stay unacknowledged */
	unsigned response_ms;	/* to the head of a response, and for any pause within its body */
	unsigned retry_ms;	/* how long at most a server is left out that did not answer */
	unsigned idle_ms;	/* how long an idle connection is kept */
	unsigned idle_count;	/* idle connections kept to each server by each worker */
	unsigned requests;	/* at a time to each server by each worker; 0: any number */
	struct upstream_check_settings check;
};

/*
 * Defaults: round robin; connect 1 s, response 60 s, retry 10 s; 256 idle connections, 30 s; any
 * number of requests; no checks, or every 2 s with 1 s to answer, rise 2, fall 2.
 */
void upstream_settings_init(struct upstream_settings *settings, const char *name);

/*
 * The keys of an upstream in a file, for read_map() of config_reader.h; ends with an empty field.
 *
 *	servers: {web1: 10.0.0.1:80, web2: {address: 10.0.0.2:80, weight: 2}}
 *	balance: round-robin | least-requests
 *	connect-timeout, response-timeout, retry-after, idle-timeout: DURATION
 *	idle-connections, requests: NUMBER
 *	retry-unavailable: BOOL
 *	check: {path: /healthz, host: NAME, interval: DURATION, timeout: DURATION, rise: N, fall: N}
 */
extern const struct field upstream_fields[];

/* --- shared memory -------------------------------------------------------------------- */

/* What the monitor knows of one server; written by it alone, read without locks. */
struct upstream_health {
	uint32_t checked;   /* 0: not yet: taken for well */
	uint32_t well;	    /* 0 or 1 */
	uint64_t good, bad; /* checks so far */
	uint64_t changes;   /* of `well` */
};

#define UPSTREAM_COUNTERS(X)                                                                       \
	X(requests, "Requests given to the server.")                                               \
	X(connections, "Connections opened to the server.")                                        \
	X(reused, "Requests sent on a connection that was open.")                                  \
	X(connect_failed, "Connections that could not be opened in time.")                         \
	X(stale, "Requests sent on a connection that the server was just closing.")                \
	X(broken, "Connections that ended before the response did.")                               \
	X(malformed, "Responses that were not HTTP.")                                              \
	X(timeouts, "Responses that did not come in time.")                                        \
	X(retried, "Requests given to this server after another had failed.")                      \
	X(responses, "Responses whose head has come.")

struct upstream_counters {
#define X(name, help) uint64_t name;
	UPSTREAM_COUNTERS(X)
#undef X
	uint64_t response_ns; /* from a try's begin to the head of its response, in all */
};

/* --- in a worker ---------------------------------------------------------------------- */

struct upstream_connection;

struct upstream_server {
	struct upstream *upstream;
	const struct upstream_server_settings *settings;
	const struct upstream_health *health;
	struct upstream_counters *counters;
	struct sockaddr_storage address;
	socklen_t address_length;
	struct upstream_connection *newest, *oldest; /* of the idle ones */
	unsigned idle_count;
	unsigned busy;	/* requests that it has now; counted by who chose it */
	int credit;	/* of smooth weighted round robin */
	bool suspected; /* by this worker */
	uint64_t suspected_good, suspected_until_ns; /* health->good then; when that ends */
};

/* One for each worker and group. */
struct upstream {
	struct loop *loop;
	struct buffer_pool *buffers;
	const struct upstream_settings *settings;
	struct upstream_server servers[UPSTREAM_MAX_SERVERS];
	bool draining;
	struct proxy *spare; /* of proxy.h, to be used again */
	unsigned spare_count;
};

/* `health` and `counters`: arrays of settings->server_count, in shared memory. */
void upstream_init(struct upstream *upstream, struct loop *loop, struct buffer_pool *buffers,
		   const struct upstream_settings *settings, const struct upstream_health *health,
		   struct upstream_counters *counters);
/* Closes idle connections, and those in use once they are given back. */
void upstream_drain(struct upstream *upstream);
/* After all exchanges have ended. */
void upstream_fini(struct upstream *upstream);

/*
 * The server for the next request; `failed` (may be NULL) is not wanted. NULL: there is no other,
 * or all have as many requests as they may.
 */
struct upstream_server *upstream_choose(struct upstream *upstream,
					const struct upstream_server *failed);
/* This worker could not connect to it. */
void upstream_suspect(struct upstream_server *server);
/* As far as checks and this worker know. */
bool upstream_is_well(struct upstream_server *server);

/* --- active checks, in the monitor ---------------------------------------------------- */

struct upstream_checks;

/* Checks every server of the group at its interval, with jitter, from now on. */
int upstream_checks_start(struct loop *loop, const struct upstream_settings *settings,
			  struct upstream_health *health,
			  struct upstream_checks **out) __must_check;
/* Harmless on NULL, which is what a group without checks has. */
void upstream_checks_stop(struct upstream_checks *checks);

/*
 * Metrics sluice_upstream_*, with labels upstream and server. `health` and `counters`: those of all
 * groups, one behind the other; counters already summed over workers.
 */
void upstream_expose(FILE *out, const struct upstream_settings *groups, size_t count,
		     const struct upstream_health *health,
		     const struct upstream_counters *counters);

#endif /* SLUICE_HTTP_UPSTREAM_H */
