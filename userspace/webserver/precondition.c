/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The order of evaluation is that of RFC 9110, 13.2.2. A date that cannot be
 * read is as if it were not there.
 */
#include "precondition.h"

#include "file_cache.h"

/* A list may be spread over several fields. */
static bool lists_etag(const struct http_head *request, enum http_field field,
		       struct http_slice etag, enum http_etag_compare how)
{
	const struct http_header *header = http_head_find(request, field);

	for (; header; header = http_head_next(request, header))
		if (http_etag_match(header->value, etag, how))
			return true;
	return false;
}

static bool date_of(const struct http_head *request, enum http_field field, time_t *date)
{
	struct http_slice value = http_head_value(request, field);

	return value.at && !http_date_parse(value, date);
}

enum precondition precondition_check(const struct http_head *request, struct http_slice etag,
				     time_t modified)
{
	time_t date;

	if (http_head_find(request, HTTP_FIELD_IF_MATCH)) {
		if (!lists_etag(request, HTTP_FIELD_IF_MATCH, etag, HTTP_ETAG_STRONG))
			return PRECONDITION_FAILED;
	} else if (date_of(request, HTTP_FIELD_IF_UNMODIFIED_SINCE, &date) && modified > date) {
		return PRECONDITION_FAILED;
	}
	if (http_head_find(request, HTTP_FIELD_IF_NONE_MATCH)) {
		if (lists_etag(request, HTTP_FIELD_IF_NONE_MATCH, etag, HTTP_ETAG_WEAK))
			return PRECONDITION_NOT_MODIFIED;
	} else if (date_of(request, HTTP_FIELD_IF_MODIFIED_SINCE, &date) && modified <= date) {
		return PRECONDITION_NOT_MODIFIED;
	}
	return PRECONDITION_MET;
}

/* RFC 9110, 13.1.5: a date has to be the very same; a weak entity tag never is. */
static bool range_applies(const struct http_head *request, struct http_slice etag, time_t modified)
{
	struct http_slice value = http_head_value(request, HTTP_FIELD_IF_RANGE);
	time_t date;

	if (!value.at)
		return true;
	if (value.len && value.at[value.len - 1] == '"')
		return http_slice_equal(value, etag);
	return !http_date_parse(value, &date) && date == modified;
}

ssize_t precondition_ranges(const struct http_head *request, struct http_slice etag,
			    time_t modified, uint64_t size,
			    struct http_range out[static WEB_MAX_RANGES])
{
	struct http_slice range = http_head_value(request, HTTP_FIELD_RANGE);

	if (!range.at || request->method != HTTP_METHOD_GET ||
	    !range_applies(request, etag, modified))
		return 0;
	return http_range_parse(range, size, out, WEB_MAX_RANGES);
}

int precondition_encoding(const struct http_head *request, unsigned there)
{
	static const struct http_slice names[FILE_ENCODINGS] = {
		[FILE_BR] = HTTP_SLICE("br"),
		[FILE_GZIP] = HTTP_SLICE("gzip"),
	};
	struct http_slice accepted = http_head_value(request, HTTP_FIELD_ACCEPT_ENCODING);
	unsigned best = 0;
	int chosen = -1;

	if (!there || !accepted.at)
		return -1;
	for (int i = 0; i < FILE_ENCODINGS; i++) {
		unsigned quality = there >> i & 1 ? http_list_quality(accepted, names[i]) : 0;

		if (quality > best) {
			best = quality;
			chosen = i;
		}
	}
	return chosen;
}
