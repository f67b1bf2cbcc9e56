/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Writing heads: exact bytes, nothing that could end a line, nothing past the
 * end of the buffer; and what is forwarded of a parsed head.
 */
#include <errno.h>
#include <string.h>

#include "../support/guard.h"
#include "../support/unit.h"
#include "http/message.h"

static char buffer[1024];
static struct http_writer writer;
static struct http_head head;

static void begin(void)
{
	memset(buffer, '#', sizeof(buffer));
	http_writer_init(&writer, buffer, sizeof(buffer) - 1);
}

static void assert_written(const char *expected, int line)
{
	ssize_t len = http_writer_end(&writer);

	CU_assertImplementation(len >= 0, (unsigned)line, "written", __FILE__, "", CU_FALSE);
	if (len >= 0) {
		buffer[len] = '\0';
		unit_assert_text(buffer, expected, __FILE__, line);
	}
}
#define ASSERT_WRITTEN(expected) assert_written(expected, __LINE__)

static void parse(const char *text)
{
	http_head_init(&head);
	CU_ASSERT_EQUAL_FATAL(
		http_parse_request(&head, guard_copy(text, strlen(text)), strlen(text), 8192),
		(ssize_t)strlen(text));
}

static void response_is_written(void)
{
	begin();
	http_write_status_line(&writer, 404);
	http_write_time(&writer, HTTP_FIELD_DATE, 784111777);
	http_write_text(&writer, HTTP_FIELD_CONTENT_TYPE, "text/html; charset=utf-8");
	http_write_named(&writer, HTTP_SLICE("X-Odd"), HTTP_SLICE("\ta b\xc3\xa4"));
	http_write_field(&writer, HTTP_FIELD_VARY, HTTP_SLICE(""));
	http_write_framing(&writer, HTTP_FRAMING_LENGTH, 18446744073709551615u);
	ASSERT_WRITTEN("HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		       "Content-Type: text/html; charset=utf-8\r\nX-Odd: \ta b\xc3\xa4\r\n"
		       "Vary: \r\nContent-Length: 18446744073709551615\r\n\r\n");
}

