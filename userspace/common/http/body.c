/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Decoding bodies: by length, chunked, up to the end of the connection (RFC
 * 9112, 6 and 7). The framing of chunks is read byte by byte, with a state that
 * needs none of the bytes before; content is counted in one step.
 */
#include <errno.h>

#include "http/message.h"
#include "http/scan.h"

enum state {
	STATE_LENGTH,  /* content, until `left` is 0 */
	STATE_CLOSE,   /* content, without end */
	STATE_CONTENT, /* content of a chunk, until `left` is 0 */
	STATE_CONTENT_CR,
	STATE_CONTENT_LF,
	STATE_SIZE,
	STATE_EXTENSION, /* behind ';' */
	STATE_EXTENSION_NAME,
	STATE_EXTENSION_EQUALS, /* behind '=' */
	STATE_EXTENSION_TOKEN,
	STATE_EXTENSION_QUOTED,
	STATE_EXTENSION_PAIR, /* behind a backslash */
	STATE_EXTENSION_END,
	STATE_SIZE_LF,
	STATE_TRAILER, /* at the start of a line */
	STATE_NAME,
	STATE_VALUE,
	STATE_VALUE_LF,
	STATE_END_LF,
	STATE_DONE,
	STATE_REFUSED,
};

#define SIZE_DIGITS_MAX                                                                            \
	15 /* of a chunk's size: what fits a signed 64-bit number, and more than any */

void http_body_init(struct http_body *body, const struct http_head *head)
{
	*body = (struct http_body){.state = STATE_DONE};
	switch (head->framing) {
	case HTTP_FRAMING_NONE:
		break;
	case HTTP_FRAMING_LENGTH:
		body->state = STATE_LENGTH;
		body->left = head->content_length;
		break;
	case HTTP_FRAMING_CHUNKED:
		body->state = STATE_SIZE;
		break;
	case HTTP_FRAMING_CLOSE:
		body->state = STATE_CLOSE;
		body->left = UINT64_MAX;
		break;
	}
}

static int refuse(struct http_body *body, enum http_refusal refusal)
{
	body->state = STATE_REFUSED;
	body->refusal = refusal;
	return -EBADMSG;
}

static int expect(struct http_body *body, char seen, char expected, enum state next,
		  enum http_refusal otherwise)
{
	if (seen != expected)
		return refuse(body, otherwise);
	body->state = next;
	return 0;
}

/* --- chunk size and extension ------------------------------------------------------ */

static int size_end(struct http_body *body, char c)
{
	if (!body->digits)
		return refuse(body, HTTP_REFUSAL_CHUNK_SIZE);
	body->extension = 0;
	if (c == ';')
		body->state = STATE_EXTENSION;
	else
		return expect(body, c, '\r', STATE_SIZE_LF, HTTP_REFUSAL_CHUNK_SIZE);
	return 0;
}

static int size_digit(struct http_body *body, char c)
{
	if (!http_is(c, HTTP_C_HEX))
		return size_end(body, c);
	if (body->digits++ == SIZE_DIGITS_MAX)
		return refuse(body, HTTP_REFUSAL_CHUNK_SIZE);
	body->size = body->size << 4 | http_hex(c);
	return 0;
}

/* What may come behind a whole extension: the next one, or the end of the line. */
static bool extension_end(struct http_body *body, char c)
{
	if (c != ';' && c != '\r')
		return false;
	body->state = c == ';' ? STATE_EXTENSION : STATE_SIZE_LF;
	return true;
}

static bool extension_quoted(struct http_body *body, char c)
{
	if (c == '"')
		body->state = STATE_EXTENSION_END;
	else if (c == '\\')
		body->state = STATE_EXTENSION_PAIR;
	return http_is(c, HTTP_C_VALUE);
}

/* The start of a name or a value, which is not empty. */
static bool extension_start(struct http_body *body, char c, enum state inside)
{
	body->state = inside;
	return http_is(c, HTTP_C_TOKEN);
}

/* ";name", ";name=token" or ";name="quoted""; no blanks, which RFC 9112 calls bad. */
static bool extension_takes(struct http_body *body, char c)
{
	switch (body->state) {
	case STATE_EXTENSION:
		return extension_start(body, c, STATE_EXTENSION_NAME);
	case STATE_EXTENSION_NAME:
		if (c == '=') {
			body->state = STATE_EXTENSION_EQUALS;
			return true;
		}
		return http_is(c, HTTP_C_TOKEN) || extension_end(body, c);
	case STATE_EXTENSION_EQUALS:
		if (c == '"') {
			body->state = STATE_EXTENSION_QUOTED;
			return true;
		}
		return extension_start(body, c, STATE_EXTENSION_TOKEN);
	case STATE_EXTENSION_TOKEN:
		return http_is(c, HTTP_C_TOKEN) || extension_end(body, c);
	case STATE_EXTENSION_QUOTED:
		return extension_quoted(body, c);
	case STATE_EXTENSION_PAIR:
		body->state = STATE_EXTENSION_QUOTED;
		return http_is(c, HTTP_C_VALUE);
	default:
		return extension_end(body, c);
	}
}

