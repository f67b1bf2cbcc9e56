/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Bodies: content is found behind its framing, split wherever it may be.
 */
#include <errno.h>
#include <string.h>

#include "../support/guard.h"
#include "../support/http_take.h"
#include "../support/unit.h"

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static char content[GUARD_MAX_BYTES];
static struct http_taken taken = {.content = content};

static void take(const char *text, size_t step)
{
	http_take(&taken, guard_copy(text, strlen(text)), strlen(text), step, NULL);
}

static void assert_content(const char *expected, size_t left, size_t total, int line)
{
	CU_assertImplementation(taken.complete, (unsigned)line, "complete", __FILE__, "", CU_FALSE);
	CU_assertImplementation(total - taken.used == left, (unsigned)line, "end of the message",
				__FILE__, "", CU_FALSE);
	content[taken.content_len] = '\0';
	unit_assert_text(content, expected, __FILE__, line);
}

static void assert_taken(const char *text, const char *expected, size_t left, int line)
{
	for (size_t step = 1; step < 24; step++) {
		take(text, step);
		assert_content(expected, left, strlen(text), line);
		CU_ASSERT_EQUAL(taken.body.received, strlen(expected));
	}
}
#define ASSERT_TAKEN(text, expected, left) assert_taken(text, expected, left, __LINE__)

static void content_of_a_length_ends_after_it(void)
{
	ASSERT_TAKEN("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET", "hello", 3);
	ASSERT_TAKEN("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET", "", 3);
	ASSERT_TAKEN("PUT / HTTP/1.1\r\nHost: a\r\n\r\nGET", "", 3);
}

static void chunks_are_joined(void)
{
	ASSERT_TAKEN(CHUNKED "0\r\n\r\nGET", "", 3);
	ASSERT_TAKEN(CHUNKED "5\r\nhello\r\n0\r\n\r\nGET", "hello", 3);
	ASSERT_TAKEN(CHUNKED "1\r\nh\r\n000004\r\nello\r\n0A\r\n, 10 bytes\r\n00\r\n\r\n",
		     "hello, 10 bytes", 0);
	ASSERT_TAKEN(CHUNKED "a\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n0\r\n", 0);
}

static void extensions_and_trailers_are_left_out(void)
{
	ASSERT_TAKEN(CHUNKED "5;a=b;c=\"d;e\"\r\nhello\r\n0;last\r\n\r\n", "hello", 0);
	ASSERT_TAKEN(CHUNKED "5;a;b=\"\\\"\";c\r\nhello\r\n0\r\n\r\n", "hello", 0);
	ASSERT_TAKEN(CHUNKED "5\r\nhello\r\n0\r\nX-Sum: 1\r\nETag: \"x\"\r\nEmpty:\r\n\r\nGET",
		     "hello", 3);
	ASSERT_TAKEN(CHUNKED "0\r\nA-Name-That-Is-Longer-Than-Any-That-We-Know: x\r\n\r\n", "", 0);
}

/* Fills the body with `unit` until it is refused; the bytes that were accepted. */
static size_t accepted(const char *start, const char *unit)
{
	struct http_head head = {.framing = HTTP_FRAMING_CHUNKED};
	size_t count = 0, len = strlen(unit);
	struct http_body body;

	http_body_init(&body, &head);
	CU_ASSERT_EQUAL_FATAL(http_body_skip(&body, start, strlen(start)), (ssize_t)strlen(start));
	while (http_body_skip(&body, unit, len) == (ssize_t)len && count < 100000)
		count += len;
	taken.refusal = body.refusal;
	return count;
}

static void long_extensions_and_trailers_are_refused(void)
{
	CU_ASSERT_EQUAL(accepted("5;", "x"), HTTP_CHUNK_EXTENSION_MAX);
	CU_ASSERT_EQUAL(taken.refusal, HTTP_REFUSAL_CHUNK_EXTENSION);
	CU_ASSERT(accepted("0\r\n", "a: b\r\n") <= HTTP_TRAILERS_MAX);
	CU_ASSERT_EQUAL(taken.refusal, HTTP_REFUSAL_TRAILER_LONG);
	CU_ASSERT(accepted("0\r\na:", "x") <= HTTP_TRAILERS_MAX);
	CU_ASSERT_EQUAL(taken.refusal, HTTP_REFUSAL_TRAILER_LONG);
	CU_ASSERT(accepted("0\r\n", "x") <= HTTP_TRAILERS_MAX);
	CU_ASSERT_EQUAL(taken.refusal, HTTP_REFUSAL_TRAILER_LONG);
}