static void request_is_written(void)
{
	begin();
	http_write_request_line(&writer, HTTP_SLICE("POST"), HTTP_SLICE("/a?b"));
	http_write_framing(&writer, HTTP_FRAMING_CHUNKED, 0);
	http_write_framing(&writer, HTTP_FRAMING_NONE, 0);
	ASSERT_WRITTEN("POST /a?b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void status_without_a_phrase_is_written(void)
{
	begin();
	http_write_status_line(&writer, 299);
	ASSERT_WRITTEN("HTTP/1.1 299 \r\n\r\n");
}

static void times_are_written_anew_when_they_change(void)
{
	begin();
	http_write_time(&writer, HTTP_FIELD_DATE, 0);
	http_write_time(&writer, HTTP_FIELD_DATE, 0);
	http_write_time(&writer, HTTP_FIELD_LAST_MODIFIED, 1);
	http_write_time(&writer, HTTP_FIELD_LAST_MODIFIED, 64);
	http_write_time(&writer, HTTP_FIELD_LAST_MODIFIED, -1);
	ASSERT_WRITTEN("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		       "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		       "Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\n"
		       "Last-Modified: Thu, 01 Jan 1970 00:01:04 GMT\r\n"
		       "Last-Modified: Wed, 31 Dec 1969 23:59:59 GMT\r\n\r\n");
}

/* --- what must not get in --------------------------------------------------------------- */

static void assert_invalid(int line)
{
	CU_assertImplementation(http_writer_end(&writer) == -EINVAL, (unsigned)line, "refused",
				__FILE__, "", CU_FALSE);
	CU_assertImplementation(writer.at == writer.start, (unsigned)line, "nothing written",
				__FILE__, "", CU_FALSE);
	begin();
}
#define ASSERT_INVALID() assert_invalid(__LINE__)

static void no_value_can_end_its_line(void)
{
	begin();
	for (int c = 0; c < 256; c++) {
		char value[] = {'a', (char)c, 'b'};
		bool good = c == '\t' || (c >= ' ' && c != 0x7f);

		http_write_field(&writer, HTTP_FIELD_LOCATION,
				 (struct http_slice){value, sizeof(value)});
		CU_ASSERT_EQUAL(writer.error, good ? 0 : -EINVAL);
		begin();
		http_write_named(&writer, HTTP_SLICE("X"),
				 (struct http_slice){value, sizeof(value)});
		CU_ASSERT_EQUAL(writer.error, good ? 0 : -EINVAL);
		begin();
	}
	http_write_text(&writer, HTTP_FIELD_LOCATION, "/\r\nSet-Cookie: a=b");
	ASSERT_INVALID();
}

static void no_name_or_target_can_be_another(void)
{
	begin();
	http_write_named(&writer, HTTP_SLICE("X: y\r\nZ"), HTTP_SLICE(""));
	ASSERT_INVALID();
	http_write_named(&writer, HTTP_SLICE(""), HTTP_SLICE("x"));
	ASSERT_INVALID();
	http_write_field(&writer, HTTP_FIELD_OTHER, HTTP_SLICE("x"));
	ASSERT_INVALID();
	http_write_request_line(&writer, HTTP_SLICE("GET /x"), HTTP_SLICE("/"));
	ASSERT_INVALID();
	http_write_request_line(&writer, HTTP_SLICE("GET"), HTTP_SLICE("/ HTTP/1.1\r\nX:"));
	ASSERT_INVALID();
	http_write_request_line(&writer, HTTP_SLICE("GET"), HTTP_SLICE(""));
	ASSERT_INVALID();
	http_write_status_line(&writer, 1200);
	ASSERT_INVALID();
}

static void error_sticks(void)
{
	begin();
	http_write_text(&writer, HTTP_FIELD_ETAG, "\n");
	http_write_status_line(&writer, 200);
	http_write_text(&writer, HTTP_FIELD_ETAG, "\"a\"");
	ASSERT_INVALID();
}

static void write_some(void)
{
	http_write_status_line(&writer, 200);
	http_write_text(&writer, HTTP_FIELD_ETAG, "\"a\"");
	http_write_number(&writer, HTTP_FIELD_CONTENT_LENGTH, 12);
}

static void nothing_is_written_past_the_end(void)
{
	ssize_t whole;

	begin();
	write_some();
	whole = http_writer_end(&writer);
	for (size_t size = 0; size <= (size_t)whole; size++) {
		char *guarded = guard_copy(buffer, size);

		http_writer_init(&writer, guarded, size);
		write_some();
		CU_ASSERT_EQUAL(http_writer_end(&writer), size == (size_t)whole ? whole : -ENOBUFS);
	}
}

/* --- what is forwarded ------------------------------------------------------------------ */

static void forwarded_request_is_written_anew(void)
{
	parse("\r\nPOST http://Foo.com/a?b HTTP/1.0\r\nconnection: X-Mine, close, cookie\r\n"
	      "X-Mine: 1\r\nCookie: \t c=d  \r\nX-Forwarded-For: 10.0.0.1\r\nTE: trailers\r\n"
	      "HOST: foo.com\r\nContent-Length: 5\r\nKeep-Alive: 5\r\nx-lower:a\r\n\r\n");
	begin();
	http_write_forwarded_line(&writer, &head);
	http_write_forwarded(&writer, &head, HTTP_FIELD_BIT(X_FORWARDED_FOR));
	http_write_text(&writer, HTTP_FIELD_X_FORWARDED_FOR, "192.0.2.1");
	http_write_framing(&writer, head.framing, head.content_length);
	ASSERT_WRITTEN("POST /a?b HTTP/1.1\r\nHost: Foo.com\r\nCookie: c=d\r\nx-lower: a\r\n"
		       "X-Forwarded-For: 192.0.2.1\r\nContent-Length: 5\r\n\r\n");
}

static void expectation_of_an_old_request_is_not_forwarded(void)
{
	parse("PUT / HTTP/1.0\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n");
	begin();
	http_write_forwarded(&writer, &head, 0);
	ASSERT_WRITTEN("Host: a\r\n\r\n");
}

static void forwarded_target_is_in_origin_form(void)
{
	static const char *const lines[][2] = {
		{"GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n\r\n"},
		{"GET /? HTTP/1.1\r\n", "GET /? HTTP/1.1\r\n\r\n"},
		{"GET http://a HTTP/1.1\r\n", "GET / HTTP/1.1\r\n\r\n"},
		{"GET http://a? HTTP/1.1\r\n", "GET /? HTTP/1.1\r\n\r\n"},
		{"GET http://a?b HTTP/1.1\r\n", "GET /?b HTTP/1.1\r\n\r\n"},
		{"GET http://a/b?c HTTP/1.1\r\n", "GET /b?c HTTP/1.1\r\n\r\n"},
		{"OPTIONS * HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n\r\n"},
	};
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		snprintf(text, sizeof(text), "%sHost: a\r\n\r\n", lines[i][0]);
		parse(text);
		begin();
		http_write_forwarded_line(&writer, &head);
		ASSERT_WRITTEN(lines[i][1]);
	}
}

static void own_host_can_be_written(void)
{
	parse("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
	begin();
	http_write_forwarded(&writer, &head, HTTP_FIELD_BIT(HOST));
	ASSERT_WRITTEN("X: y\r\n\r\n");
}

static void chunk_prefixes_are_hexadecimal(void)
{
	static const struct {
		uint64_t size;
		const char *text;
	} cases[] = {
		{1, "1\r\n"},
		{15, "f\r\n"},
		{16, "10\r\n"},
		{0xabcdef, "abcdef\r\n"},
		{UINT64_MAX, "ffffffffffffffff\r\n"},
	};
	char text[HTTP_CHUNK_PREFIX_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = http_chunk_prefix(text, cases[i].size);

		CU_ASSERT_FATAL(len <= HTTP_CHUNK_PREFIX_MAX);
		text[len] = '\0';
		UNIT_ASSERT_TEXT(text, cases[i].text);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(response_is_written),
		UNIT_TEST(request_is_written),
		UNIT_TEST(status_without_a_phrase_is_written),
		UNIT_TEST(times_are_written_anew_when_they_change),
		UNIT_TEST(no_value_can_end_its_line),
		UNIT_TEST(no_name_or_target_can_be_another),
		UNIT_TEST(error_sticks),
		UNIT_TEST(nothing_is_written_past_the_end),
		UNIT_TEST(forwarded_request_is_written_anew),
		UNIT_TEST(expectation_of_an_old_request_is_not_forwarded),
		UNIT_TEST(forwarded_target_is_in_origin_form),
		UNIT_TEST(own_host_can_be_written),
		UNIT_TEST(chunk_prefixes_are_hexadecimal),
		{},
	};

	return unit_run("http_write", tests);
}
