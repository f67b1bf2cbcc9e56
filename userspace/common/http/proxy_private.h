/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the relay share: proxy.c leads an exchange from try to try,
 * proxy_request.c sends the request, proxy_response.c passes the response on.
 *
 * The HTTP server calls back from the loop only, so an exchange and its relay
 * outlive whatever is called on them here. The connection to the server does not: it may be
 * closed, or replaced by another, by any function that can fail.
 */
#ifndef SLUICE_HTTP_PROXY_PRIVATE_H
#define SLUICE_HTTP_PROXY_PRIVATE_H

#include "http/proxy.h"
#include "http/upstream_pool.h"

enum proxy_stage {
	PROXY_STAGE_DONE, /* no server has it any more */
	PROXY_STAGE_CONNECTING,
	PROXY_STAGE_HEAD, /* the response's head is awaited; the request may still be on its way */
	PROXY_STAGE_BODY,
	PROXY_STAGE_TUNNEL, /* raw bytes, both ways */
};

enum proxy_upload {
	PROXY_UPLOAD_RUNNING,
	PROXY_UPLOAD_COMPLETE, /* all of the request was taken by the kernel */
	PROXY_UPLOAD_STOPPED,  /* the rest will never be sent */
};

struct proxy {
	struct proxy *next; /* of those to be used again */
	struct http_exchange *exchange;
	const struct proxy_rules *rules;
	struct upstream_server *server;		/* that has it, or had it last */
	struct upstream_connection *connection; /* NULL: none */
	enum proxy_stage stage;

	unsigned tries;
	bool retried;
	bool fresh; /* no kept connection any more: one has failed already */
	uint64_t began_ns, connect_ns, response_ns; /* of this try */

	enum proxy_upload upload;
	struct buffer out;     /* the request's head, and framing of its body, not yet sent */
	uint64_t content_left; /* to be sent, of the body or of the chunk that was begun */
	bool last_chunk;       /* has been put into `out` */
	bool sent;	       /* a byte of the request has left on this connection */
	bool let_go;	       /* of bytes of the body: they cannot be sent again */
	bool write_blocked;    /* the server takes nothing more now */
	bool unacknowledged;   /* nobody has looked yet whether the server's host has the request */

	struct http_body body;
	bool received;	     /* a byte has come in this try */
	unsigned interims;   /* interim responses in this try */
	bool client_blocked; /* the client takes nothing more now */
	bool tunnel_ended;   /* by the server */

	struct http_head response; /* last: its parser sees to it */
};

/* --- proxy.c -------------------------------------------------------------------------- */

/* The server's side is done with, whether its connection is kept or not; the reply ends. */
void proxy_complete(struct proxy *proxy);
/* The connection ended before anything of the response was passed on: another try, or 502. */
void proxy_lost(struct proxy *proxy);
/* A 503 has come: true if another server is asked instead, as settings may want it. */
bool proxy_declined(struct proxy *proxy);
/* Gives up: answers, or cuts the reply if it has begun. */
void proxy_fail(struct proxy *proxy, enum proxy_failure why, unsigned status);
/* What is wanted from the connection now. */
void proxy_update(struct proxy *proxy);
/* The server has moved something, or may again: it has the whole pause. */
void proxy_extend(struct proxy *proxy);
/* Frees those that are kept to be used again. */
void proxy_free_spare(struct upstream *upstream);

static inline struct upstream_counters *proxy_counters(struct proxy *proxy)
{
	return proxy->server->counters;
}

/* --- proxy_request.c ------------------------------------------------------------------ */

void proxy_send(struct proxy *proxy);
/* Sends what can be sent now. */
void proxy_push(struct proxy *proxy);
/* Headers of these names are not forwarded. */
void proxy_withhold(struct http_head *head, const char *const *fields);

/* --- proxy_response.c ----------------------------------------------------------------- */

/* Reads, and passes on, what has come. */
void proxy_receive(struct proxy *proxy);
/* Passes on what had to wait for the client. */
void proxy_relay(struct proxy *proxy);

#endif /* SLUICE_HTTP_PROXY_PRIVATE_H */
