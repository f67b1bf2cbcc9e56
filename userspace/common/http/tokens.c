/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "http/tokens.h"

#include <string.h>

#include "compiler.h"
#include "http/scan.h"

struct http_slice http_slice_of(const char *text)
{
	return (struct http_slice){text, strlen(text)};
}

bool http_slice_equal(struct http_slice a, struct http_slice b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.at, b.at, a.len));
}

bool http_slice_equal_nocase(struct http_slice a, struct http_slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (http_lower(a.at[i]) != http_lower(b.at[i]))
			return false;
	return true;
}

/* --- methods ----------------------------------------------------------------------- */

#define X(id, name, idempotent) [HTTP_METHOD_##id] = {HTTP_SLICE(name), idempotent},
static const struct {
	struct http_slice name;
	bool idempotent;
} methods[HTTP_METHOD_COUNT] = {[HTTP_METHOD_OTHER] = {HTTP_SLICE("OTHER"), false},
				HTTP_METHODS(X)};
#undef X

enum http_method http_method_find(struct http_slice name)
{
	for (unsigned method = HTTP_METHOD_OTHER + 1; method < HTTP_METHOD_COUNT; method++)
		if (http_slice_equal(methods[method].name, name))
			return method;
	return HTTP_METHOD_OTHER;
}

const char *http_method_name(enum http_method method)
{
	return methods[method].name.at;
}

bool http_method_is_idempotent(enum http_method method)
{
	return methods[method].idempotent;
}

/* --- fields ------------------------------------------------------------------------ */

#define X(id, name, flags) [HTTP_FIELD_##id] = {HTTP_SLICE(name), flags},
static const struct {
	struct http_slice name;
	uint8_t flags;
} fields[HTTP_FIELD_COUNT] = {[HTTP_FIELD_OTHER] = {HTTP_SLICE(""), 0}, HTTP_FIELDS(X)};
#undef X

#define X(id, name, flags)                                                                         \
	_Static_assert(sizeof(name) - 1 <= HTTP_FIELD_NAME_MAX, name " is too long");
HTTP_FIELDS(X)
#undef X

/* The first field whose name has this length; HTTP_FIELD_OTHER: none has. */
static const uint8_t first_of_length[] = {
	[2] = HTTP_FIELD_TE,
	[3] = HTTP_FIELD_AGE,
	[4] = HTTP_FIELD_DATE,
	[5] = HTTP_FIELD_ALLOW,
	[6] = HTTP_FIELD_ACCEPT,
	[7] = HTTP_FIELD_EXPIRES,
	[8] = HTTP_FIELD_IF_MATCH,
	[9] = HTTP_FIELD_FORWARDED,
	[10] = HTTP_FIELD_CONNECTION,
	[11] = HTTP_FIELD_RETRY_AFTER,
	[12] = HTTP_FIELD_CONTENT_TYPE,
	[13] = HTTP_FIELD_ACCEPT_RANGES,
	[14] = HTTP_FIELD_CONTENT_LENGTH,
	[15] = HTTP_FIELD_ACCEPT_ENCODING,
	[16] = HTTP_FIELD_CONTENT_ENCODING,
	[17] = HTTP_FIELD_IF_MODIFIED_SINCE,
	[18] = HTTP_FIELD_PROXY_AUTHENTICATE,
	[19] = HTTP_FIELD_CONTENT_DISPOSITION,
	[20] = HTTP_FIELD_SEC_WEBSOCKET_ACCEPT,
	[21] = HTTP_FIELD_SEC_WEBSOCKET_VERSION,
	[23] = HTTP_FIELD_CONTENT_SECURITY_POLICY,
	[25] = HTTP_FIELD_STRICT_TRANSPORT_SECURITY,
};

#define CASE 0x2020202020202020ull /* the bit in which upper and lower case differ, per byte */

static uint64_t differ8(const char *a, const char *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x ^ y) & ~CASE;
}

static uint32_t differ4(const char *a, const char *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x ^ y) & ~(uint32_t)CASE;
}

/*
 * Equal but for bit 5 of each byte. The names that we know are made of letters,
 * digits and '-'. That bit turns a letter into the other case, and what it turns
 * digits and '-' into is not allowed in a token.
 */
static bool names_equal(const char *a, const char *b, size_t len)
{
	if (len < 4) {
		for (size_t i = 0; i < len; i++)
			if ((a[i] ^ b[i]) & ~(int)(CASE & 0xff))
				return false;
		return true;
	}
	if (len < 8)
		return !(differ4(a, b) | differ4(a + len - 4, b + len - 4));
	for (size_t i = 0; i + 8 < len; i += 8)
		if (differ8(a + i, b + i))
			return false;
	return !differ8(a + len - 8, b + len - 8);
}

