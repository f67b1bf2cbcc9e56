/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The server's side of HTTP/1.1 connections (RFC 9110, 9112): reads requests,
 * hands each to a handler as an exchange, writes what the handler answers;
 * keep-alive, pipelining (one exchange at a time, in order), Expect, deadlines,
 * refusals of malformed requests.
 *
 * The request's body is pulled: bytes stay in the connection's bounded buffer
 * until they are consumed, and then more are read. The response is pushed:
 * what does not fit is not taken, and `drained` tells when there is room. So
 * nobody holds more than two buffers for a connection, whatever its size.
 */
#ifndef SLUICE_HTTP_SERVER_H
#define SLUICE_HTTP_SERVER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "addr.h"
#include "buffer.h"
#include "http/message.h"
#include "loop.h"
#include "stream.h"

/* Deadlines. A body, in either direction, has `body_ms` more for every body_ms * rate bytes. */
struct http_server_settings {
	unsigned
		head_ms; /* from the connection, or the first byte of a request, to its head's end */
	unsigned idle_ms; /* until the first byte of a further request */
	unsigned
		body_ms; /* a request's body may pause so long, and a client may take nothing so long */
	unsigned rate;	   /* bytes a second: slower than this on average, either way, is cut off */
	unsigned requests; /* on one connection, at most */
	uint64_t body_bytes; /* of a request, at most: 413 */
};

/* Defaults: 10 s, 60 s, 20 s, 500, 100000, 1 GiB. */
void http_server_settings_init(struct http_server_settings *settings);
/* Keys "head-timeout", "idle-timeout", "body-timeout", "minimum-rate", "requests", "body-max". */
#define HTTP_SERVER_FIELD_COUNT 6
struct field;
extern const struct field http_server_fields[HTTP_SERVER_FIELD_COUNT];

/* Counters in shared memory; one line of HTTP_SERVER_COUNTERS is one uint64_t. */
#define HTTP_SERVER_COUNTERS(X)                                                                    \
	X(connections, "Connections accepted.")                                                    \
	X(handshakes_failed, "TLS handshakes that did not succeed.")                               \
	X(requests, "Requests whose head was complete.")                                           \
	X(refused, "Requests refused as malformed or too large.")                                  \
	X(timeouts, "Connections closed by a deadline, but for idle ones.")                        \
	X(aborted, "Exchanges whose client went away.")                                            \
	X(bytes_in, "Bytes read from clients, inside TLS.")                                        \
	X(bytes_out, "Bytes written to clients, inside TLS.")                                      \
	X(responses_1xx, "Responses by class.")                                                    \
	X(responses_2xx, "")                                                                       \
	X(responses_3xx, "")                                                                       \
	X(responses_4xx, "")                                                                       \
	X(responses_5xx, "")

struct http_server_counters {
#define X(name, help) uint64_t name;
	HTTP_SERVER_COUNTERS(X)
#undef X
	uint64_t duration_bucket[12]; /* of exchanges; upper bounds in http_server_expose() */
	uint64_t duration_ns;	      /* their sum */
};

struct http_exchange;

/*
 * All run on the loop's thread, never from within a call that the handler makes here: what follows
 * from such a call is told later. After `finished` or `aborted` the exchange is gone.
 */
struct http_handler {
	/* A request's head is complete. The handler may answer now or later. */
	void (*request)(struct http_exchange *exchange);
	/* More of the request's body can be read, or it is complete. May be NULL. */
	void (*body)(struct http_exchange *exchange);
	/* There is room for more of the response, after less was taken than given. May be NULL. */
	void (*drained)(struct http_exchange *exchange);
	/* The response has left. May be NULL; the place of the access log. */
	void (*finished)(struct http_exchange *exchange);
	/* The client is gone, or too slow: let go of everything. No reply is possible. */
	void (*aborted)(struct http_exchange *exchange);
};

/* One for each worker. */
struct http_server {
	struct loop *loop;
	struct buffer_pool *buffers;
	const struct http_server_settings *settings;
	const struct http_handler *handler;
	struct http_server_counters *counters;
	void (*connection_closed)(struct http_server *server); /* worker_connection_closed() */
	const char *server_field; /* of "Server:" where the handler sets none; NULL: none */
	void *context;		  /* the handler's */
	struct http_connection *connections; /* all; private */
	bool draining;
};

