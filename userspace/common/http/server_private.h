/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the HTTP server share: a connection and its states. Each
 * file does one thing to it: server.c opens and closes, server_connection.c
 * leads it from state to state, server_input.c reads, server_reply.c makes
 * heads, server_output.c sends, server_deadline.c keeps time.
 *
 * Whatever happens ends in connection_advance(), which alone calls the handler
 * and alone frees the connection. Functions that the handler calls only note
 * what is to be done, and post the task that advances.
 */
#ifndef SLUICE_HTTP_SERVER_PRIVATE_H
#define SLUICE_HTTP_SERVER_PRIVATE_H

#include "http/server.h"

#define SERVER_SKIP_MAX	   (64u << 10) /* of an unread body, to keep the connection */
#define SERVER_LINGER_MS   3000	       /* reading on after the last reply: RFC 9112, 9.6 */
#define SERVER_GRACE_MS	   1000	       /* for idle connections, once the server is to end */
#define SERVER_SEND_BUDGET (1u << 20)  /* bytes of a file, before others have their turn */
#define SERVER_SPARE_MAX   64	       /* exchanges kept for later */

enum connection_state {
	CONNECTION_OPENING,   /* in the TLS handshake */
	CONNECTION_IDLE,      /* between two requests */
	CONNECTION_HEAD,      /* the head of a request is awaited */
	CONNECTION_EXCHANGE,  /* the handler has it */
	CONNECTION_SKIPPING,  /* replied; the rest of the request's body is read and dropped */
	CONNECTION_REFUSING,  /* the last reply, the server's own, is on its way */
	CONNECTION_LINGERING, /* nothing more is sent; what comes is dropped */
	CONNECTION_CLOSED,    /* to be freed */
};

/* Why an exchange, or a connection, cannot go on. */
enum connection_failure {
	FAILURE_NONE,
	FAILURE_GONE,	   /* the client has closed or reset */
	FAILURE_TIMEOUT,   /* the client is too slow */
	FAILURE_MALFORMED, /* the request's body */
	FAILURE_TOO_LARGE, /* the request's body */
	FAILURE_CUT,	   /* the reply cannot be completed */
};

/* How long a client has been waited for since it moved the last quota of bytes. */
struct pace {
	uint64_t since_ns; /* 0: it is not waited for now */
	uint64_t used_ns;  /* of the time before */
	uint64_t bytes;
};

struct http_connection {
	struct http_server *server;
	struct http_connection *next, **link;
	struct stream stream;
	struct loop_timer timer;
	struct loop_task task;
	struct http_exchange *exchange; /* NULL: no byte of a request is there */
	/*
	 * The request's head stays at the front, up to head_end, while its exchange
	 * lives; what has not been taken yet is between start and end.
	 */
	struct buffer in;
	uint32_t head_end;
	struct buffer out; /* what is to be sent before anything else */
	enum connection_state state;
	enum connection_failure failure;
	bool input_ended;
	bool blocked; /* the socket takes nothing more now */
	bool running; /* connection_advance() is */
	bool output_finished;
	bool unsent_known;
	unsigned unsent; /* bytes that the kernel held for the client at the last look */
	unsigned requests;
	unsigned skipped; /* bytes of the request's body */
	uint64_t due_ns;  /* of the state; 0: none */
	struct pace in_pace, out_pace;
	const struct process_listener *listener;
	struct sockaddr_storage peer;
};

/* --- server.c ------------------------------------------------------------------------- */

struct http_exchange *exchange_get(struct http_connection *connection);
void exchange_put(struct http_connection *connection);
/* The stream is closed, the exchange gone. */
void connection_free(struct http_connection *connection);

/* Nothing of a request has come: between two of them, or before the first. */
static inline bool connection_is_silent(const struct http_connection *connection)
{
	return connection->state == CONNECTION_IDLE ||
	       (connection->state == CONNECTION_HEAD && !connection->exchange);
}

/* --- server_connection.c -------------------------------------------------------------- */

void connection_event(struct stream *stream, unsigned events);
void connection_task(struct loop_task *task);
/* Does what can be done now. May free the connection. */
void connection_advance(struct http_connection *connection);
/* Sees to it that connection_advance() runs soon. */
void connection_touch(struct http_connection *connection);
/* Notes the first failure. */
void connection_fail(struct http_connection *connection, enum connection_failure failure);

/* --- server_input.c ------------------------------------------------------------------- */

/* Reads what fits; the end is noted. */
void input_read(struct http_connection *connection);
bool input_has_room(const struct http_connection *connection);
static inline size_t input_length(const struct http_connection *connection)
{
	return connection->in.base ? buffer_length(&connection->in) : 0;
}
void input_consume(struct http_connection *connection, size_t length);
/* The head is no longer needed. */
void input_release(struct http_connection *connection);
/* What the handler has asked for is there: bytes, or the end. */
bool input_is_ready(struct http_exchange *exchange);
/* Drops what has come of a body that nobody wants. True: all of it was. */
bool input_skip(struct http_connection *connection);

/* --- server_reply.c ------------------------------------------------------------------- */

/* The server's own last words on a connection. */
void reply_refuse(struct http_connection *connection, unsigned status, const char *words);
void reply_continue(struct http_exchange *exchange);

/* --- server_output.c ------------------------------------------------------------------ */

/* Room for `length` bytes more in the buffer; else the connection fails. */
bool output_reserve(struct http_connection *connection, size_t length);
void output_append(struct http_connection *connection, struct http_slice bytes);
/* True: everything has left. Else `blocked`, or a failure is noted. */
bool output_flush(struct http_connection *connection);

/* --- server_deadline.c ---------------------------------------------------------------- */

void deadline_set(struct http_connection *connection, unsigned delay_ms);
/* According to the state: what is waited for, and until when. */
void deadline_update(struct http_connection *connection);
void deadline_expired(struct loop_timer *timer);
void pace_moved(struct http_connection *connection, struct pace *pace, size_t bytes);

/* --- server_metrics.c ----------------------------------------------------------------- */

void count_response(struct http_server *server, unsigned status);
void count_duration(struct http_server *server, uint64_t duration_ns);

#endif /* SLUICE_HTTP_SERVER_PRIVATE_H */
