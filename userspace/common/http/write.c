/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Writing heads (RFC 9112, 2 to 6) into a bounded buffer. Values are checked
 * before they are written: no line ends where the caller did not end it.
 */
#include <errno.h>
#include <string.h>

#include "http/message.h"
#include "http/scan.h"
#include "http/value.h"

void http_writer_init(struct http_writer *writer, char *buffer, size_t size)
{
	*writer = (struct http_writer){.start = buffer, .at = buffer, .end = buffer + size};
}

static void fail(struct http_writer *writer, int error)
{
	if (!writer->error)
		writer->error = error;
}

/* Room for `len` bytes, which the caller fills; NULL if there is none, or was an error. */
static char *reserve(struct http_writer *writer, size_t len)
{
	char *at = writer->at;

	if (len > (size_t)(writer->end - at))
		fail(writer, -ENOBUFS);
	if (writer->error)
		return NULL;
	writer->at += len;
	return at;
}

static char *put(char *at, struct http_slice text)
{
	if (text.len)
		memcpy(at, text.at, text.len);
	return at + text.len;
}

static bool is_all(struct http_slice text, unsigned class)
{
	return !text.len || http_scan(text.at, text.at + text.len, class) == text.at + text.len;
}

static bool is_value(struct http_slice text)
{
	return !text.len || http_scan_value(text.at, text.at + text.len) == text.at + text.len;
}

/* --- numbers ----------------------------------------------------------------------- */

#define DECIMAL_MAX 20

/* The decimal digits of a number, somewhere in `out`. */
static struct http_slice decimal(uint64_t value, char out[static DECIMAL_MAX])
{
	size_t at = DECIMAL_MAX;

	do {
		out[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return (struct http_slice){out + at, DECIMAL_MAX - at};
}

size_t http_chunk_prefix(char out[static HTTP_CHUNK_PREFIX_MAX], uint64_t size)
{
	size_t digits = size ? (size_t)(67 - __builtin_clzll(size)) / 4 : 1;

	for (size_t i = digits; i-- > 0; size >>= 4)
		out[i] = "0123456789abcdef"[size & 15];
	memcpy(out + digits, "\r\n", 2);
	return digits + 2;
}

/* --- start lines ------------------------------------------------------------------- */

void http_write_request_line(struct http_writer *writer, struct http_slice method,
			     struct http_slice target)
{
	char *at;

	if (!method.len || !target.len || !is_all(method, HTTP_C_TOKEN) ||
	    !is_all(target, HTTP_C_TARGET)) {
		fail(writer, -EINVAL);
		return;
	}
	at = reserve(writer, method.len + target.len + sizeof("  HTTP/1.1\r\n") - 1);
	if (!at)
		return;
	at = put(at, method);
	*at++ = ' ';
	at = put(at, target);
	put(at, HTTP_SLICE(" HTTP/1.1\r\n"));
}

void http_write_forwarded_line(struct http_writer *writer, const struct http_head *request)
{
	struct http_slice target = request->target;
	char *at;

	if (request->form != HTTP_TARGET_ABSOLUTE) {
		http_write_request_line(writer, request->method_name, target);
		return;
	}
	at = reserve(writer, request->method_name.len + request->path.len + request->query.len +
				     sizeof(" ? HTTP/1.1\r\n") - 1 - !request->query.at);
	if (!at)
		return;
	at = put(at, request->method_name);
	*at++ = ' ';
	at = put(at, request->path);
	if (request->query.at)
		*at++ = '?';
	at = put(at, request->query);
	put(at, HTTP_SLICE(" HTTP/1.1\r\n"));
}

void http_write_status_line(struct http_writer *writer, unsigned status)
{
	struct http_slice reason = http_slice_of(http_status_reason(status));
	char digits[DECIMAL_MAX], *at;

	if (status < 100 || status > 599) {
		fail(writer, -EINVAL);
		return;
	}
	at = reserve(writer, sizeof("HTTP/1.1 200 \r\n") - 1 + reason.len);
	if (!at)
		return;
	at = put(at, HTTP_SLICE("HTTP/1.1 "));
	at = put(at, decimal(status, digits));
	*at++ = ' ';
	at = put(at, reason);
	put(at, HTTP_SLICE("\r\n"));
}

/* --- fields ------------------------------------------------------------------------ */

/* `name` and `value` are known to be good. */
static void write_line(struct http_writer *writer, struct http_slice name, struct http_slice value)
{
	char *at = reserve(writer, name.len + value.len + sizeof(": \r\n") - 1);

	if (!at)
		return;
	at = put(at, name);
	at = put(at, HTTP_SLICE(": "));
	at = put(at, value);
	put(at, HTTP_SLICE("\r\n"));
}

void http_write_field(struct http_writer *writer, enum http_field field, struct http_slice value)
{
	if (field == HTTP_FIELD_OTHER || !is_value(value))
		fail(writer, -EINVAL);
	else
		write_line(writer, http_field_name(field), value);
}

void http_write_named(struct http_writer *writer, struct http_slice name, struct http_slice value)
{
	if (!name.len || !is_all(name, HTTP_C_TOKEN) || !is_value(value))
		fail(writer, -EINVAL);
	else
		write_line(writer, name, value);
}

void http_write_text(struct http_writer *writer, enum http_field field, const char *value)
{
	http_write_field(writer, field, http_slice_of(value));
}

void http_write_number(struct http_writer *writer, enum http_field field, uint64_t value)
{
	char digits[DECIMAL_MAX];

	http_write_field(writer, field, decimal(value, digits));
}

void http_write_time(struct http_writer *writer, enum http_field field, time_t when)
{
	static _Thread_local struct {
		time_t when;
		char text[HTTP_DATE_LEN + 1];
	} recent[8], *entry;

	entry = &recent[(uint64_t)when % ARRAY_LEN(recent)];
	if (!entry->text[0] || entry->when != when) {
		entry->when = when;
		http_date_format(when, entry->text);
	}
	http_write_field(writer, field, (struct http_slice){entry->text, HTTP_DATE_LEN});
}

void http_write_framing(struct http_writer *writer, enum http_framing framing, uint64_t length)
{
	if (framing == HTTP_FRAMING_LENGTH)
		http_write_number(writer, HTTP_FIELD_CONTENT_LENGTH, length);
	else if (framing == HTTP_FRAMING_CHUNKED)
		http_write_text(writer, HTTP_FIELD_TRANSFER_ENCODING, "chunked");
}

void http_write_forwarded(struct http_writer *writer, const struct http_head *head,
			  uint64_t without)
{
	without |= HTTP_FIELD_BIT(CONTENT_LENGTH);
	if (head->authority.len && !(without & HTTP_FIELD_BIT(HOST))) {
		write_line(writer, http_field_name(HTTP_FIELD_HOST), head->authority);
		without |= HTTP_FIELD_BIT(HOST);
	}
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *header = &head->headers[i];

		if (!header->hop && !(without >> header->field & 1))
			write_line(writer, header->name, header->value);
	}
}

ssize_t http_writer_end(struct http_writer *writer)
{
	char *at = reserve(writer, 2);

	if (!at)
		return writer->error;
	put(at, HTTP_SLICE("\r\n"));
	return writer->at - writer->start;
}