struct http_exchange {
	struct http_server *server;
	struct http_head request; /* slices stay valid until the exchange is gone */
	const struct sockaddr_storage *peer;
	const struct process_listener *listener; /* as given to http_server_accept() */
	const SSL *ssl;				 /* NULL: plain */
	uint64_t started_ns;			 /* first byte of the request, CLOCK_MONOTONIC */
	unsigned status;			 /* of the reply; 0: none yet */
	uint64_t body_in, body_out;		 /* payload bytes so far */
	bool reply_begun;			 /* its head is settled */
	bool reply_complete;			 /* http_reply_end() was called */
	bool broken;				 /* at the end: the reply was cut short */
	void *data;				 /* the handler's */
	struct proxy *proxy;			 /* of proxy.h: who relays it; NULL: nobody */
};

void http_server_init(struct http_server *server, struct loop *loop, struct buffer_pool *buffers,
		      const struct http_server_settings *settings,
		      const struct http_handler *handler, struct http_server_counters *counters);
/* Idle connections are closed now, the others after their exchange ("Connection: close"). */
void http_server_drain(struct http_server *server);
/* Closes everything; exchanges are told `aborted`. */
void http_server_fini(struct http_server *server);

/* Takes the socket over, and `ssl` (accept state) or NULL. On error both are closed, and that is counted. */
void http_server_accept(struct http_server *server, int fd, SSL *ssl,
			const struct process_listener *listener,
			const struct sockaddr_storage *peer);

void http_server_expose(FILE *out, const char *prefix, const struct http_server_counters *counters);

/* --- the request's body ------------------------------------------------------------- */

/*
 * Payload bytes at hand, contiguous; 0 with *complete false: none now, `body`
 * will be called; 0 with *complete true: that was all. A client that waits for
 * "100 Continue" is told to go on by the first call.
 */
size_t http_request_body(struct http_exchange *exchange, const char **data, bool *complete);
void http_request_body_consume(struct http_exchange *exchange, size_t length);

/* --- the reply ---------------------------------------------------------------------- */

#define HTTP_LENGTH_UNKNOWN (-1) /* chunked, or until the connection closes for HTTP/1.0 */

/* Begins a head; a head that was begun and not ended is forgotten. */
void http_reply_start(struct http_exchange *exchange, unsigned status);
/* A value with control characters, or more than fits, makes the reply a 500. */
void http_reply_field(struct http_exchange *exchange, const char *name, const char *value,
		      size_t length);
void http_reply_fieldf(struct http_exchange *exchange, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The fields of another server's response, by http_write_forwarded(). Date and Server are then
 * those that came with it; they are added where they are missing.
 */
void http_reply_forwarded(struct http_exchange *exchange, const struct http_head *head,
			  uint64_t without);
/*
 * Ends the head: Content-Length or Transfer-Encoding, Date, Connection are the
 * server's business. For HEAD `length` is what GET would have; the body is then not taken.
 */
void http_reply_head_end(struct http_exchange *exchange, int64_t length);
/*
 * 101, ends the head: "Connection: Upgrade" is added, Upgrade was set by the handler. From here on
 * both "bodies" are the raw connection, until both sides have ended.
 */
void http_reply_upgrade(struct http_exchange *exchange);
/* An interim response, 103 or another's 1xx; fields were added after http_reply_start(). */
void http_reply_interim(struct http_exchange *exchange);

/*
 * Payload. Returns how much was taken, which may be 0: `drained` follows. More
 * than the announced length is a defect of the handler and cuts the connection.
 */
size_t http_reply_body(struct http_exchange *exchange, const void *data, size_t length);
/*
 * `length` bytes of a file from `offset`, once the head has ended; the server
 * owns a duplicate of nothing: `file` stays open until `finished` or `aborted`. Ends the reply.
 */
void http_reply_file(struct http_exchange *exchange, int file, off_t offset, uint64_t length);
/* The body is complete. Less than was announced cuts the connection, as it must. */
void http_reply_end(struct http_exchange *exchange);
/* Cuts the connection: the reply cannot be completed, and the client must notice. */
void http_reply_abort(struct http_exchange *exchange);
/* All at once. `type` may be NULL. Any fields since http_reply_start(exchange, status) are kept. */
void http_reply_whole(struct http_exchange *exchange, const char *type, const void *body,
		      size_t length);

/* The client's address as text, without port. */
const char *http_exchange_peer(const struct http_exchange *exchange, char buf[ADDR_TEXT_LEN]);

#endif /* SLUICE_HTTP_SERVER_H */
