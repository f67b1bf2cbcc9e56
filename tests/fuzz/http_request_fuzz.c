/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Requests: the same is understood however the bytes are split, and what is
 * forwarded of an accepted head is accepted and means the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../support/http_take.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* No field of the connection survives, all others do, in their order. */
static void check_fields(const struct http_head *before, const struct http_head *after)
{
	const uint64_t own = HTTP_FIELD_BIT(HOST) | HTTP_FIELD_BIT(CONTENT_LENGTH);
	const uint64_t framing = own | HTTP_FIELD_BIT(TRANSFER_ENCODING);
	size_t j = 0;

	for (size_t i = 0; i < before->header_count; i++) {
		const struct http_header *header = &before->headers[i];

		if (header->hop || own >> header->field & 1)
			continue;
		while (j < after->header_count && framing >> after->headers[j].field & 1)
			j++;
		check(j < after->header_count &&
		      http_slice_equal(after->headers[j].name, header->name) &&
		      http_slice_equal(after->headers[j].value, header->value));
		j++;
	}
	while (j < after->header_count && framing >> after->headers[j].field & 1)
		j++;
	check(j == after->header_count);
}

/* What the forwarded request says of its target; an absolute one is in origin form. */
static void check_target(const struct http_head *before, const struct http_head *after)
{
	check(http_slice_equal(after->method_name, before->method_name));
	check(after->method == before->method);
	check(http_slice_equal(after->path, before->path));
	check(http_slice_equal(after->query, before->query));
	check(!after->query.at == !before->query.at);
	if (before->authority.len)
		check(http_slice_equal(after->authority, before->authority) &&
		      http_slice_equal(after->host, before->host) && after->port == before->port);
}

static void check_forwarded(const struct http_head *head)
{
	static char buffer[4 * HTTP_TAKE_HEAD_MAX];
	static struct http_head again;
	struct http_writer writer;
	ssize_t len;

	http_writer_init(&writer, buffer, sizeof(buffer));
	http_write_forwarded_line(&writer, head);
	http_write_framing(&writer, head->framing, head->content_length);
	if (!head->authority.len)
		http_write_text(&writer, HTTP_FIELD_HOST, "nowhere");
	http_write_forwarded(&writer, head, 0);
	len = http_writer_end(&writer);
	check(len > 0);
	http_head_init(&again);
	/* Host or the framing may be one field more than fits. */
	if (http_parse_request(&again, buffer, (size_t)len, sizeof(buffer)) < 0) {
		check(again.refusal == HTTP_REFUSAL_FIELDS_MANY);
		return;
	}
	check_target(head, &again);
	check(again.framing == head->framing && again.content_length == head->content_length);
	check_fields(head, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_taken taken;

	http_take_splits(&taken, data, size, NULL);
	if (taken.head_complete)
		check_forwarded(&taken.head);
	http_take_release(&taken);
	return 0;
}
