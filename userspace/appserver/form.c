/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Forms. A form is read whole or refused: a handler never sees half of one.
 */
#include "form.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "http/value.h"

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */
#define REPLACEMENT  "\xef\xbf\xbd"

void form_init(struct form *form, struct arena *arena)
{
	*form = (struct form){.arena = arena};
	form->last = &form->first;
}

const char *form_find(const struct form *form, const char *name)
{
	for (const struct form_field *field = form->first; field; field = field->next)
		if (!strcmp(field->name, name))
			return field->value;
	return NULL;
}

/* --- UTF-8: RFC 3629 ---------------------------------------------------------------- */

/* Length of the character at `at`; 0: there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = at[0] < 0x80   ? 1
			: at[0] < 0xc2 ? 0
			: at[0] < 0xe0 ? 2
			: at[0] < 0xf0 ? 3
				       : 4;
	uint32_t code = at[0] & (0x7fu >> length);

	if (length == 1)
		return 1;
	if (!length || length > left || at[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

static size_t count_wrong(struct http_slice bytes)
{
	size_t wrong = 0, length;

	for (size_t i = 0; i < bytes.len; i += length ? length : 1) {
		length = utf8_length((const unsigned char *)bytes.at + i, bytes.len - i);
		wrong += !length;
	}
	return wrong;
}

int form_text(struct arena *arena, struct http_slice bytes, const char **text)
{
	size_t length, wrong = count_wrong(bytes);
	char *at;

	if (memchr(bytes.at, '\0', bytes.len))
		return -EBADMSG;
	at = arena_alloc(arena, bytes.len + 2 * wrong + 1);
	if (!at)
		return -ENOMEM;
	*text = at;
	if (!wrong) {
		memcpy(at, bytes.at, bytes.len);
		return 0;
	}
	for (size_t i = 0; i < bytes.len; i += length ? length : 1) {
		length = utf8_length((const unsigned char *)bytes.at + i, bytes.len - i);
		at = length ? mempcpy(at, bytes.at + i, length) : mempcpy(at, REPLACEMENT, 3);
	}
	return 0;
}

/* --- fields ------------------------------------------------------------------------- */

static int add_field(struct form *form, struct http_slice name, struct http_slice value)
{
	struct form_field *field;
	int err;

	if (form->count == FORM_MAX_FIELDS)
		return -E2BIG;
	field = arena_alloc(form->arena, sizeof(*field));
	if (!field)
		return -ENOMEM;
	err = form_text(form->arena, name, &field->name);
	if (!err)
		err = form_text(form->arena, value, &field->value);
	if (err)
		return err;
	*form->last = field;
	form->last = &field->next;
	form->count++;
	return 0;
}

static int decode(struct form *form, struct http_slice *text)
{
	char *decoded = arena_alloc(form->arena, text->len + 1);
	ssize_t length;

	if (!decoded)
		return -ENOMEM;
	length = http_percent_decode(*text, true, decoded, text->len + 1);
	if (length < 0)
		return (int)length;
	*text = (struct http_slice){decoded, (size_t)length};
	return 0;
}

int form_read_urlencoded(struct form *form, struct http_slice text)
{
	struct http_slice name, value;
	int err = 0;

	while (!err && http_form_next(&text, &name, &value)) {
		err = decode(form, &name);
		if (!err)
			err = decode(form, &value);
		if (!err)
			err = add_field(form, name, value);
	}
	return err;
}

/* --- multipart ---------------------------------------------------------------------- */

/* Cuts *text at the first `mark`: what was before it; false: there is none. */
static bool cut(struct http_slice *text, struct http_slice mark, struct http_slice *before)
{
	const char *found = memmem(text->at, text->len, mark.at, mark.len);

	if (!found)
		return false;
	*before = (struct http_slice){text->at, (size_t)(found - text->at)};
	text->len -= before->len + mark.len;
	text->at = found + mark.len;
	return true;
}

static bool starts_with(struct http_slice text, struct http_slice with)
{
	return text.len >= with.len && !memcmp(text.at, with.at, with.len);
}

/* The parameters of the part's Content-Disposition: form-data. */
static bool find_disposition(struct http_slice head, struct http_slice *parameters)
{
	static const struct http_slice field = HTTP_SLICE("content-disposition:");
	struct http_slice line, kind;

	while (cut(&head, HTTP_SLICE("\r\n"), &line)) {
		if (line.len < field.len ||
		    !http_slice_equal_nocase((struct http_slice){line.at, field.len}, field))
			continue;
		line = (struct http_slice){line.at + field.len, line.len - field.len};
		if (!cut(&line, HTTP_SLICE(";"), &kind))
			return false;
		*parameters = line;
		return true;
	}
	return false;
}

/* A part: its head, an empty line, its content. */
static int read_part(struct form *form, struct http_slice part)
{
	struct http_slice head, parameters, name, file;

	/* The head keeps the end of its last line. */
	if (!cut(&part, HTTP_SLICE("\r\n\r\n"), &head))
		return -EBADMSG;
	head.len += 2;
	if (!find_disposition(head, &parameters) ||
	    !http_parameter_find(parameters, HTTP_SLICE("name"), &name))
		return -EBADMSG;
	if (http_parameter_find(parameters, HTTP_SLICE("filename"), &file) ||
	    http_parameter_find(parameters, HTTP_SLICE("filename*"), &file))
		return 0;
	return add_field(form, name, part);
}

/* What is in front of the first boundary and behind the last is no content (RFC 2046, 5.1.1). */
int form_read_multipart(struct form *form, struct http_slice body, struct http_slice parameters)
{
	char mark[BOUNDARY_MAX + 5] = "\r\n--";
	struct http_slice delimiter = {mark, 4}, boundary, part;
	int err = 0;

	if (!http_parameter_find(parameters, HTTP_SLICE("boundary"), &boundary) || !boundary.len ||
	    boundary.len > BOUNDARY_MAX)
		return -EBADMSG;
	memcpy(mark + 4, boundary.at, boundary.len);
	delimiter.len += boundary.len;
	if (starts_with(body, (struct http_slice){mark + 2, delimiter.len - 2})) {
		body.at += delimiter.len - 2;
		body.len -= delimiter.len - 2;
	} else if (!cut(&body, delimiter, &part)) {
		return -EBADMSG;
	}
	while (!err && !starts_with(body, HTTP_SLICE("--"))) {
		if (!starts_with(body, HTTP_SLICE("\r\n")))
			return -EBADMSG;
		body.at += 2;
		body.len -= 2;
		if (!cut(&body, delimiter, &part))
			return -EBADMSG;
		err = read_part(form, part);
	}
	return err;
}
