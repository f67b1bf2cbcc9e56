/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "http_take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void take_head(struct http_taken *taken, const char *data, size_t have,
		      const enum http_method *request)
{
	ssize_t len = request ? http_parse_response(&taken->head, data, have, HTTP_TAKE_HEAD_MAX,
						    *request)
			      : http_parse_request(&taken->head, data, have, HTTP_TAKE_HEAD_MAX);

	if (len == -EAGAIN)
		return;
	if (len < 0) {
		taken->refusal = taken->head.refusal;
		return;
	}
	if (len == 0 || (size_t)len > have)
		abort();
	taken->head_complete = true;
	taken->head_len = taken->used = (size_t)len;
	http_body_init(&taken->body, &taken->head);
}

static void take_body(struct http_taken *taken, const char *data, size_t have)
{
	while (taken->used < have && !http_body_done(&taken->body)) {
		const char *at = data + taken->used;
		size_t left = have - taken->used, content;
		ssize_t skip = http_body_skip(&taken->body, at, left);

		if (skip < 0) {
			taken->refusal = taken->body.refusal;
			return;
		}
		content = http_body_content(&taken->body, left - (size_t)skip);
		if (!skip && !content)
			abort();
		memcpy(taken->content + taken->content_len, at + skip, content);
		http_body_take(&taken->body, content);
		taken->content_len += content;
		taken->used += (size_t)skip + content;
	}
	taken->complete = http_body_done(&taken->body);
}

void http_take(struct http_taken *taken, const char *data, size_t len, size_t step,
	       const enum http_method *request)
{
	size_t have = 0;

	*taken = (struct http_taken){.content = taken->content};
	http_head_init(&taken->head);
	do {
		have = len - have > step ? have + step : len;
		if (!taken->head_complete)
			take_head(taken, data, have, request);
		if (taken->head_complete && !taken->refusal)
			take_body(taken, data, have);
	} while (have < len && !taken->refusal && !taken->complete);
}

static bool headers_equal(const struct http_head *a, const struct http_head *b)
{
	if (a->header_count != b->header_count)
		return false;
	for (size_t i = 0; i < a->header_count; i++)
		if (!http_slice_equal(a->headers[i].name, b->headers[i].name) ||
		    !http_slice_equal(a->headers[i].value, b->headers[i].value) ||
		    a->headers[i].field != b->headers[i].field ||
		    a->headers[i].hop != b->headers[i].hop)
			return false;
	return true;
}

static bool start_lines_equal(const struct http_head *a, const struct http_head *b)
{
	return a->minor == b->minor && a->method == b->method && a->status == b->status &&
	       http_slice_equal(a->method_name, b->method_name) &&
	       http_slice_equal(a->target, b->target) && http_slice_equal(a->path, b->path) &&
	       http_slice_equal(a->query, b->query) &&
	       http_slice_equal(a->authority, b->authority) && http_slice_equal(a->host, b->host) &&
	       a->port == b->port && http_slice_equal(a->reason, b->reason);
}

static bool meanings_equal(const struct http_head *a, const struct http_head *b)
{
	return a->framing == b->framing && a->has_length == b->has_length &&
	       a->content_length == b->content_length && a->keep_alive == b->keep_alive &&
	       a->expect_continue == b->expect_continue && a->websocket == b->websocket &&
	       a->known == b->known && a->repeated == b->repeated;
}

bool http_taken_equal(const struct http_taken *a, const struct http_taken *b)
{
	if (a->refusal || b->refusal)
		return a->refusal == b->refusal;
	if (a->head_complete != b->head_complete || a->complete != b->complete ||
	    a->used != b->used || a->content_len != b->content_len)
		return false;
	if (!a->head_complete)
		return true;
	return a->head_len == b->head_len && start_lines_equal(&a->head, &b->head) &&
	       meanings_equal(&a->head, &b->head) && headers_equal(&a->head, &b->head) &&
	       !memcmp(a->content, b->content, a->content_len);
}

/* --- for fuzzers ----------------------------------------------------------------------- */

static void *must_allocate(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

static char *exact_copy(const uint8_t *data, size_t len)
{
	char *copy = must_allocate(len);

	if (len)
		memcpy(copy, data, len);
	return copy;
}

void http_take_splits(struct http_taken *taken, const uint8_t *data, size_t len,
		      const enum http_method *request)
{
	const size_t steps[] = {1, 2 + len % 15, 17 + len % 101};
	char *copy = exact_copy(data, len);
	struct http_taken other = {.content = must_allocate(len)};

	taken->content = must_allocate(len);
	http_take(taken, copy, len, SIZE_MAX, request);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		http_take(&other, copy, len, steps[i], request);
		if (!http_taken_equal(taken, &other))
			abort();
	}
	free(other.content);
	taken->input = copy;
}

void http_take_release(struct http_taken *taken)
{
	free(taken->content);
	free(taken->input);
}
