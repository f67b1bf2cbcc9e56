/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The words of HTTP/1.1 that Sluice knows: methods, field names, status codes,
 * and the reasons for which a message is refused. Each list stands once.
 */
#ifndef SLUICE_HTTP_TOKENS_H
#define SLUICE_HTTP_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of somebody else's buffer; never ended by NUL. */
struct http_slice {
	const char *at;
	size_t len;
};

#define HTTP_SLICE(literal) ((struct http_slice){"" literal, sizeof(literal) - 1})

struct http_slice http_slice_of(const char *text);
bool http_slice_equal(struct http_slice a, struct http_slice b);
/* ASCII letters are equal whatever their case. */
bool http_slice_equal_nocase(struct http_slice a, struct http_slice b);

/* --- methods ----------------------------------------------------------------------- */

/* X(ID, name, idempotent): RFC 9110, 9.2.2 */
#define HTTP_METHODS(X)                                                                            \
	X(GET, "GET", true)                                                                        \
	X(HEAD, "HEAD", true)                                                                      \
	X(POST, "POST", false)                                                                     \
	X(PUT, "PUT", true)                                                                        \
	X(DELETE, "DELETE", true)                                                                  \
	X(OPTIONS, "OPTIONS", true)                                                                \
	X(PATCH, "PATCH", false)                                                                   \
	X(TRACE, "TRACE", true)                                                                    \
	X(CONNECT, "CONNECT", false)

enum http_method {
	HTTP_METHOD_OTHER, /* a token, but none of these */
#define X(id, name, idempotent) HTTP_METHOD_##id,
	HTTP_METHODS(X)
#undef X
		HTTP_METHOD_COUNT
};

/* Names are case-sensitive. */
enum http_method http_method_find(struct http_slice name);
/* "OTHER" for HTTP_METHOD_OTHER. */
const char *http_method_name(enum http_method method);
/* Sent twice it does what it does once: may be retried. HTTP_METHOD_OTHER is not. */
bool http_method_is_idempotent(enum http_method method);

/* --- fields ------------------------------------------------------------------------ */

#define HTTP_FIELD_NAME_MAX 32 /* of a name that we know */

#define HTTP_F_HOP	  1 /* of this connection only: never forwarded (RFC 9110, 7.6.1) */
#define HTTP_F_PINNED	  2 /* forwarded even if Connection names it */
#define HTTP_F_NO_TRAILER 4 /* refused in a trailer section (RFC 9110, 6.5.1) */

/*
 * X(ID, name, flags), sorted by length: http_field_find() relies on it, and a
 * unit test on that. At most 63, so that a set of fields fits 64 bits.
 */
