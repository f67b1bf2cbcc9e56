/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What heads of requests and responses have in common: lines that end in CR LF,
 * the version, the fields (RFC 9112, 2.2, 2.3, 5).
 */
#include "http/head.h"

#include <string.h>

enum stage { STAGE_BEGIN, STAGE_START_LINE, STAGE_FIELDS };

void http_head_init(struct http_head *head)
{
	memset(head, 0, offsetof(struct http_head, first));
	head->header_count = 0;
}

int http_head_line_end(struct http_head *head, const struct http_input *in, const char *at,
		       enum http_refusal otherwise)
{
	if (at == in->end || (*at == '\r' && at + 1 == in->end))
		return -EAGAIN;
	if (*at != '\r' || at[1] != '\n')
		return http_head_refuse(head, *at == '\r' || *at == '\n' ? HTTP_REFUSAL_LINE_END
									 : otherwise);
	head->resume.line = (uint32_t)(at + 2 - in->data);
	head->resume.seen = head->resume.line;
	head->resume.split = 0;
	return 0;
}

int http_head_version(struct http_head *head, const struct http_input *in, const char *at)
{
	static const char form[] = "HTTP/0.0";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (at + i == in->end)
			return -EAGAIN;
		if (form[i] == '0' ? !http_is(at[i], HTTP_C_DIGIT) : at[i] != form[i])
			return http_head_refuse(head, HTTP_REFUSAL_VERSION_SYNTAX);
	}
	if (at[5] != '1' || at[7] > '1')
		return http_head_refuse(head, HTTP_REFUSAL_VERSION);
	head->minor = (uint8_t)(at[7] - '0');
	return 0;
}

/* One empty line in front of the message is forgiven: RFC 9112, 2.2. */
static int skip_empty_line(struct http_head *head, const struct http_input *in)
{
	const char *at = in->data + head->resume.line;
	int err;

	if (at < in->end && head->resume.line == 0 && (*at == '\r' || *at == '\n')) {
		err = http_head_line_end(head, in, at, HTTP_REFUSAL_LINE_END);
		if (err)
			return err;
		at += 2;
	}
	if (at == in->end)
		return -EAGAIN;
	if (*at == '\r' || *at == '\n')
		return http_head_refuse(head, HTTP_REFUSAL_EMPTY_LINES);
	return 0;
}

/* --- fields ------------------------------------------------------------------------ */

/* "Content_Length" is not Content-Length, but who sends it hopes that somebody takes it so. */
static bool is_alias(struct http_slice name)
{
	char dashed[HTTP_FIELD_NAME_MAX];

	if (name.len > sizeof(dashed) || !memchr(name.at, '_', name.len))
		return false;
	for (size_t i = 0; i < name.len; i++)
		dashed[i] = name.at[i] == '_' ? '-' : name.at[i];
	return http_field_find((struct http_slice){dashed, name.len}) != HTTP_FIELD_OTHER;
}

static void note_known(struct http_head *head, enum http_field field)
{
	uint64_t bit = 1ull << field;

	if (head->known & bit)
		head->repeated |= bit;
	else
		head->first[field] = head->header_count;
	head->known |= bit;
}

static int add_header(struct http_head *head, struct http_slice name, const char *value,
		      const char *end)
{
	struct http_header *header = &head->headers[head->header_count];

	if (head->header_count == HTTP_HEADERS_MAX)
		return http_head_refuse(head, HTTP_REFUSAL_FIELDS_MANY);
	while (value < end && http_is_blank(*value))
		value++;
	while (value < end && http_is_blank(end[-1]))
		end--;
	header->name = name;
	header->value = (struct http_slice){value, (size_t)(end - value)};
	header->field = http_field_find(name);
	header->hop = http_field_flags(header->field) & HTTP_F_HOP;
	if (header->field != HTTP_FIELD_OTHER)
		note_known(head, header->field);
	else if (is_alias(name))
		return http_head_refuse(head, HTTP_REFUSAL_NAME_ALIAS);
	head->header_count++;
	return 0;
}

