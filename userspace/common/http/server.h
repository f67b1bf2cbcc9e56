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
#include <stdio.h>
#include <sys/socket.h>

#include "addr.h"
#include "buffer.h"
#include "http/message.h"
#include "loop.h"
#include "stream.h"

#define HTTP_SERVER_HEAD_MAX 16384u /* bytes of a request's head, and of a reply's */
#define HTTP_REPLY_WHOLE_MAX 12288u /* bytes of body that http_reply_whole() takes */

/*
 * Deadlines. A client that is waited for, whether it sends a body or takes one,
 * has body_ms for every body_ms * rate bytes; time in which nobody waits for it does not count.
 */
struct http_server_settings {
	unsigned head_ms;    /* from the connection or a request's first byte to its head's end */
	unsigned idle_ms;    /* until the first byte of a further request */
	unsigned body_ms;    /* see above */
	unsigned tunnel_ms;  /* after an upgrade: without a byte in either direction */
	unsigned rate;	     /* bytes a second */
	unsigned requests;   /* on one connection, at most */
	unsigned body_bytes; /* of a request, at most: 413 */
};

/* Defaults: 10 s, 60 s, 20 s, 1 h, 500, 100000, 1 GiB. */
void http_server_settings_init(struct http_server_settings *settings);
/*
 * The keys "head-timeout", "idle-timeout", "body-timeout", "tunnel-timeout", "minimum-rate",
 * "requests" and "body-max" of a table of fields (config_reader.h), of objects of `type` in which
 * `member` is a struct http_server_settings.
 */
/* clang-format off */
#define HTTP_SERVER_DURATION(name, type, member_ms) \
	{name, .read = read_scalar, .parse = parse_duration_ms, \
	 FIELD_MEMBER(type, member_ms), .min = 10, .max = 24 * 60 * 60 * 1000, \
	 .expected = "a duration from 10ms to 1440m, such as 500ms, 30s or 5m"}
#define HTTP_SERVER_FIELDS(type, member) \
	HTTP_SERVER_DURATION("head-timeout", type, member.head_ms), \
	HTTP_SERVER_DURATION("idle-timeout", type, member.idle_ms), \
	HTTP_SERVER_DURATION("body-timeout", type, member.body_ms), \
	HTTP_SERVER_DURATION("tunnel-timeout", type, member.tunnel_ms), \
	{"minimum-rate", .read = read_scalar, .parse = parse_number, \
	 FIELD_MEMBER(type, member.rate), .min = 0, .max = 1000000}, \
	{"requests", .read = read_scalar, .parse = parse_number, \
	 FIELD_MEMBER(type, member.requests), .min = 1, .max = 1000000000}, \
	{"body-max", .read = read_scalar, .parse = parse_number, \
	 FIELD_MEMBER(type, member.body_bytes), .min = 0, .max = 4000000000}
/* clang-format on */

/* Counters in shared memory; one line of HTTP_SERVER_COUNTERS is one uint64_t. */
#define HTTP_SERVER_COUNTERS(X)                                                                    \
	X(connections, "Connections accepted.")                                                    \
	X(handshakes_failed, "TLS handshakes that did not succeed.")                               \
	X(requests, "Requests whose head was complete.")                                           \
	X(too_large, "Requests refused because their body is too large.")                          \
	X(timeouts, "Connections closed by a deadline, but for idle ones.")                        \
	X(aborted, "Exchanges whose client went away.")                                            \
	X(bytes_in, "Bytes read from clients, inside TLS.")                                        \
	X(bytes_out, "Bytes written to clients, inside TLS.")

#define HTTP_SERVER_DURATIONS 14 /* buckets; upper bounds in server_metrics.c, the last has none */

struct http_server_counters {
#define X(name, help) uint64_t name;
	HTTP_SERVER_COUNTERS(X)
#undef X
	uint64_t responses_1xx, responses_2xx, responses_3xx, responses_4xx, responses_5xx;
	uint64_t refusals[HTTP_REFUSAL_COUNT];	   /* malformed requests, by reason */
	uint64_t durations[HTTP_SERVER_DURATIONS]; /* exchanges, by how long they took */
	uint64_t duration_ns;			   /* their sum */
};

struct http_exchange;

/*
 * All run on the loop's thread, never from within a call that the handler makes here: what follows
 * from such a call is told later. After `finished` or `aborted`, one of which comes, the exchange
 * is gone.
 */
struct http_handler {
	/* A request's head is complete. The handler may answer now or later. */
	void (*request)(struct http_exchange *exchange);
	/* After http_request_body() had nothing: there is more, or that was all. May be NULL. */
	void (*body)(struct http_exchange *exchange);
	/* There is room for more of the reply, after less was taken than given. May be NULL. */
	void (*drained)(struct http_exchange *exchange);
	/* The reply has left, or was cut short by the handler (`broken`). May be NULL. */
	void (*finished)(struct http_exchange *exchange);
	/* The client is gone, too slow, or its body malformed: let go of everything. */
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
	bool draining;
	struct http_connection *connections; /* all; private */
	struct http_exchange *spare;	     /* to be used again; private */
	unsigned spare_count;
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
	uint64_t duration_ns;			 /* in `finished` and `aborted` */
	bool reply_begun;			 /* its head is settled */
	bool reply_complete;			 /* http_reply_end() was called */
	bool broken;				 /* at the end: the reply was cut short */
	void *data;				 /* the handler's */
	struct proxy *proxy;			 /* of proxy.h: who relays it; NULL: nobody */