#define HTTP_FIELDS(X)                                                                             \
	X(TE, "TE", HTTP_F_HOP | HTTP_F_NO_TRAILER)                                                \
	X(AGE, "Age", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                           \
	X(VIA, "Via", HTTP_F_PINNED)                                                               \
	X(DATE, "Date", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                         \
	X(ETAG, "ETag", HTTP_F_PINNED)                                                             \
	X(HOST, "Host", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                         \
	X(VARY, "Vary", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                         \
	X(ALLOW, "Allow", 0)                                                                       \
	X(RANGE, "Range", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                       \
	X(ACCEPT, "Accept", 0)                                                                     \
	X(COOKIE, "Cookie", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                     \
	X(EXPECT, "Expect", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                     \
	X(ORIGIN, "Origin", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                     \
	X(PRAGMA, "Pragma", HTTP_F_NO_TRAILER)                                                     \
	X(SERVER, "Server", 0)                                                                     \
	X(EXPIRES, "Expires", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                   \
	X(REFERER, "Referer", 0)                                                                   \
	X(TRAILER, "Trailer", HTTP_F_HOP | HTTP_F_NO_TRAILER)                                      \
	X(UPGRADE, "Upgrade", HTTP_F_HOP | HTTP_F_NO_TRAILER)                                      \
	X(IF_MATCH, "If-Match", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                 \
	X(IF_RANGE, "If-Range", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                 \
	X(LOCATION, "Location", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                                 \
	X(FORWARDED, "Forwarded", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                               \
	X(X_REAL_IP, "X-Real-IP", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                               \
	X(CONNECTION, "Connection", HTTP_F_HOP | HTTP_F_NO_TRAILER)                                \
	X(KEEP_ALIVE, "Keep-Alive", HTTP_F_HOP | HTTP_F_NO_TRAILER)                                \
	X(SET_COOKIE, "Set-Cookie", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                             \
	X(USER_AGENT, "User-Agent", 0)                                                             \
	X(RETRY_AFTER, "Retry-After", HTTP_F_NO_TRAILER)                                           \
	X(CONTENT_TYPE, "Content-Type", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                         \
	X(X_REQUEST_ID, "X-Request-ID", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                         \
	X(X_SLUICE_APP, "X-Sluice-App", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                         \
	X(X_SLUICE_TLS, "X-Sluice-TLS", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                         \
	X(X_SLUICE_WEB, "X-Sluice-Web", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                         \
	X(ACCEPT_RANGES, "Accept-Ranges", 0)                                                       \
	X(AUTHORIZATION, "Authorization", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                       \
	X(CACHE_CONTROL, "Cache-Control", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                       \
	X(CONTENT_RANGE, "Content-Range", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                       \
	X(IF_NONE_MATCH, "If-None-Match", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                       \
	X(LAST_MODIFIED, "Last-Modified", HTTP_F_PINNED)                                           \
	X(CONTENT_LENGTH, "Content-Length", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                     \
	X(HTTP2_SETTINGS, "HTTP2-Settings", HTTP_F_HOP | HTTP_F_NO_TRAILER)                        \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0)                                                   \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0)                                                   \
	X(X_FORWARDED_FOR, "X-Forwarded-For", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                   \
	X(CONTENT_ENCODING, "Content-Encoding", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                 \
	X(CONTENT_LANGUAGE, "Content-Language", HTTP_F_PINNED)                                     \
	X(PROXY_CONNECTION, "Proxy-Connection", HTTP_F_HOP | HTTP_F_NO_TRAILER)                    \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                 \
	X(X_FORWARDED_HOST, "X-Forwarded-Host", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                 \
	X(X_FORWARDED_PORT, "X-Forwarded-Port", HTTP_F_PINNED | HTTP_F_NO_TRAILER)                 \
	X(IF_MODIFIED_SINCE, "If-Modified-Since", HTTP_F_PINNED | HTTP_F_NO_TRAILER)               \
	X(SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key", HTTP_F_PINNED | HTTP_F_NO_TRAILER)               \
	X(TRANSFER_ENCODING, "Transfer-Encoding", HTTP_F_HOP | HTTP_F_NO_TRAILER)                  \
	X(X_FORWARDED_PROTO, "X-Forwarded-Proto", HTTP_F_PINNED | HTTP_F_NO_TRAILER)               \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", HTTP_F_HOP | HTTP_F_NO_TRAILER)                \
	X(CONTENT_DISPOSITION, "Content-Disposition", HTTP_F_PINNED | HTTP_F_NO_TRAILER)           \
	X(IF_UNMODIFIED_SINCE, "If-Unmodified-Since", HTTP_F_PINNED | HTTP_F_NO_TRAILER)           \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", HTTP_F_HOP | HTTP_F_NO_TRAILER)              \
	X(SEC_WEBSOCKET_ACCEPT, "Sec-WebSocket-Accept", HTTP_F_PINNED | HTTP_F_NO_TRAILER)         \
	X(SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version", HTTP_F_PINNED | HTTP_F_NO_TRAILER)       \
	X(CONTENT_SECURITY_POLICY, "Content-Security-Policy", HTTP_F_PINNED | HTTP_F_NO_TRAILER)   \
	X(STRICT_TRANSPORT_SECURITY, "Strict-Transport-Security", HTTP_F_PINNED | HTTP_F_NO_TRAILER)

enum http_field {
	HTTP_FIELD_OTHER, /* a token, but none of these */
#define X(id, name, flags) HTTP_FIELD_##id,
	HTTP_FIELDS(X)
#undef X
		HTTP_FIELD_COUNT
};

_Static_assert(HTTP_FIELD_COUNT <= 64, "a set of fields is a uint64_t");

/* The set that holds one field; sets are joined by |. */
#define HTTP_FIELD_BIT(id) (1ull << HTTP_FIELD_##id)

/* `name` has to be a token. Names are the same whatever their case. */
enum http_field http_field_find(struct http_slice name);
/* As RFC 9110 writes it; "" for HTTP_FIELD_OTHER. */
struct http_slice http_field_name(enum http_field field);
/* HTTP_F_*; 0 for HTTP_FIELD_OTHER. */
unsigned http_field_flags(enum http_field field);

/* --- status codes ------------------------------------------------------------------ */

/* "Not Found" for 404; "" for a code without a registered phrase. */
const char *http_status_reason(unsigned status);

/* --- refusals ---------------------------------------------------------------------- */

/*
 * X(ID, status to answer a request with, name in metrics and logs, in words). A response that
 * is refused is answered with 502, whatever stands here.
 */
#define HTTP_REFUSALS(X)                                                                           \
	X(METHOD, 400, "method", "the method is not a token")                                      \
	X(METHOD_LONG, 501, "method_long", "the method is longer than any")                        \
	X(TARGET, 400, "target", "the request target is malformed")                                \
	X(TARGET_LONG, 414, "target_long", "the request target is too long")                       \
	X(VERSION_SYNTAX, 400, "version_syntax", "no HTTP version where one belongs")              \
	X(VERSION, 505, "version", "neither HTTP/1.0 nor HTTP/1.1")                                \
	X(STATUS_LINE, 400, "status_line", "the status line is malformed")                         \
	X(LINE_END, 400, "line_end", "a line does not end in CR LF")                               \
	X(EMPTY_LINES, 400, "empty_lines", "empty lines before the start line")                    \
	X(FOLD, 400, "fold", "a field line is folded, or the first starts with a blank")           \
	X(NAME, 400, "field_name", "a field name is not a token")                                  \
	X(NAME_BLANK, 400, "field_name_blank", "a blank before a field's colon")                   \
	X(NAME_ALIAS, 400, "field_name_alias", "a known field name written with underscores")      \
	X(VALUE, 400, "field_value", "a control character in a field value")                       \
	X(HEAD_LONG, 431, "head_long", "the head is too long")                                     \
	X(FIELDS_MANY, 431, "fields_many", "too many fields")                                      \
	X(HOST_MISSING, 400, "host_missing", "HTTP/1.1 without Host")                              \
	X(HOST_TWICE, 400, "host_twice", "more than one Host")                                     \
	X(HOST, 400, "host", "Host is not a host name or address with an optional port")           \
	X(HOST_MISMATCH, 400, "host_mismatch", "Host differs from the request target")             \
	X(LENGTH, 400, "length", "Content-Length is not one number")                               \
	X(LENGTH_TWICE, 400, "length_twice", "more than one Content-Length")                       \
	X(CODING, 501, "coding", "Transfer-Encoding is not \"chunked\"")                           \
	X(CODING_TWICE, 400, "coding_twice", "more than one Transfer-Encoding")                    \
	X(CODING_OLD, 400, "coding_old", "Transfer-Encoding in HTTP/1.0")                          \
	X(LENGTH_AND_CODING, 400, "length_and_coding", "Content-Length and Transfer-Encoding")     \
	X(CONNECTION, 400, "connection", "Connection is not a list of tokens")                     \
	X(EXPECTATION, 417, "expectation", "Expect is not \"100-continue\"")                       \
	X(CONTENT_FORBIDDEN, 400, "content_forbidden", "content announced where there is none")    \
	X(CHUNK_SIZE, 400, "chunk_size", "a chunk's size is malformed")                            \
	X(CHUNK_EXTENSION, 400, "chunk_extension", "a chunk's extension is malformed or long")     \
	X(CHUNK_END, 400, "chunk_end", "a chunk does not end where its size says")                 \
	X(TRAILER, 400, "trailer", "a malformed trailer field")                                    \
	X(TRAILER_FORBIDDEN, 400, "trailer_forbidden", "a field that no trailer may have")         \
	X(TRAILER_LONG, 431, "trailer_long", "the trailer section is too long")                    \
	X(TRUNCATED, 400, "truncated", "the connection ended inside of the message")

enum http_refusal {
	HTTP_REFUSAL_NONE,
#define X(id, status, name, words) HTTP_REFUSAL_##id,
	HTTP_REFUSALS(X)
#undef X
		HTTP_REFUSAL_COUNT
};

/* What to answer a refused request with; 0 for HTTP_REFUSAL_NONE. */
unsigned http_refusal_status(enum http_refusal refusal);
/* A word for a metric's label or a log; "none" for HTTP_REFUSAL_NONE. */
const char *http_refusal_name(enum http_refusal refusal);
/* A phrase for a log. */
const char *http_refusal_words(enum http_refusal refusal);

#endif /* SLUICE_HTTP_TOKENS_H */
