/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Byte ranges (RFC 9110, 14.1.2 and 14.2). A request for overlapping ranges is
 * one to send the same bytes again and again; it gets the whole instead.
 */
#include <errno.h>
#include <string.h>

#include "http/scan.h"
#include "http/value.h"

enum verdict { SATISFIABLE, UNSATISFIABLE, MALFORMED };

/* Digits, leading zeros too; what is too large counts as the largest. */
static const char *take_position(const char *at, const char *end, uint64_t *value)
{
	for (*value = 0; at < end && http_is(*at, HTTP_C_DIGIT); at++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value))
			*value = UINT64_MAX;
	return at;
}

static enum verdict parse_suffix(const char *at, const char *end, uint64_t size,
				 struct http_range *out)
{
	uint64_t count;

	if (at == end || take_position(at, end, &count) != end)
		return MALFORMED;
	if (!count || !size)
		return UNSATISFIABLE;
	*out = (struct http_range){count < size ? size - count : 0, size - 1};
	return SATISFIABLE;
}

/* "FIRST-LAST", "FIRST-" or "-COUNT" */
static enum verdict parse_spec(struct http_slice spec, uint64_t size, struct http_range *out)
{
	const char *end = spec.at + spec.len, *at;
	uint64_t first, last = UINT64_MAX;

	if (*spec.at == '-')
		return parse_suffix(spec.at + 1, end, size, out);
	at = take_position(spec.at, end, &first);
	if (at == spec.at || at == end || *at++ != '-')
		return MALFORMED;
	if (at < end && (take_position(at, end, &last) != end || last < first))
		return MALFORMED;
	if (first >= size)
		return UNSATISFIABLE;
	*out = (struct http_range){first, last < size ? last : size - 1};
	return SATISFIABLE;
}

static bool overlaps_any(const struct http_range *range, const struct http_range *others,
			 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (range->first <= others[i].last && others[i].first <= range->last)
			return true;
	return false;
}

static bool strip_unit(struct http_slice *value)
{
	static const struct http_slice unit = {"bytes=", 6};

	if (value->len < unit.len ||
	    !http_slice_equal_nocase((struct http_slice){value->at, unit.len}, unit))
		return false;
	value->at += unit.len;
	value->len -= unit.len;
	return true;
}

ssize_t http_range_parse(struct http_slice value, uint64_t size, struct http_range *out, size_t max)
{
	size_t count = 0, asked = 0;
	struct http_slice spec;

	if (!strip_unit(&value))
		return 0;
	while (http_list_next(&value, &spec)) {
		struct http_range range;
		enum verdict verdict = parse_spec(spec, size, &range);

		if (verdict == MALFORMED || asked++ == max)
			return 0;
		if (verdict == UNSATISFIABLE)
			continue;
		if (overlaps_any(&range, out, count))
			return 0;
		out[count++] = range;
	}
	if (!asked)
		return 0;
	return count ? (ssize_t)count : -ERANGE;
}
