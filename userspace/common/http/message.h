/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * HTTP/1.1 messages (RFC 9112), strictly: the parser of heads, the decoder of
 * bodies, the writer. No I/O, nothing is allocated, nothing is copied: what is
 * parsed points into the caller's buffer.
 *
 * A message that two implementations could read differently is refused, not
 * repaired: framing, host and target are settled here, once, and what goes on
 * is written anew from what was understood.
 */
#ifndef SLUICE_HTTP_MESSAGE_H
#define SLUICE_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "compiler.h"
#include "http/tokens.h"

#define HTTP_HEADERS_MAX 128

/* --- heads ------------------------------------------------------------------------- */

struct http_header {
	struct http_slice name;
	struct http_slice value; /* without blanks around it */
	enum http_field field;
	bool hop; /* of this connection only: not to be forwarded */
};

/* The forms of a request's target: RFC 9112, 3.2. */
enum http_target_form {
	HTTP_TARGET_ORIGIN,    /* /path?query */
	HTTP_TARGET_ABSOLUTE,  /* http://host/path?query */
	HTTP_TARGET_AUTHORITY, /* host:port, of CONNECT only */
	HTTP_TARGET_ASTERISK,  /* *, of OPTIONS only */
};

/* How the content behind a head ends: RFC 9112, 6.3. */
enum http_framing {
	HTTP_FRAMING_NONE,    /* there is none */
	HTTP_FRAMING_LENGTH,  /* after content_length bytes */
	HTTP_FRAMING_CHUNKED, /* with the last chunk */
	HTTP_FRAMING_CLOSE,   /* with the connection: only of responses */
};

/* Where the parser stopped for want of bytes. Nobody else's business. */
struct http_resume {
	const char *data;
	uint32_t line;	/* where the line starts that is not yet complete */
	uint32_t split; /* where its first part ended; 0: not yet seen */
	uint32_t seen;	/* the bytes before are known to be good */
	uint8_t stage;
};

struct http_head {
	struct http_resume resume;
	enum http_refusal refusal; /* why -EBADMSG was returned */

	uint8_t minor; /* of HTTP/1.x: 0 or 1 */

	/* Of a request. */
	enum http_method method;
	enum http_target_form form;
	struct http_slice method_name;
	struct http_slice target; /* as it was sent */
	struct http_slice path;	  /* of the target, raw; "/" if an absolute one has none */
	struct http_slice query;  /* behind '?', raw; query.at is NULL if there is no '?' */
	/* Of the target if it names a host, else of Host; empty in HTTP/1.0 without Host. */
	struct http_slice authority; /* host and port, as it was sent, in any case */
	struct http_slice host;	     /* IPv6 addresses without their brackets */
	uint16_t port;		     /* 0: none was given */

	/* Of a response. */
	uint16_t status;
	struct http_slice reason;

	/* What follows from the fields. */
	enum http_framing framing;
	bool has_length;	 /* there was a Content-Length, in an answer to HEAD or a 304 too */
	uint64_t content_length; /* its value */
	bool keep_alive;	 /* the connection may carry another message after this one */
	bool expect_continue;	 /* the client waits for 100 (Continue) */
	bool websocket;		 /* a request to change to WebSocket, or the 101 that does it */

	uint64_t repeated;		 /* the set of fields that are there more than once */
	uint64_t known;			 /* the set of fields that are present */
	uint8_t first[HTTP_FIELD_COUNT]; /* index of the first of each; valid if it is in `known` */
	uint8_t header_count;
	struct http_header headers[HTTP_HEADERS_MAX];
};

/* Before the first byte of each message. */
void http_head_init(struct http_head *head);

/*
 * Parses a request's head out of data[0..len), which always starts with the
 * first byte of the message. Returns the bytes that the head takes, up to and
 * with the empty line; or -EAGAIN: call again with more; or -EBADMSG:
 * head->refusal tells why. A head of more than `max` bytes is refused.
 *
 * Bytes that were seen are not looked at again, unless the buffer has moved
 * between the calls: a head that arrives byte by byte costs no more than one
 * that comes at once. After success, slices are valid as long as the buffer is.
 */
ssize_t http_parse_request(struct http_head *head, const char *data, size_t len,
			   size_t max) __must_check;

/* The same for the response to a request with this method. 1xx are responses too. */
ssize_t http_parse_response(struct http_head *head, const char *data, size_t len, size_t max,
			    enum http_method request) __must_check;

/* The first header with this name, or NULL. */
static inline const struct http_header *http_head_find(const struct http_head *head,
						       enum http_field field)
{
	return head->known >> field & 1 ? &head->headers[head->first[field]] : NULL;
}

/* Its value, or an empty slice whose `at` is NULL. */
static inline struct http_slice http_head_value(const struct http_head *head, enum http_field field)
{
	const struct http_header *header = http_head_find(head, field);

	return header ? header->value : (struct http_slice){0};
}

/* The next header of the same name after `header`, or NULL. */
const struct http_header *http_head_next(const struct http_head *head,
					 const struct http_header *header);