static void largest_chunk_is_counted(void)
{
	struct http_head head = {.framing = HTTP_FRAMING_CHUNKED};
	struct http_body body;

	http_body_init(&body, &head);
	CU_ASSERT_EQUAL(http_body_skip(&body, "fffffffffffffff\r\n", 17), 17);
	CU_ASSERT_EQUAL(body.left, 0xfffffffffffffff);
	CU_ASSERT_EQUAL(http_body_content(&body, 10), 10);
	http_body_take(&body, 0xffffffffffffffe);
	CU_ASSERT_EQUAL(http_body_content(&body, 10), 1);
	http_body_take(&body, 1);
	CU_ASSERT_EQUAL(http_body_content(&body, 10), 0);
	CU_ASSERT_EQUAL(http_body_skip(&body, "\r\n0\r\n\r\n", 7), 7);
	CU_ASSERT_TRUE(http_body_done(&body));
}

static void content_may_be_taken_in_parts(void)
{
	struct http_head head = {.framing = HTTP_FRAMING_CHUNKED};
	struct http_body body;

	http_body_init(&body, &head);
	CU_ASSERT_EQUAL(http_body_skip(&body, "5\r\nhello\r\n", 10), 3);
	CU_ASSERT_EQUAL(http_body_content(&body, 7), 5);
	http_body_take(&body, 2);
	CU_ASSERT_EQUAL(http_body_skip(&body, "llo\r\n", 5), 0);
	CU_ASSERT_EQUAL(http_body_content(&body, 5), 3);
	http_body_take(&body, 0);
	http_body_take(&body, 3);
	CU_ASSERT_EQUAL(http_body_content(&body, 2), 0);
	CU_ASSERT_EQUAL(http_body_skip(&body, "\r\n", 2), 2);
	CU_ASSERT_FALSE(http_body_done(&body));
}

static void end_of_the_connection_ends_only_what_has_no_other_end(void)
{
	struct http_head head = {.framing = HTTP_FRAMING_CLOSE};
	struct http_body body;

	http_body_init(&body, &head);
	CU_ASSERT_EQUAL(http_body_skip(&body, "5\r\n", 3), 0);
	CU_ASSERT_EQUAL(http_body_content(&body, SIZE_MAX), SIZE_MAX);
	http_body_take(&body, 3);
	CU_ASSERT_EQUAL(http_body_content(&body, 100), 100);
	CU_ASSERT_FALSE(http_body_done(&body));
	CU_ASSERT_EQUAL(http_body_end(&body), 0);
	CU_ASSERT_TRUE(http_body_done(&body));
	CU_ASSERT_EQUAL(http_body_content(&body, 100), 0);
	head = (struct http_head){.framing = HTTP_FRAMING_LENGTH, .content_length = 5};
	http_body_init(&body, &head);
	http_body_take(&body, 4);
	CU_ASSERT_EQUAL(http_body_end(&body), -EBADMSG);
	CU_ASSERT_EQUAL(body.refusal, HTTP_REFUSAL_TRUNCATED);
	head.framing = HTTP_FRAMING_NONE;
	http_body_init(&body, &head);
	CU_ASSERT_EQUAL(http_body_end(&body), 0);
}

static void refusal_sticks(void)
{
	struct http_head head = {.framing = HTTP_FRAMING_CHUNKED};
	struct http_body body;

	http_body_init(&body, &head);
	CU_ASSERT_EQUAL(http_body_skip(&body, "3", 1), 1);
	CU_ASSERT_EQUAL(http_body_skip(&body, "x", 1), -EBADMSG);
	CU_ASSERT_EQUAL(http_body_skip(&body, "\r\n", 2), -EBADMSG);
	CU_ASSERT_EQUAL(http_body_content(&body, 10), 0);
	CU_ASSERT_FALSE(http_body_done(&body));
	CU_ASSERT_EQUAL(body.refusal, HTTP_REFUSAL_CHUNK_SIZE);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(content_of_a_length_ends_after_it),
		UNIT_TEST(chunks_are_joined),
		UNIT_TEST(extensions_and_trailers_are_left_out),
		UNIT_TEST(long_extensions_and_trailers_are_refused),
		UNIT_TEST(largest_chunk_is_counted),
		UNIT_TEST(content_may_be_taken_in_parts),
		UNIT_TEST(end_of_the_connection_ends_only_what_has_no_other_end),
		UNIT_TEST(refusal_sticks),
		{},
	};

	return unit_run("http_body", tests);
}