enum http_field http_field_find(struct http_slice name)
{
	unsigned field;

	if (name.len >= ARRAY_LEN(first_of_length) || !first_of_length[name.len])
		return HTTP_FIELD_OTHER;
	for (field = first_of_length[name.len];
	     field < HTTP_FIELD_COUNT && fields[field].name.len == name.len; field++)
		if (names_equal(fields[field].name.at, name.at, name.len))
			return field;
	return HTTP_FIELD_OTHER;
}

struct http_slice http_field_name(enum http_field field)
{
	return fields[field].name;
}

unsigned http_field_flags(enum http_field field)
{
	return fields[field].flags;
}

/* --- status codes ------------------------------------------------------------------ */

/* X(status, phrase): the codes of RFC 9110 that are in use, and of RFC 6585, 7725, 8297. */
#define STATUSES(X)                                                                                \
	X(100, "Continue")                                                                         \
	X(101, "Switching Protocols")                                                              \
	X(103, "Early Hints")                                                                      \
	X(200, "OK")                                                                               \
	X(201, "Created")                                                                          \
	X(202, "Accepted")                                                                         \
	X(203, "Non-Authoritative Information")                                                    \
	X(204, "No Content")                                                                       \
	X(205, "Reset Content")                                                                    \
	X(206, "Partial Content")                                                                  \
	X(300, "Multiple Choices")                                                                 \
	X(301, "Moved Permanently")                                                                \
	X(302, "Found")                                                                            \
	X(303, "See Other")                                                                        \
	X(304, "Not Modified")                                                                     \
	X(307, "Temporary Redirect")                                                               \
	X(308, "Permanent Redirect")                                                               \
	X(400, "Bad Request")                                                                      \
	X(401, "Unauthorized")                                                                     \
	X(402, "Payment Required")                                                                 \
	X(403, "Forbidden")                                                                        \
	X(404, "Not Found")                                                                        \
	X(405, "Method Not Allowed")                                                               \
	X(406, "Not Acceptable")                                                                   \
	X(407, "Proxy Authentication Required")                                                    \
	X(408, "Request Timeout")                                                                  \
	X(409, "Conflict")                                                                         \
	X(410, "Gone")                                                                             \
	X(411, "Length Required")                                                                  \
	X(412, "Precondition Failed")                                                              \
	X(413, "Content Too Large")                                                                \
	X(414, "URI Too Long")                                                                     \
	X(415, "Unsupported Media Type")                                                           \
	X(416, "Range Not Satisfiable")                                                            \
	X(417, "Expectation Failed")                                                               \
	X(421, "Misdirected Request")                                                              \
	X(422, "Unprocessable Content")                                                            \
	X(425, "Too Early")                                                                        \
	X(426, "Upgrade Required")                                                                 \
	X(428, "Precondition Required")                                                            \
	X(429, "Too Many Requests")                                                                \
	X(431, "Request Header Fields Too Large")                                                  \
	X(451, "Unavailable For Legal Reasons")                                                    \
	X(500, "Internal Server Error")                                                            \
	X(501, "Not Implemented")                                                                  \
	X(502, "Bad Gateway")                                                                      \
	X(503, "Service Unavailable")                                                              \
	X(504, "Gateway Timeout")                                                                  \
	X(505, "HTTP Version Not Supported")                                                       \
	X(507, "Insufficient Storage")                                                             \
	X(511, "Network Authentication Required")

const char *http_status_reason(unsigned status)
{
	switch (status) {
#define X(code, phrase)                                                                            \
	case code:                                                                                 \
		return phrase;
		STATUSES(X)
#undef X
	default:
		return "";
	}
}

/* --- refusals ---------------------------------------------------------------------- */

#define X(id, status, name, words) [HTTP_REFUSAL_##id] = {status, name, words},
static const struct {
	unsigned status;
	const char *name;
	const char *words;
} refusals[HTTP_REFUSAL_COUNT] = {[HTTP_REFUSAL_NONE] = {0, "none", "not refused"},
				  HTTP_REFUSALS(X)};
#undef X

unsigned http_refusal_status(enum http_refusal refusal)
{
	return refusals[refusal].status;
}

const char *http_refusal_name(enum http_refusal refusal)
{
	return refusals[refusal].name;
}

const char *http_refusal_words(enum http_refusal refusal)
{
	return refusals[refusal].words;
}
