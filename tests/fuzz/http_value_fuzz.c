/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Values of fields and targets, any bytes: nothing is read behind their end, and
 * what comes out keeps its promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool is_inside(struct http_slice part, struct http_slice whole)
{
	return part.at >= whole.at && part.len <= whole.len &&
	       part.at + part.len <= whole.at + whole.len;
}

/* A normalised path leads nowhere else, and encoded again means itself. */
static void check_path(struct http_slice text)
{
	static char out[65536], encoded[3 * sizeof(out)], again[sizeof(out)];
	ssize_t len = http_path_normalise(text, out, sizeof(out));
	size_t used = 0;

	if (len < 0)
		return;
	check(len > 0 && out[0] == '/' && strlen(out) == (size_t)len);
	check(!strstr(out, "//") && !strstr(out, "/../") && !strstr(out, "/./"));
	for (ssize_t i = 0; i < len; i++) {
		static const char digits[] = "0123456789abcdef";

		if (out[i] == '/') {
			encoded[used++] = '/';
			continue;
		}
		encoded[used++] = '%';
		encoded[used++] = digits[(uint8_t)out[i] >> 4];
		encoded[used++] = digits[(uint8_t)out[i] & 15];
	}
	check(http_path_normalise((struct http_slice){encoded, used}, again, sizeof(again)) == len);
	check(!strcmp(out, again));
}

static void check_decoding(struct http_slice text)
{
	static char out[65536];
	ssize_t len = http_percent_decode(text, true, out, sizeof(out));

	check(len < 0 || (size_t)len <= text.len);
	check(len < 0 || !memchr(out, '\0', (size_t)len) || memchr(text.at, '\0', text.len));
}

static void check_date(struct http_slice text)
{
	char out[HTTP_DATE_LEN + 1];
	time_t when, again;

	if (http_date_parse(text, &when))
		return;
	http_date_format(when, out);
	check(!http_date_parse((struct http_slice){out, HTTP_DATE_LEN}, &again) && again == when);
}

static void check_ranges(struct http_slice text)
{
	struct http_range ranges[8];

	for (uint64_t size = 0; size <= 1000; size = size * 10 + 1) {
		ssize_t count = http_range_parse(text, size, ranges, 8);

		check(count <= 8);
		for (ssize_t i = 0; i < count; i++)
			check(ranges[i].first <= ranges[i].last && ranges[i].last < size);
	}
}

typedef bool (*pair_next)(struct http_slice *, struct http_slice *, struct http_slice *);

static void check_pairs(struct http_slice text)
{
	static const pair_next all[] = {http_form_next, http_parameter_next, http_cookie_next};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct http_slice rest = text, name, value;

		while (all[i](&rest, &name, &value))
			check(is_inside(name, text) && is_inside(value, text) &&
			      is_inside(rest, text));
	}
}

static void check_lists(struct http_slice text)
{
	struct http_slice rest = text, element;
	struct http_media_type media;

	while (http_list_next(&rest, &element))
		check(element.len && is_inside(element, text) && is_inside(rest, text));
	check(http_list_quality(text, HTTP_SLICE("gzip")) <= 1000);
	if (http_etag_match(text, HTTP_SLICE("\"a\""), HTTP_ETAG_STRONG))
		check(http_etag_match(text, HTTP_SLICE("\"a\""), HTTP_ETAG_WEAK));
	if (!http_media_type_parse(text, &media))
		check(media.type.len && media.subtype.len && is_inside(media.parameters, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct http_slice text = {copy, size};

	if (!copy || size > 65535) {
		free(copy);
		return 0;
	}
	if (size)
		memcpy(copy, data, size);
	check_path(text);
	check_decoding(text);
	check_date(text);
	check_ranges(text);
	check_pairs(text);
	check_lists(text);
	free(copy);
	return 0;
}
