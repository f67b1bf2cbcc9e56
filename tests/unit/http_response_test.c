/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Heads of responses, and where their content ends.
 */
#include <errno.h>
#include <string.h>

#include "../support/guard.h"
#include "../support/http_take.h"
#include "../support/unit.h"

#define OK "HTTP/1.1 200 OK\r\n"

static struct http_head head;

static ssize_t parse_for(enum http_method request, const char *text)
{
	http_head_init(&head);
	return http_parse_response(&head, guard_copy(text, strlen(text)), strlen(text), 8192,
				   request);
}

static ssize_t parse(const char *text)
{
	return parse_for(HTTP_METHOD_GET, text);
}

static void assert_refused(const char *text, enum http_refusal refusal, int line)
{
	ssize_t taken = parse(text);

	CU_assertImplementation(taken == -EBADMSG, (unsigned)line, text, __FILE__, "", CU_FALSE);
	unit_assert_text(http_refusal_name(head.refusal), http_refusal_name(refusal), __FILE__,
			 line);
}
#define ASSERT_REFUSED(text, refusal) assert_refused(text, HTTP_REFUSAL_##refusal, __LINE__)

static void status_line_is_understood(void)
{
	CU_ASSERT_EQUAL(parse("HTTP/1.1 404 Not \xc3\x84 Found\r\nServer: x\r\n\r\n"), 40);
	CU_ASSERT_EQUAL(head.status, 404);
	CU_ASSERT_TRUE(http_slice_equal(head.reason, HTTP_SLICE("Not \xc3\x84 Found")));
	CU_ASSERT_EQUAL(head.header_count, 1);
	CU_ASSERT(parse("HTTP/1.1 200 \r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.reason.len, 0);
	CU_ASSERT(parse("HTTP/1.0 200\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.reason.len, 0);
	CU_ASSERT_EQUAL(head.minor, 0);
}

static void odd_status_lines_are_refused(void)
{
	ASSERT_REFUSED("HTTP/1.1  200 OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 2000 OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 20 OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 099 OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 600 OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 +20 OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1\t200 OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 200OK\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 200 O\x01K\r\n", STATUS_LINE);
	ASSERT_REFUSED("HTTP/1.1 200 OK\n", LINE_END);
	ASSERT_REFUSED("HTTP/2.0 200 OK\r\n", VERSION);
	ASSERT_REFUSED("ICY 200 OK\r\n", VERSION_SYNTAX);
	ASSERT_REFUSED("GET / HTTP/1.1\r\n", VERSION_SYNTAX);
}

static void content_ends_as_the_fields_say(void)
{
	CU_ASSERT(parse(OK "Content-Length: 5\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_LENGTH);
	CU_ASSERT_TRUE(head.keep_alive);
	CU_ASSERT(parse(OK "Content-Length: 0\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT_TRUE(head.keep_alive);
	CU_ASSERT(parse(OK "Transfer-Encoding: chunked\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_CHUNKED);
	CU_ASSERT(parse(OK "Connection: keep-alive\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_CLOSE);
	CU_ASSERT_FALSE(head.keep_alive);
}

static void some_responses_have_no_content(void)
{
	CU_ASSERT(parse_for(HTTP_METHOD_HEAD, OK "Content-Length: 5\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT_TRUE(head.has_length);
	CU_ASSERT_EQUAL(head.content_length, 5);
	CU_ASSERT_TRUE(head.keep_alive);
	CU_ASSERT(parse_for(HTTP_METHOD_HEAD, OK "Transfer-Encoding: chunked\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT(parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT_EQUAL(head.content_length, 5);
	CU_ASSERT(parse("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT(parse("HTTP/1.1 100 Continue\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT_TRUE(head.keep_alive);
}

static void ambiguous_content_is_refused(void)
{
	ASSERT_REFUSED("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", CONTENT_FORBIDDEN);
	ASSERT_REFUSED("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", CONTENT_FORBIDDEN);
	ASSERT_REFUSED("HTTP/1.1 101 x\r\nContent-Length: 5\r\n\r\n", CONTENT_FORBIDDEN);
	ASSERT_REFUSED(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		       LENGTH_AND_CODING);
	ASSERT_REFUSED(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", LENGTH_TWICE);
	ASSERT_REFUSED(OK "Content-Length: 5, 5\r\n\r\n", LENGTH);
	ASSERT_REFUSED(OK "Transfer-Encoding: gzip\r\n\r\n", CODING);
	ASSERT_REFUSED("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", CODING_OLD);
	ASSERT_REFUSED("HTTP/1.1 304 x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		       LENGTH_TWICE);
	ASSERT_REFUSED(OK "X: y\n\r\n", LINE_END);
	ASSERT_REFUSED(OK "X: y\r\n z\r\n\r\n", FOLD);
}

static void change_to_websocket_is_noticed(void)
{
	CU_ASSERT(parse("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
			"Upgrade: websocket\r\n\r\n") > 0);
	CU_ASSERT_TRUE(head.websocket);
	CU_ASSERT(parse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n") > 0);
	CU_ASSERT_FALSE(head.websocket);
	CU_ASSERT(parse(OK "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n") > 0);
	CU_ASSERT_FALSE(head.websocket);
}

static void every_prefix_waits_for_more(void)
{
	static const char text[] = OK "Server: sluice\r\nContent-Type: text/html\r\n"
				      "Set-Cookie: a=b; Path=/\r\nContent-Length: 12\r\n\r\n";
	static const enum http_method get = HTTP_METHOD_GET;
	char content[sizeof(text)], trickled[sizeof(text)];
	struct http_taken a = {.content = content}, b = {.content = trickled};

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		http_head_init(&head);
		CU_ASSERT_EQUAL(http_parse_response(&head, guard_copy(text, len), len, 8192, get),
				-EAGAIN);
	}
	http_take(&a, text, sizeof(text) - 1, SIZE_MAX, &get);
	http_take(&b, text, sizeof(text) - 1, 1, &get);
	CU_ASSERT_EQUAL(a.head.header_count, 4);
	CU_ASSERT_TRUE(http_taken_equal(&a, &b));
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(status_line_is_understood),
		UNIT_TEST(odd_status_lines_are_refused),
		UNIT_TEST(content_ends_as_the_fields_say),
		UNIT_TEST(some_responses_have_no_content),
		UNIT_TEST(ambiguous_content_is_refused),
		UNIT_TEST(change_to_websocket_is_noticed),
		UNIT_TEST(every_prefix_waits_for_more),
		{},
	};

	return unit_run("http_response", tests);
}