/* Why the byte at `at` ends no name that started at `line`. */
static enum http_refusal name_refusal(const char *line, const char *at)
{
	if (*at == '\n')
		return HTTP_REFUSAL_LINE_END;
	if (!http_is_blank(*at))
		return HTTP_REFUSAL_NAME;
	return at == line ? HTTP_REFUSAL_FOLD : HTTP_REFUSAL_NAME_BLANK;
}

static int parse_field(struct http_head *head, const struct http_input *in)
{
	struct http_resume *resume = &head->resume;
	const char *line = in->data + resume->line, *at = in->data + resume->seen, *colon;
	int err;

	if (!resume->split) {
		at = http_scan_token(at, in->end);
		if (at == in->end)
			return http_head_suspend(head, in, at);
		if (*at != ':' || at == line)
			return http_head_refuse(head, name_refusal(line, at));
		resume->split = (uint32_t)(at++ - in->data);
	}
	colon = in->data + resume->split;
	at = http_scan_value(at, in->end);
	err = http_head_line_end(head, in, at, HTTP_REFUSAL_VALUE);
	if (err == -EAGAIN)
		return http_head_suspend(head, in, at);
	if (err)
		return err;
	return add_header(head, (struct http_slice){line, (size_t)(colon - line)}, colon + 1, at);
}

/* Up to and with the empty line. */
static int parse_fields(struct http_head *head, const struct http_input *in)
{
	for (;;) {
		const char *line = in->data + head->resume.line;
		int err;

		if (line == in->end)
			return -EAGAIN;
		if (*line == '\r')
			return http_head_line_end(head, in, line, HTTP_REFUSAL_LINE_END);
		err = parse_field(head, in);
		if (err)
			return err;
	}
}

/* --- all of a head ----------------------------------------------------------------- */

static int parse_stages(struct http_head *head, const struct http_input *in,
			http_line_parser start_line)
{
	int err;

	if (head->resume.stage == STAGE_BEGIN) {
		err = skip_empty_line(head, in);
		if (err)
			return err;
		head->resume.stage = STAGE_START_LINE;
	}
	if (head->resume.stage == STAGE_START_LINE) {
		err = start_line(head, in);
		if (err)
			return err;
		head->resume.stage = STAGE_FIELDS;
	}
	return parse_fields(head, in);
}

ssize_t http_head_parse(struct http_head *head, const char *data, size_t len, size_t max,
			http_line_parser start_line)
{
	struct http_input in = {data, data + (len < max ? len : max)};
	int err;

	/* The buffer has moved: what was found in it is found again. */
	if (head->resume.data && head->resume.data != data)
		http_head_init(head);
	head->resume.data = data;
	err = parse_stages(head, &in, start_line);
	if (err == -EAGAIN && len >= max)
		err = http_head_refuse(head, head->resume.stage == STAGE_FIELDS
						     ? HTTP_REFUSAL_HEAD_LONG
						     : HTTP_REFUSAL_TARGET_LONG);
	return err ? err : (ssize_t)head->resume.line;
}

const struct http_header *http_head_next(const struct http_head *head,
					 const struct http_header *header)
{
	const struct http_header *end = head->headers + head->header_count;
	const struct http_header *next;

	for (next = header + 1; next < end; next++)
		if (next->field == header->field &&
		    (next->field != HTTP_FIELD_OTHER ||
		     http_slice_equal_nocase(next->name, header->name)))
			return next;
	return NULL;
}

const struct http_header *http_head_find_name(const struct http_head *head, struct http_slice name)
{
	enum http_field field = http_field_find(name);

	if (field != HTTP_FIELD_OTHER)
		return http_head_find(head, field);
	for (size_t i = 0; i < head->header_count; i++)
		if (http_slice_equal_nocase(head->headers[i].name, name))
			return &head->headers[i];
	return NULL;
}