	/* Private to server*.c. */
	struct http_exchange *next; /* of those kept to be used again */
	struct http_connection *connection;
	struct http_body body;
	struct http_writer writer; /* of the head that is being made; start is NULL: none is */
	uint64_t reply_fields;	   /* the set of those that the handler has given */
	uint64_t reply_left;	   /* of the announced body, or of the chunk that was begun */
	int file;		   /* that is being sent, while file_left > 0 */
	off_t file_offset;
	uint64_t file_left;
	enum http_framing reply_framing;
	bool reply_bodyless;   /* HEAD, 204, 304: what is given is dropped */
	bool upgraded;	       /* raw bytes, both ways */
	bool keep_alive;       /* the connection goes on after the reply */
	bool continue_awaited; /* the client waits for 100 */
	bool body_wanted;      /* the handler has met the end of what was there */
	bool output_wanted;    /* the handler has more to give */
};

void http_server_init(struct http_server *server, struct loop *loop, struct buffer_pool *buffers,
		      const struct http_server_settings *settings,
		      const struct http_handler *handler, struct http_server_counters *counters);
/*
 * Connections without a request are closed soon, unless one is on its way; the others after their
 * exchange, which says so: "Connection: close".
 */
void http_server_drain(struct http_server *server);
/* Closes everything; exchanges are told `aborted`. */
void http_server_fini(struct http_server *server);

/* Takes the socket over, and `ssl` (accept state) or NULL. On error both are closed. */
void http_server_accept(struct http_server *server, int fd, SSL *ssl,
			const struct process_listener *listener,
			const struct sockaddr_storage *peer);

void http_server_expose(FILE *out, const char *prefix, const struct http_server_counters *counters);

/* --- the request's body ------------------------------------------------------------- */

/*
 * Payload bytes at hand, contiguous, valid until the handler returns or consumes
 * them; 0 with *complete false: none now, `body` will be called; 0 with
 * *complete true: that was all. A client that waits for "100 Continue" is told to go on by the
 * first call, unless the reply has been started.
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
void http_reply_known(struct http_exchange *exchange, enum http_field field,
		      struct http_slice value);
/*
 * The fields of another server's response, by http_write_forwarded(). Date and Server are then
 * those that came with it; they are added where they are missing.
 */
void http_reply_forwarded(struct http_exchange *exchange, const struct http_head *head,
			  uint64_t without);
/*
 * Ends the head: framing, Connection, and Date and Server where the handler gave none, are the
 * server's business. For HEAD `length` is what GET would have; the body is then dropped.
 * Nothing is sent before a body follows, the reply ends or the handler returns.
 */
void http_reply_head_end(struct http_exchange *exchange, int64_t length);
/*
 * Instead, after status 101: "Connection: Upgrade" is added, Upgrade was set by the handler. From
 * here on both "bodies" are the raw connection, until both sides have ended.
 */
void http_reply_upgrade(struct http_exchange *exchange);
/* Instead, after status 103 or another 1xx but 101: the final reply is still to be started. */
void http_reply_interim(struct http_exchange *exchange);

/*
 * Payload. Returns how much was taken, which may be 0: `drained` follows, and the rest has to
 * be given again, first. More than the announced length is a defect of the handler and cuts
 * the connection.
 */
size_t http_reply_body(struct http_exchange *exchange, const void *data, size_t length);
/*
 * `length` bytes of a file as payload. The file stays the caller's and open until they have
 * left: `drained` tells, or `finished` if the reply was ended meanwhile. Nothing else is taken
 * before. Not for a reply of unknown length, unless to an HTTP/1.0 client.
 */
void http_reply_file(struct http_exchange *exchange, int file, off_t offset, uint64_t length);
/* The body is complete. Less than was announced cuts the connection, as it must. */
void http_reply_end(struct http_exchange *exchange);
/* Cuts the connection: the reply cannot be completed, and the client must notice. */
void http_reply_abort(struct http_exchange *exchange);
/*
 * Head, a body of at most HTTP_REPLY_WHOLE_MAX bytes, end; after http_reply_start() and fields.
 * `type` may be NULL. The body is copied.
 */
void http_reply_whole(struct http_exchange *exchange, const char *type, const void *body,
		      size_t length);

/* The client's address as text, without port; "unix" for a UNIX socket. */
const char *http_exchange_peer(const struct http_exchange *exchange, char buf[ADDR_TEXT_LEN]);

#endif /* SLUICE_HTTP_SERVER_H */
