/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Values of the form "thing; name=value; name=value": media types (RFC 9110,
 * 8.3.1, 5.6.6), and cookies (RFC 6265, 5.4), which only look the same.
 */
#include <errno.h>
#include <string.h>

#include "http/scan.h"
#include "http/value.h"

static void skip_blanks(struct http_slice *rest)
{
	while (rest->len && http_is_blank(*rest->at)) {
		rest->at++;
		rest->len--;
	}
}

static void advance(struct http_slice *rest, const char *to)
{
	rest->len -= (size_t)(to - rest->at);
	rest->at = to;
}

static bool take_char(struct http_slice *rest, char c)
{
	if (!rest->len || *rest->at != c)
		return false;
	advance(rest, rest->at + 1);
	return true;
}

static bool take_token(struct http_slice *rest, struct http_slice *token)
{
	const char *stop = http_scan(rest->at, rest->at + rest->len, HTTP_C_TOKEN);

	*token = (struct http_slice){rest->at, (size_t)(stop - rest->at)};
	advance(rest, stop);
	return token->len;
}

/* Behind the opening quote, up to and with the closing one. */
static bool take_quoted(struct http_slice *rest, struct http_slice *text)
{
	for (size_t i = 0; i < rest->len; i++) {
		if (rest->at[i] == '"') {
			*text = (struct http_slice){rest->at, i};
			advance(rest, rest->at + i + 1);
			return true;
		}
		if (rest->at[i] == '\\')
			i++;
	}
	return false;
}

bool http_parameter_next(struct http_slice *rest, struct http_slice *name, struct http_slice *value)
{
	do
		skip_blanks(rest);
	while (take_char(rest, ';'));
	if (!take_token(rest, name) || !take_char(rest, '='))
		return false;
	if (take_char(rest, '"') ? !take_quoted(rest, value) : !take_token(rest, value))
		return false;
	skip_blanks(rest);
	return !rest->len || *rest->at == ';';
}

bool http_parameter_find(struct http_slice parameters, struct http_slice name,
			 struct http_slice *value)
{
	struct http_slice candidate;

	while (http_parameter_next(&parameters, &candidate, value))
		if (http_slice_equal_nocase(candidate, name))
			return true;
	return false;
}

/* --- media types ------------------------------------------------------------------- */

int http_media_type_parse(struct http_slice value, struct http_media_type *out)
{
	struct http_slice rest = value;

	if (!take_token(&rest, &out->type) || !take_char(&rest, '/') ||
	    !take_token(&rest, &out->subtype))
		return -EINVAL;
	skip_blanks(&rest);
	if (rest.len && !take_char(&rest, ';'))
		return -EINVAL;
	out->parameters = rest;
	return 0;
}

bool http_media_type_is(const struct http_media_type *media, const char *type, const char *subtype)
{
	return http_slice_equal_nocase(media->type, http_slice_of(type)) &&
	       http_slice_equal_nocase(media->subtype, http_slice_of(subtype));
}

/* --- cookies ----------------------------------------------------------------------- */

static void strip_trailing_blanks(struct http_slice *text)
{
	while (text->len && http_is_blank(text->at[text->len - 1]))
		text->len--;
}

bool http_cookie_next(struct http_slice *rest, struct http_slice *name, struct http_slice *value)
{
	while (rest->len) {
		const char *end = rest->at + rest->len, *stop, *equals;

		skip_blanks(rest);
		stop = rest->len ? memchr(rest->at, ';', rest->len) : NULL;
		if (!stop)
			stop = end;
		equals = rest->len ? memchr(rest->at, '=', (size_t)(stop - rest->at)) : NULL;
		if (equals) {
			*name = (struct http_slice){rest->at, (size_t)(equals - rest->at)};
			*value = (struct http_slice){equals + 1, (size_t)(stop - equals - 1)};
			strip_trailing_blanks(value);
		}
		advance(rest, stop);
		take_char(rest, ';');
		if (equals)
			return true;
	}
	return false;
}

bool http_cookie_find(struct http_slice cookies, struct http_slice name, struct http_slice *value)
{
	struct http_slice candidate;

	while (http_cookie_next(&cookies, &candidate, value))
		if (http_slice_equal(candidate, name))
			return true;
	return false;
}
