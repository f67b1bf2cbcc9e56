/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Relays an exchange to a server of an upstream: streams both bodies, bounded
 * in both directions; drops hop-by-hop fields (RFC 9110, 7.6.1) and trailers;
 * says in X-Forwarded-* whom it serves; passes a WebSocket on (RFC 6455).
 *
 * What can be sent again is sent once more, to another server: nothing of the
 * final response has been passed on, no byte of the body has been let go of, and
 * the request is idempotent (RFC 9110, 9.2.2) or nothing of it was sent. Beyond
 * that, a kept connection that turns out to be closed costs no try: a fresh one
 * to the same server follows.
 *
 * "Expect: 100-continue" is answered here, when a server is connected. Interim
 * responses but 100 are passed on.
 */
#ifndef SLUICE_HTTP_PROXY_H
#define SLUICE_HTTP_PROXY_H

#include "http/server.h"
#include "http/upstream.h"

enum proxy_failure {
	PROXY_NO_SERVER, /* 503: none could be connected to, or all are busy */
	PROXY_BROKEN,	 /* 502: the connection ended */
	PROXY_MALFORMED, /* 502: what came is not HTTP */
	PROXY_TIMEOUT,	 /* 504 */
	PROXY_REFUSED,	 /* 431: the request does not fit with the fields that are added */
};

/* How requests are relayed; one for each route, made at start. */
struct proxy_rules {
	struct upstream *upstream;
	/*
	 * True at the edge: X-Forwarded-*, X-Real-IP, Forwarded and X-Sluice-* of the client are
	 * dropped, and X-Forwarded-For, -Proto and -Host set. False behind a proxy of one's own:
	 * they are kept as they came, and set where X-Forwarded-For is missing.
	 */
	bool edge;
	/* Set in the request, in place of what came; pairs, then NULL. Borrowed. May be NULL. */
	const char *const *request_fields;
	/* Set in the response, in place of what came. The same; a value of NULL: only dropped. */
	const char *const *response_fields;
	/* Further fields of this request; may be NULL. Called while its head is written. */
	void (*add_fields)(struct http_exchange *exchange, struct http_writer *to);
	/* Further fields of the response, by http_reply_field(); may be NULL. */
	void (*add_reply_fields)(struct http_exchange *exchange);
	/* Answers the client when nobody else does, with this status. NULL: a short text. */
	void (*failed)(struct http_exchange *exchange, enum proxy_failure why, unsigned status);
};

/* What an access log says of the relaying. */
struct proxy_report {
	const char *server; /* the last one that was tried; NULL: none */
	unsigned tries;
	uint64_t connect_ns, response_ns; /* of the last try; 0: a kept connection, none came */
};

/*
 * Takes the exchange over, from the handler's `request`. As long as exchange->proxy is set, the
 * handler's `body` and `drained` belong to proxy_body() and proxy_drained(); its `finished` and
 * `aborted` call proxy_end().
 */
void proxy_start(struct http_exchange *exchange, const struct proxy_rules *rules);
void proxy_body(struct http_exchange *exchange);
void proxy_drained(struct http_exchange *exchange);
/* Lets go of the server's side; fills `report` (may be NULL). */
void proxy_end(struct http_exchange *exchange, struct proxy_report *report);

#endif /* SLUICE_HTTP_PROXY_H */