static int extension_byte(struct http_body *body, char c)
{
	if (body->extension++ == HTTP_CHUNK_EXTENSION_MAX || !extension_takes(body, c))
		return refuse(body, HTTP_REFUSAL_CHUNK_EXTENSION);
	return 0;
}

static int size_lf(struct http_body *body, char c)
{
	enum state next = body->size ? STATE_CONTENT : STATE_TRAILER;

	body->left = body->size;
	body->size = 0;
	body->digits = 0;
	return expect(body, c, '\n', next, HTTP_REFUSAL_CHUNK_SIZE);
}

/* --- trailer section --------------------------------------------------------------- */

static int name_byte(struct http_body *body, char c)
{
	if (!http_is(c, HTTP_C_TOKEN))
		return refuse(body, HTTP_REFUSAL_TRAILER);
	if (body->name_len < sizeof(body->name))
		body->name[body->name_len] = c == '_' ? '-' : c;
	if (body->name_len <= sizeof(body->name))
		body->name_len++;
	body->state = STATE_NAME;
	return 0;
}

static int name_end(struct http_body *body)
{
	struct http_slice name = {body->name, body->name_len};

	body->state = STATE_VALUE;
	if (body->name_len > sizeof(body->name))
		return 0;
	if (http_field_flags(http_field_find(name)) & HTTP_F_NO_TRAILER)
		return refuse(body, HTTP_REFUSAL_TRAILER_FORBIDDEN);
	return 0;
}

static int trailer_byte(struct http_body *body, char c)
{
	if (body->trailers++ == HTTP_TRAILERS_MAX)
		return refuse(body, HTTP_REFUSAL_TRAILER_LONG);
	switch (body->state) {
	case STATE_TRAILER:
		body->name_len = 0;
		if (c != '\r')
			return name_byte(body, c);
		body->state = STATE_END_LF;
		return 0;
	case STATE_NAME:
		return c == ':' ? name_end(body) : name_byte(body, c);
	case STATE_VALUE:
		if (http_is(c, HTTP_C_VALUE))
			return 0;
		return expect(body, c, '\r', STATE_VALUE_LF, HTTP_REFUSAL_TRAILER);
	case STATE_VALUE_LF:
		return expect(body, c, '\n', STATE_TRAILER, HTTP_REFUSAL_TRAILER);
	default:
		return expect(body, c, '\n', STATE_DONE, HTTP_REFUSAL_TRAILER);
	}
}

/* --- the whole --------------------------------------------------------------------- */

static int framing_byte(struct http_body *body, char c)
{
	switch (body->state) {
	case STATE_CONTENT_CR:
		return expect(body, c, '\r', STATE_CONTENT_LF, HTTP_REFUSAL_CHUNK_END);
	case STATE_CONTENT_LF:
		return expect(body, c, '\n', STATE_SIZE, HTTP_REFUSAL_CHUNK_END);
	case STATE_SIZE:
		return size_digit(body, c);
	case STATE_EXTENSION ... STATE_EXTENSION_END:
		return extension_byte(body, c);
	case STATE_SIZE_LF:
		return size_lf(body, c);
	case STATE_REFUSED:
		return -EBADMSG;
	default:
		return trailer_byte(body, c);
	}
}

static bool wants_framing(const struct http_body *body)
{
	return body->state >= STATE_CONTENT_CR && body->state != STATE_DONE;
}

ssize_t http_body_skip(struct http_body *body, const char *data, size_t len)
{
	size_t used = 0;

	while (used < len && wants_framing(body))
		if (framing_byte(body, data[used++]))
			return -EBADMSG;
	return (ssize_t)used;
}

void http_body_take(struct http_body *body, size_t len)
{
	body->received += len;
	if (body->state == STATE_CLOSE)
		return;
	body->left -= len;
	if (body->left)
		return;
	if (body->state == STATE_CONTENT)
		body->state = STATE_CONTENT_CR;
	else if (body->state == STATE_LENGTH)
		body->state = STATE_DONE;
}

bool http_body_done(const struct http_body *body)
{
	return body->state == STATE_DONE;
}

int http_body_end(struct http_body *body)
{
	if (body->state == STATE_CLOSE) {
		body->state = STATE_DONE;
		body->left = 0;
	}
	return http_body_done(body) ? 0 : refuse(body, HTTP_REFUSAL_TRUNCATED);
}
