/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Relays an exchange to a server of an upstream: streams both bodies, bounded
 * in both directions; drops hop-by-hop fields (RFC 9110, 7.6.1); says in
 * X-Forwarded-* whom it serves; passes a WebSocket on (RFC 6455); tries once
 * more, at another server, what can be sent again: nothing of the response has
 * come, and the request is idempotent (RFC 9110, 9.2.2) or was never sent, and no
 * byte of its body has been let go of.
 */
#ifndef SLUICE_HTTP_PROXY_H
#define SLUICE_HTTP_PROXY_H

#include "http/server.h"
#include "http/upstream.h"

enum proxy_failure {
	PROXY_NO_SERVER, /* 503: none could be connected to */
	PROXY_BROKEN,	 /* 502: the connection ended */
	PROXY_MALFORMED, /* 502: what came is not HTTP */
	PROXY_TIMEOUT,	 /* 504 */
};

/* How requests are relayed; one for each route, made at start. */
struct proxy_rules {
	struct upstream *upstream;
	/*
	 * True at the edge: X-Forwarded-* and Forwarded of the client are dropped and set anew. False behind
	 * a proxy of one's own: they are kept as they came.
	 */
	bool edge;
	/* Set in the request, in place of what came; pairs, ended by NULL. Borrowed. */
	const char *const *request_fields;
	/* Set in the response, in place of what came. */
	const char *const *response_fields;
	/* Further fields of this request; may be NULL. Called while its head is written. */
	void (*add_fields)(struct http_exchange *exchange, struct http_writer *to);
	/* Answers the client when nobody else does, with 502, 503 or 504. NULL: a short text. */
	void (*failed)(struct http_exchange *exchange, enum proxy_failure why, unsigned status);
};

/* What an access log says of the relaying. */
struct proxy_report {
	const char *server; /* name; NULL: none was reached */
	unsigned tries;
	uint64_t connect_ns, response_ns; /* of the last try; 0: a kept connection, none came */
};

/*
 * Takes the exchange over, from the handler's `request`. The handler's `body`,
 * `drained` and `aborted` are passed on by proxy_body() and so on while
 * proxy_of(exchange); its `finished` is its own business.
 */
void proxy_start(struct http_exchange *exchange, const struct proxy_rules *rules);
void proxy_body(struct http_exchange *exchange);
void proxy_drained(struct http_exchange *exchange);
/* To be called from `finished` and `aborted`: lets go of the server's side; fills `report` (may be NULL). */
void proxy_end(struct http_exchange *exchange, struct proxy_report *report);

#endif /* SLUICE_HTTP_PROXY_H */
