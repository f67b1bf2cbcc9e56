/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Responses, to GET and to HEAD: the same is understood however the bytes are
 * split, and what is passed on of an accepted head is accepted and means the
 * same.
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

static size_t count_end_to_end(const struct http_head *head)
{
	size_t count = 0;

	for (size_t i = 0; i < head->header_count; i++)
		count += !head->headers[i].hop &&
			 head->headers[i].field != HTTP_FIELD_CONTENT_LENGTH;
	return count;
}

static void check_passed_on(const struct http_head *head, enum http_method request)
{
	static char buffer[4 * HTTP_TAKE_HEAD_MAX];
	static struct http_head again;
	struct http_writer writer;
	ssize_t len;

	http_writer_init(&writer, buffer, sizeof(buffer));
	http_write_status_line(&writer, head->status);
	http_write_forwarded(&writer, head, 0);
	http_write_framing(&writer, head->framing, head->content_length);
	len = http_writer_end(&writer);
	check(len > 0);
	http_head_init(&again);
	check(http_parse_response(&again, buffer, (size_t)len, sizeof(buffer), request) == len);
	check(again.status == head->status);
	check(count_end_to_end(&again) == count_end_to_end(head));
	/* No content because its length was 0, and now nothing says so. */
	if (head->framing != HTTP_FRAMING_NONE)
		check(again.framing == head->framing &&
		      again.content_length ==
			      (head->framing == HTTP_FRAMING_LENGTH ? head->content_length : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum http_method requests[] = {HTTP_METHOD_GET, HTTP_METHOD_HEAD};
	struct http_taken taken;

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		http_take_splits(&taken, data, size, &requests[i]);
		if (taken.head_complete)
			check_passed_on(&taken.head, requests[i]);
		if (taken.head_complete && requests[i] == HTTP_METHOD_HEAD)
			check(taken.complete && taken.used == taken.head_len);
		http_take_release(&taken);
	}
	return 0;
}
