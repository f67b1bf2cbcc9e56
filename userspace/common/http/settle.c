/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the fields of a head say, in requests and responses alike: the length of
 * the content (RFC 9112, 6) and the connection (RFC 9110, 7.6.1; RFC 9112, 9).
 */
#include "http/head.h"
#include "http/value.h"

#define CONNECTION_OPTIONS_MAX 16

static int settle_coding(struct http_head *head)
{
	const struct http_header *coding = http_head_find(head, HTTP_FIELD_TRANSFER_ENCODING);

	if (!coding)
		return 0;
	if (head->repeated & HTTP_FIELD_BIT(TRANSFER_ENCODING))
		return http_head_refuse(head, HTTP_REFUSAL_CODING_TWICE);
	if (head->minor == 0)
		return http_head_refuse(head, HTTP_REFUSAL_CODING_OLD);
	if (!http_slice_equal_nocase(coding->value, HTTP_SLICE("chunked")))
		return http_head_refuse(head, HTTP_REFUSAL_CODING);
	if (head->known & HTTP_FIELD_BIT(CONTENT_LENGTH))
		return http_head_refuse(head, HTTP_REFUSAL_LENGTH_AND_CODING);
	return 0;
}

int http_settle_length(struct http_head *head)
{
	const struct http_header *length = http_head_find(head, HTTP_FIELD_CONTENT_LENGTH);

	if (length && head->repeated & HTTP_FIELD_BIT(CONTENT_LENGTH))
		return http_head_refuse(head, HTTP_REFUSAL_LENGTH_TWICE);
	if (length && http_number_parse(length->value, &head->content_length))
		return http_head_refuse(head, HTTP_REFUSAL_LENGTH);
	head->has_length = length;
	return settle_coding(head);
}

/* --- connection -------------------------------------------------------------------- */

struct options {
	bool close;
	bool keep_alive;
	bool upgrade;
	unsigned count;
};

/* Fields that belong to this connection because Connection names them. */
static void mark_nominated(struct http_head *head, struct http_slice name)
{
	enum http_field field = http_field_find(name);

	if (http_field_flags(field) & HTTP_F_PINNED)
		return;
	for (size_t i = 0; i < head->header_count; i++)
		if (head->headers[i].field == field &&
		    http_slice_equal_nocase(head->headers[i].name, name))
			head->headers[i].hop = true;
}

static bool is_token(struct http_slice text)
{
	const char *end = text.at + text.len;

	return text.len && http_scan(text.at, end, HTTP_C_TOKEN) == end;
}

static bool read_options(struct http_head *head, struct http_slice list, struct options *options)
{
	struct http_slice option;

	while (http_list_next(&list, &option)) {
		if (!is_token(option) || options->count++ == CONNECTION_OPTIONS_MAX)
			return false;
		if (http_slice_equal_nocase(option, HTTP_SLICE("keep-alive")))
			options->keep_alive = true;
		else if (http_slice_equal_nocase(option, HTTP_SLICE("close")))
			options->close = true;
		else if (http_slice_equal_nocase(option, HTTP_SLICE("upgrade")))
			options->upgrade = true;
		else
			mark_nominated(head, option);
	}
	return true;
}

static bool names_websocket(const struct http_head *head)
{
	return http_list_has(http_head_value(head, HTTP_FIELD_UPGRADE), HTTP_SLICE("websocket"));
}

int http_settle_connection(struct http_head *head)
{
	const struct http_header *header = http_head_find(head, HTTP_FIELD_CONNECTION);
	struct options options = {0};

	for (; header; header = http_head_next(head, header))
		if (!read_options(head, header->value, &options))
			return http_head_refuse(head, HTTP_REFUSAL_CONNECTION);
	head->keep_alive = !options.close && (head->minor == 1 || options.keep_alive);
	head->websocket = head->minor == 1 && options.upgrade && names_websocket(head);
	return 0;
}
