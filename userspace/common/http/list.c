/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Numbers, and values that are lists: tokens, weights, entity tags (RFC 9110,
 * 5.6.1, 8.8.3, 12.4.2).
 */
#include <errno.h>
#include <string.h>

#include "http/scan.h"
#include "http/value.h"

#define NUMBER_DIGITS_MAX 18 /* fit 64 bits, signed too */

int http_number_parse(struct http_slice text, uint64_t *value)
{
	const char *end = text.at + text.len;
	uint64_t number = 0;

	if (!text.len || http_scan(text.at, end, HTTP_C_DIGIT) != end ||
	    (text.len > 1 && *text.at == '0'))
		return -EINVAL;
	if (text.len > NUMBER_DIGITS_MAX)
		return -ERANGE;
	for (const char *at = text.at; at < end; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	*value = number;
	return 0;
}

/* --- elements ---------------------------------------------------------------------- */

static struct http_slice trim(const char *from, const char *to)
{
	while (from < to && http_is_blank(*from))
		from++;
	while (from < to && http_is_blank(to[-1]))
		to--;
	return (struct http_slice){from, (size_t)(to - from)};
}

/* Where the next comma is that is not quoted, or `end`. */
static const char *element_end(const char *at, const char *end)
{
	bool quoted = false;

	for (; at < end; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (quoted && *at == '\\' && at + 1 < end)
			at++;
		else if (!quoted && *at == ',')
			break;
	}
	return at;
}

bool http_list_next(struct http_slice *rest, struct http_slice *element)
{
	while (rest->len) {
		const char *end = rest->at + rest->len, *stop = element_end(rest->at, end);

		*element = trim(rest->at, stop);
		rest->at = stop < end ? stop + 1 : end;
		rest->len = (size_t)(end - rest->at);
		if (element->len)
			return true;
	}
	return false;
}

bool http_list_has(struct http_slice list, struct http_slice token)
{
	struct http_slice element;

	while (http_list_next(&list, &element))
		if (http_slice_equal_nocase(element, token))
			return true;
	return false;
}

/* --- weights ----------------------------------------------------------------------- */

/* "0", "0.5", "1.000" in thousandths; what is no weight counts as 0: not acceptable. */
static unsigned parse_weight(struct http_slice text)
{
	unsigned value = 0, digits = 0;

	if (!text.len || text.len > 5 || (*text.at != '0' && *text.at != '1') ||
	    (text.len > 1 && text.at[1] != '.'))
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (i == 1)
			continue;
		if (!http_is(text.at[i], HTTP_C_DIGIT))
			return 0;
		value = value * 10 + (unsigned)(text.at[i] - '0');
		digits++;
	}
	for (; digits < 4; digits++)
		value *= 10;
	return value <= 1000 ? value : 0;
}

static unsigned weight_of(struct http_slice parameters)
{
	struct http_slice weight;

	return http_parameter_find(parameters, HTTP_SLICE("q"), &weight) ? parse_weight(weight)
									 : 1000;
}

unsigned http_list_quality(struct http_slice list, struct http_slice token)
{
	struct http_slice element;
	unsigned any = 0;

	while (http_list_next(&list, &element)) {
		const char *end = element.at + element.len;
		const char *stop = memchr(element.at, ';', element.len);
		struct http_slice name = trim(element.at, stop ? stop : end);
		struct http_slice parameters = {stop ? stop + 1 : end, 0};

		parameters.len = (size_t)(end - parameters.at);
		if (http_slice_equal_nocase(name, token))
			return weight_of(parameters);
		if (http_slice_equal(name, HTTP_SLICE("*")))
			any = weight_of(parameters);
	}
	return any;
}

/* --- entity tags ------------------------------------------------------------------- */

static bool strip_weak(struct http_slice *etag)
{
	if (etag->len < 2 || memcmp(etag->at, "W/", 2))
		return false;
	etag->at += 2;
	etag->len -= 2;
	return true;
}

static bool etags_equal(struct http_slice a, struct http_slice b, enum http_etag_compare how)
{
	bool weak = strip_weak(&a);

	weak |= strip_weak(&b);
	return !(weak && how == HTTP_ETAG_STRONG) && http_slice_equal(a, b);
}

/* Takes one entity tag off the front: in it neither comma nor backslash mean anything. */
static bool next_etag(struct http_slice *rest, struct http_slice *etag)
{
	const char *at = rest->at, *end = rest->at + rest->len, *quote;

	while (at < end && (http_is_blank(*at) || *at == ','))
		at++;
	quote = end - at >= 2 && !memcmp(at, "W/", 2) ? at + 2 : at;
	if (quote == end || *quote != '"')
		return false;
	quote = http_scan(quote + 1, end, HTTP_C_ETAG);
	if (quote == end || *quote != '"')
		return false;
	*etag = (struct http_slice){at, (size_t)(quote + 1 - at)};
	*rest = (struct http_slice){quote + 1, (size_t)(end - quote - 1)};
	return true;
}

bool http_etag_match(struct http_slice list, struct http_slice etag, enum http_etag_compare how)
{
	struct http_slice candidate;

	if (http_slice_equal(list, HTTP_SLICE("*")))
		return true;
	while (next_etag(&list, &candidate))
		if (etags_equal(candidate, etag, how))
			return true;
	return false;
}
