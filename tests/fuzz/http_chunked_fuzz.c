/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Chunked bodies: the same content and end however the bytes are split; and the
 * content, put into chunks anew, comes out as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../support/http_take.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD	  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define HEAD_LEN  (sizeof(HEAD) - 1)
#define SIZE_MOST 65536

static uint8_t message[HEAD_LEN + 2 * SIZE_MOST];

static size_t put(size_t used, const void *bytes, size_t len)
{
	memcpy(message + used, bytes, len);
	return used + len;
}

/* The content as chunks of 1, 2, 3, ... bytes; the length of the message. */
static size_t write_chunks(const char *content, size_t len)
{
	size_t used = HEAD_LEN, from = 0;
	char prefix[HTTP_CHUNK_PREFIX_MAX] = "";

	for (size_t size = 1; from < len; size++) {
		size_t count = size < len - from ? size : len - from;
		size_t prefix_len = http_chunk_prefix(prefix, count);

		used = put(used, prefix, prefix_len);
		used = put(used, content + from, count);
		used = put(used, "\r\n", 2);
		from += count;
	}
	return put(used, "0\r\n\r\n", 5);
}

static void check_again(const struct http_taken *before)
{
	struct http_taken after;
	size_t len = write_chunks(before->content, before->content_len);

	http_take_splits(&after, message, len, NULL);
	if (!after.complete || after.used != len || after.content_len != before->content_len ||
	    memcmp(after.content, before->content, after.content_len))
		abort();
	http_take_release(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_taken taken;

	if (size > SIZE_MOST / 4)
		return 0;
	memcpy(message, HEAD, HEAD_LEN);
	if (size)
		memcpy(message + HEAD_LEN, data, size);
	http_take_splits(&taken, message, HEAD_LEN + size, NULL);
	if (!taken.refusal && taken.body.received != taken.content_len)
		abort();
	if (taken.complete)
		check_again(&taken);
	http_take_release(&taken);
	return 0;
}