/* The first header of that name, whether it is known or not; or NULL. */
const struct http_header *http_head_find_name(const struct http_head *head, struct http_slice name);

/* --- bodies ------------------------------------------------------------------------ */

#define HTTP_CHUNK_EXTENSION_MAX 256  /* bytes per chunk, ignored */
#define HTTP_TRAILERS_MAX	 8192 /* bytes in all, checked and ignored */

/*
 * Takes a message's content out of its framing. Framing bytes are consumed as
 * they come, in pieces of any size, so content can be relayed from where it
 * lies:
 *
 *	while (!http_body_done(&body) && have) {
 *		ssize_t skip = http_body_skip(&body, at, have);
 *		if (skip < 0)
 *			refuse(body.refusal);
 *		at += skip, have -= skip;
 *		size_t n = pass_on(at, http_body_content(&body, have));
 *		http_body_take(&body, n);
 *		at += n, have -= n;
 *	}
 */
struct http_body {
	uint64_t left;	   /* content up to the next framing byte */
	uint64_t received; /* content taken so far */
	uint64_t size;	   /* of the chunk whose head is being read */
	enum http_refusal refusal;
	uint8_t state;
	uint8_t digits; /* of the chunk size */
	uint8_t name_len;
	uint16_t extension;		/* bytes of the chunk's extension */
	uint16_t trailers;		/* bytes of the trailer section */
	char name[HTTP_FIELD_NAME_MAX]; /* of a trailer field; no forbidden one is longer */
};

/* The body that follows a parsed head. */
void http_body_init(struct http_body *body, const struct http_head *head);

/*
 * How many of the next bytes are framing: they are done with. 0 when content
 * comes next or nothing is left; or -EBADMSG: body->refusal tells why.
 */
ssize_t http_body_skip(struct http_body *body, const char *data, size_t len) __must_check;

/* How many of the next `len` bytes are content; call http_body_skip() first. */
static inline size_t http_body_content(const struct http_body *body, size_t len)
{
	return len < body->left ? len : (size_t)body->left;
}

/* `len` bytes of content were taken: no more than http_body_content() has allowed. */
void http_body_take(struct http_body *body, size_t len);

/* All of the body was taken: the next byte belongs to the next message. */
bool http_body_done(const struct http_body *body);

/* The peer has closed: 0 if the body is done, or ends so; else -EBADMSG, truncated. */
int http_body_end(struct http_body *body) __must_check;

/* --- writing ----------------------------------------------------------------------- */

/*
 * Writes a head into a buffer of the caller. An error sticks: later calls do
 * nothing, http_writer_end() returns it. Nothing that could end a line gets
 * into a line.
 */
struct http_writer {
	char *start;
	char *at;
	char *end;
	int error; /* -ENOBUFS: it does not fit; -EINVAL: not allowed there */
};

void http_writer_init(struct http_writer *writer, char *buffer, size_t size);

/* The start line. `target` as it goes on the wire. Always HTTP/1.1. */
void http_write_request_line(struct http_writer *writer, struct http_slice method,
			     struct http_slice target);
/* The line that asks for the same in origin form (CONNECT and "*" stay as they were). */
void http_write_forwarded_line(struct http_writer *writer, const struct http_head *request);
/* With the registered reason phrase. */
void http_write_status_line(struct http_writer *writer, unsigned status);

void http_write_field(struct http_writer *writer, enum http_field field, struct http_slice value);
void http_write_named(struct http_writer *writer, struct http_slice name, struct http_slice value);
void http_write_text(struct http_writer *writer, enum http_field field, const char *value);
void http_write_number(struct http_writer *writer, enum http_field field, uint64_t value);
/* An IMF-fixdate: Date, Last-Modified, Expires. The texts of recent seconds are kept. */
void http_write_time(struct http_writer *writer, enum http_field field, time_t when);

/* The fields that announce the body: "Content-Length: N", "Transfer-Encoding: chunked" or none. */
void http_write_framing(struct http_writer *writer, enum http_framing framing, uint64_t length);
/*
 * The parsed headers that may be forwarded, in their order: all but those of
 * the connection, Content-Length and the fields in the set `without`
 * (HTTP_FIELD_BIT), which the caller writes itself. A request's Host comes
 * first and is what the parser settled on; only HTTP/1.0 may have none.
 */
void http_write_forwarded(struct http_writer *writer, const struct http_head *head,
			  uint64_t without);

/* The empty line. Returns the length of the head, or the error that stuck. */
ssize_t http_writer_end(struct http_writer *writer) __must_check;

#define HTTP_CHUNK_PREFIX_MAX 18 /* 16 digits, CR LF */
#define HTTP_CHUNK_SUFFIX     HTTP_SLICE("\r\n")
#define HTTP_LAST_CHUNK	      HTTP_SLICE("0\r\n\r\n")

/* "SIZE CR LF" in front of a chunk of `size` > 0 bytes, behind which CR LF follows. Its length. */
size_t http_chunk_prefix(char out[static HTTP_CHUNK_PREFIX_MAX], uint64_t size);

#endif /* SLUICE_HTTP_MESSAGE_H */
