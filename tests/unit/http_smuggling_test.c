/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Requests of which two implementations could take different things: the known
 * ways of request smuggling, each refused for its own reason, at once and byte
 * by byte.
 */
#include <stdlib.h>
#include <string.h>

#include "../support/guard.h"
#include "../support/http_take.h"
#include "../support/unit.h"

struct payload {
	const char *bytes;
	size_t len;
	enum http_refusal refusal;
};

#define P(refusal, bytes)                                                                          \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, HTTP_REFUSAL_##refusal                                   \
	}
/* POST with these field lines, and content that would be a second request. */
#define POST(refusal, lines)                                                                       \
	P(refusal, "POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n")
#define GET(refusal, lines) P(refusal, "GET / HTTP/1.1\r\n" lines "\r\n")
/* A chunked body. */
#define CHUNKS(refusal, body)                                                                      \
	P(refusal, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" body)
#define LINE(refusal, line) P(refusal, line "Host: a\r\n\r\n")

static const struct payload lengths[] = {
	POST(LENGTH_AND_CODING, "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"),
	POST(LENGTH_AND_CODING, "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"),
	POST(LENGTH_AND_CODING, "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
	POST(LENGTH_TWICE, "Content-Length: 5\r\nContent-Length: 6\r\n"),
	POST(LENGTH_TWICE, "Content-Length: 5\r\nContent-Length: 5\r\n"),
	POST(LENGTH_TWICE, "Content-Length: 5\r\ncontent-length: 0\r\n"),
	POST(LENGTH, "Content-Length: 5, 5\r\n"),
	POST(LENGTH, "Content-Length: 5,6\r\n"),
	POST(LENGTH, "Content-Length: 5 6\r\n"),
	POST(LENGTH, "Content-Length: 5\t6\r\n"),
	POST(LENGTH, "Content-Length: +5\r\n"),
	POST(LENGTH, "Content-Length: -5\r\n"),
	POST(LENGTH, "Content-Length: -0\r\n"),
	POST(LENGTH, "Content-Length: 0x5\r\n"),
	POST(LENGTH, "Content-Length: 5e0\r\n"),
	POST(LENGTH, "Content-Length: 5.0\r\n"),
	POST(LENGTH, "Content-Length: 5;\r\n"),
	POST(LENGTH, "Content-Length: \"5\"\r\n"),
	POST(LENGTH, "Content-Length: 1_0\r\n"),
	POST(LENGTH, "Content-Length: 05\r\n"),
	POST(LENGTH, "Content-Length: 5\xa0\r\n"),
	POST(LENGTH, "Content-Length:\r\n"),
	POST(LENGTH, "Content-Length: , 5\r\n"),
	POST(LENGTH, "Content-Length: nope\r\n"),
	POST(LENGTH, "Content-Length: 18446744073709551621\r\n"),
	POST(LENGTH, "Content-Length: 99999999999999999999999999999999\r\n"),
	POST(NAME_ALIAS, "Content_Length: 5\r\n"),
	POST(NAME_BLANK, "Content-Length : 5\r\n"),
	POST(NAME_BLANK, "Content-Length\t: 5\r\n"),
	POST(NAME_BLANK, "Content Length: 5\r\n"),
	POST(VALUE, "Content-Length: \v5\r\n"),
	POST(VALUE, "Content-Length: 5\0\r\n"),
	POST(NAME, "Content-Length\0: 5\r\n"),
	POST(NAME, "\xef\xbb\xbf"
		   "Content-Length: 5\r\n"),
};

static const struct payload codings[] = {
	POST(CODING, "Transfer-Encoding: xchunked\r\n"),
	POST(CODING, "Transfer-Encoding: chunkedx\r\n"),
	POST(CODING, "Transfer-Encoding: chunk\r\n"),
	POST(CODING, "Transfer-Encoding: \"chunked\"\r\n"),
	POST(CODING, "Transfer-Encoding: 'chunked'\r\n"),
	POST(CODING, "Transfer-Encoding: chunked, chunked\r\n"),
	POST(CODING, "Transfer-Encoding: chunked, identity\r\n"),
	POST(CODING, "Transfer-Encoding: identity, chunked\r\n"),
	POST(CODING, "Transfer-Encoding: identity\r\n"),
	POST(CODING, "Transfer-Encoding: gzip, chunked\r\n"),
	POST(CODING, "Transfer-Encoding: chunked;q=1\r\n"),
	POST(CODING, "Transfer-Encoding: ,chunked\r\n"),
	POST(CODING, "Transfer-Encoding: chunked,\r\n"),
	POST(CODING, "Transfer-Encoding:\r\n"),
	POST(CODING, "Transfer-Encoding: chun ked\r\n"),
	POST(CODING, "Transfer-Encoding: \xa0"
		     "chunked\r\n"),
	POST(CODING, "Transfer-Encoding: chunked\xff\r\n"),
	POST(CODING_TWICE, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
	POST(CODING_TWICE, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
	POST(CODING_TWICE, "Transfer-Encoding: x\r\ntransfer-encoding: chunked\r\n"),
	POST(VALUE, "Transfer-Encoding: \vchunked\r\n"),
	POST(VALUE, "Transfer-Encoding: \fchunked\r\n"),
	POST(VALUE, "Transfer-Encoding: chunked\b\r\n"),
	POST(VALUE, "Transfer-Encoding: chunked\x7f\r\n"),
	POST(VALUE, "Transfer-Encoding: chunked\0\r\n"),
	POST(NAME, "Transfer-Encoding\v: chunked\r\n"),
	POST(NAME, "\vTransfer-Encoding: chunked\r\n"),
	POST(NAME_BLANK, "Transfer-Encoding : chunked\r\n"),
	POST(NAME_BLANK, "Transfer-Encoding \t: chunked\r\n"),
	POST(NAME_BLANK, "Transfer Encoding: chunked\r\n"),
	POST(NAME_ALIAS, "Transfer_Encoding: chunked\r\n"),
	POST(NAME, "Transfer-Encoding\r\n: chunked\r\n"),
	POST(FOLD, "Transfer-Encoding:\r\n chunked\r\n"),
	POST(FOLD, "Transfer-Encoding:\r\n\tchunked\r\n"),
	POST(FOLD, "X: y\r\n Transfer-Encoding: chunked\r\n"),
	POST(LINE_END, "X: y\nTransfer-Encoding: chunked\r\n"),
	POST(LINE_END, "X: y\rTransfer-Encoding: chunked\r\n"),
	POST(LINE_END, "X: y\r\n\rTransfer-Encoding: chunked\r\n"),
	POST(LINE_END, "Transfer-Encoding: chunked\n"),
	POST(LINE_END, "Transfer-Encoding: chunked\r\r\n"),
	POST(LINE_END, "X: y\n\nGET /x HTTP/1.1\r\n"),
	P(CODING_OLD, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	P(CODING_OLD, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	P(FOLD, "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n"),
	P(FOLD, "POST / HTTP/1.1\r\n\tHost: a\r\n\r\n"),
	P(CONTENT_FORBIDDEN, "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"),
	P(CONTENT_FORBIDDEN, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\n"),
};

static const struct payload hosts[] = {
	GET(HOST_MISSING, ""),
	GET(HOST_MISSING, "X-Host: a\r\n"),
	GET(HOST_TWICE, "Host: a\r\nHost: b\r\n"),
	GET(HOST_TWICE, "Host: a\r\nHost: a\r\n"),
	GET(HOST_TWICE, "Host: a\r\nX: y\r\nhost: b\r\n"),
	GET(HOST, "Host:\r\n"),
	GET(HOST, "Host: a b\r\n"),
	GET(HOST, "Host: a, b\r\n"),
	GET(HOST, "Host: a@b\r\n"),
	GET(HOST, "Host: a/b\r\n"),
	GET(HOST, "Host: a?b\r\n"),
	GET(HOST, "Host: a#b\r\n"),
	GET(HOST, "Host: a:b\r\n"),
	GET(HOST, "Host: a:80:80\r\n"),
	GET(HOST, "Host: a:\r\n"),
	GET(HOST, "Host: a:0\r\n"),
	GET(HOST, "Host: a:65536\r\n"),
	GET(HOST, "Host: a:+80\r\n"),
	GET(HOST, "Host: :80\r\n"),
	GET(HOST, "Host: .a\r\n"),
	GET(HOST, "Host: a\\b\r\n"),
	GET(HOST, "Host: a%00b\r\n"),
	GET(HOST, "Host: \"a\"\r\n"),
	GET(HOST, "Host: http://a\r\n"),
	GET(HOST, "Host: [::1\r\n"),
	GET(HOST, "Host: [::1]x\r\n"),
	GET(HOST, "Host: [::1%eth0]\r\n"),
	GET(HOST, "Host: [a]\r\n"),
	GET(HOST, "Host: [v1.a]\r\n"),
	GET(HOST, "Host: \xc3\xa4\r\n"),
	GET(NAME_BLANK, "Host : a\r\n"),
	GET(FOLD, " Host: b\r\nHost: a\r\n"),
	GET(FOLD, "Host:\r\n a\r\n"),
	P(HOST_TWICE, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
	LINE(HOST_MISMATCH, "GET http://b/ HTTP/1.1\r\n"),
	LINE(HOST_MISMATCH, "GET http://a:80/ HTTP/1.1\r\n"),
	LINE(HOST_MISMATCH, "CONNECT b:80 HTTP/1.1\r\n"),
	P(HOST_MISSING, "GET http://a/ HTTP/1.1\r\n\r\n"),
};

static const struct payload request_lines[] = {
	LINE(METHOD, " GET / HTTP/1.1\r\n"),
	LINE(METHOD, "GET\t/ HTTP/1.1\r\n"),
	LINE(METHOD, "G\0ET / HTTP/1.1\r\n"),
	LINE(METHOD, "GE:T / HTTP/1.1\r\n"),
	LINE(METHOD, "GET\r\n"),
	LINE(TARGET, "GET  / HTTP/1.1\r\n"),
	LINE(TARGET, "GET \t/ HTTP/1.1\r\n"),
	LINE(TARGET, "GET /\tHTTP/1.1\r\n"),
	LINE(TARGET, "GET /\v HTTP/1.1\r\n"),
	LINE(TARGET, "GET /a#b HTTP/1.1\r\n"),
	LINE(TARGET, "GET /\0 HTTP/1.1\r\n"),
	LINE(TARGET, "GET /\x7f HTTP/1.1\r\n"),
	LINE(TARGET, "GET /\xc3\xa4 HTTP/1.1\r\n"),
	LINE(TARGET, "GET a HTTP/1.1\r\n"),
	LINE(TARGET, "GET ?a HTTP/1.1\r\n"),
	LINE(TARGET, "GET * HTTP/1.1\r\n"),
	LINE(TARGET, "OPTIONS ** HTTP/1.1\r\n"),
	LINE(TARGET, "GET a:80 HTTP/1.1\r\n"),
	LINE(TARGET, "GET ftp://a/ HTTP/1.1\r\n"),
	LINE(TARGET, "GET http:/a HTTP/1.1\r\n"),
	LINE(TARGET, "GET http:///a HTTP/1.1\r\n"),
	LINE(TARGET, "GET http://u@a/ HTTP/1.1\r\n"),
	LINE(TARGET, "CONNECT a HTTP/1.1\r\n"),
	LINE(TARGET, "CONNECT / HTTP/1.1\r\n"),
	LINE(TARGET, "CONNECT http://a/ HTTP/1.1\r\n"),
	LINE(VERSION_SYNTAX, "GET / HTTP/1.1 \r\n"),
	LINE(VERSION_SYNTAX, "GET / HTTP/1.1x\r\n"),
	LINE(VERSION_SYNTAX, "GET / HTTP/1.11\r\n"),
	LINE(VERSION_SYNTAX, "GET /  HTTP/1.1\r\n"),
	LINE(VERSION_SYNTAX, "GET / x HTTP/1.1\r\n"),
	LINE(VERSION_SYNTAX, "GET / HTTP/01.1\r\n"),
	LINE(VERSION_SYNTAX, "GET / HTTP/1,1\r\n"),
	LINE(VERSION_SYNTAX, "GET / HTTP /1.1\r\n"),
	LINE(VERSION_SYNTAX, "GET / HTTPS/1.1\r\n"),
	LINE(VERSION_SYNTAX, "GET / \r\n"),
	LINE(VERSION_SYNTAX, "GET /\r\n"),
	LINE(VERSION, "GET / HTTP/2.1\r\n"),
	LINE(VERSION, "GET / HTTP/1.9\r\n"),
	LINE(LINE_END, "GET / HTTP/1.1\n"),
	LINE(LINE_END, "GET / HTTP/1.1\rX: y\r\n"),
	LINE(EMPTY_LINES, "\r\n\r\nGET / HTTP/1.1\r\n"),
};

static const struct payload others[] = {
	GET(NAME, "Host: a\r\n: x\r\n"),
	GET(NAME, "Host: a\r\nX\r\n"),
	GET(NAME, "Host: a\r\nX=y: z\r\n"),
	GET(NAME, "Host: a\r\n(X): z\r\n"),
	GET(NAME, "Host: a\r\nX\xff: z\r\n"),
	GET(VALUE, "Host: a\r\nX: \x01\r\n"),
	GET(VALUE, "Host: a\r\nX: \0\r\n"),
	GET(VALUE, "Host: a\r\nX: \x1b[2J\r\n"),
	GET(NAME_ALIAS, "Host: a\r\nX_Forwarded_For: 192.0.2.1\r\n"),
	GET(NAME_ALIAS, "Host: a\r\nX-Forwarded_Proto: https\r\n"),
	GET(CONNECTION, "Host: a\r\nConnection: close;x\r\n"),
	GET(CONNECTION, "Host: a\r\nConnection: keep alive\r\n"),
	GET(EXPECTATION, "Host: a\r\nExpect: 100-continue, x\r\n"),
	GET(EXPECTATION, "Host: a\r\nExpect: x100-continue\r\n"),
	GET(EXPECTATION, "Host: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n"),
};

static const struct payload chunks[] = {
	CHUNKS(CHUNK_SIZE, "+5\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "-5\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "0x5\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, " 5\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5 \r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5\t;a\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "\r\n5\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, ";a\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "g\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5_\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5,5\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5\rhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5\r\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5\0\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "10000000000000005\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "0000000000000005\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;a\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;\n\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;\0\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5; a\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;a=\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;a=\"\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;a=\"\\\"\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_EXTENSION, "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5;a\rb\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_END, "5\r\nhelloX\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_END, "5\r\nhello0\r\n\r\n"),
	CHUNKS(CHUNK_END, "5\r\nhello\n0\r\n\r\n"),
	CHUNKS(CHUNK_END, "5\r\nhello\r0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "5\r\nhello\r\n\r\n0\r\n\r\n"),
	CHUNKS(CHUNK_SIZE, "0\n\r\n"),
	CHUNKS(TRAILER, "0\r\n\n"),
	CHUNKS(TRAILER, "0\r\n\rX"),
	CHUNKS(TRAILER, "0\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"),
	CHUNKS(TRAILER, "0\r\nX : y\r\n\r\n"),
	CHUNKS(TRAILER, "0\r\nX: y\n\r\n"),
	CHUNKS(TRAILER, "0\r\nX: y\r\n z\r\n\r\n"),
	CHUNKS(TRAILER, "0\r\nX: \x01\r\n\r\n"),
	CHUNKS(TRAILER, "0\r\n: y\r\n\r\n"),
	CHUNKS(TRAILER_FORBIDDEN, "0\r\nContent-Length: 5\r\n\r\n"),
	CHUNKS(TRAILER_FORBIDDEN, "0\r\ntransfer-encoding: chunked\r\n\r\n"),
	CHUNKS(TRAILER_FORBIDDEN, "0\r\nTransfer_Encoding: chunked\r\n\r\n"),
	CHUNKS(TRAILER_FORBIDDEN, "0\r\nX: y\r\nHost: b\r\n\r\n"),
	CHUNKS(TRAILER_FORBIDDEN, "0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"),
	CHUNKS(TRAILER_FORBIDDEN, "0\r\nCookie: admin=1\r\n\r\n"),
	CHUNKS(TRAILER_FORBIDDEN, "0\r\nStrict-Transport-Security: max-age=0\r\n\r\n"),
};

static void assert_refused(const struct payload *payload, size_t step, const char *list)
{
	static char content[GUARD_MAX_BYTES];
	static struct http_taken taken = {.content = content};

	http_take(&taken, guard_copy(payload->bytes, payload->len), payload->len, step, NULL);
	if (taken.refusal == payload->refusal)
		return;
	printf("\n    %s: %.*s\n    expected %s, actual %s\n", list, (int)payload->len,
	       payload->bytes, http_refusal_name(payload->refusal),
	       http_refusal_name(taken.refusal));
	CU_FAIL("refused for another reason, or not at all");
}

static void assert_all_refused(const struct payload *payloads, size_t count, const char *list)
{
	for (size_t i = 0; i < count; i++) {
		assert_refused(&payloads[i], SIZE_MAX, list);
		assert_refused(&payloads[i], 1, list);
		assert_refused(&payloads[i], 7, list);
	}
}
#define ASSERT_ALL_REFUSED(payloads) assert_all_refused(payloads, ARRAY_LEN(payloads), #payloads)

static void odd_lengths_are_refused(void)
{
	ASSERT_ALL_REFUSED(lengths);
}

static void odd_codings_are_refused(void)
{
	ASSERT_ALL_REFUSED(codings);
}

static void odd_hosts_are_refused(void)
{
	ASSERT_ALL_REFUSED(hosts);
}

static void odd_request_lines_are_refused(void)
{
	ASSERT_ALL_REFUSED(request_lines);
}

static void other_odd_fields_are_refused(void)
{
	ASSERT_ALL_REFUSED(others);
}

static void odd_chunks_are_refused(void)
{
	ASSERT_ALL_REFUSED(chunks);
}

/* Whatever byte stands in for one of these, nothing is taken for the field that it is not. */
static void no_byte_in_a_name_passes_for_another(void)
{
	static const char form[] =
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
	static const size_t name = sizeof("POST / HTTP/1.1\r\nHost: a\r\n") - 1;
	char bytes[sizeof(form)], content[sizeof(form)];
	struct http_taken taken = {.content = content};

	for (size_t i = name; i < name + strlen("Transfer-Encoding"); i++) {
		for (int c = 0; c < 256; c++) {
			memcpy(bytes, form, sizeof(form));
			bytes[i] = (char)c;
			http_take(&taken, bytes, sizeof(form) - 1, SIZE_MAX, NULL);
			if (!taken.refusal && taken.head.framing != HTTP_FRAMING_NONE)
				CU_ASSERT_EQUAL(c | 0x20, form[i] | 0x20);
		}
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(odd_lengths_are_refused),
		UNIT_TEST(odd_codings_are_refused),
		UNIT_TEST(odd_hosts_are_refused),
		UNIT_TEST(odd_request_lines_are_refused),
		UNIT_TEST(other_odd_fields_are_refused),
		UNIT_TEST(odd_chunks_are_refused),
		UNIT_TEST(no_byte_in_a_name_passes_for_another),
		{},
	};

	return unit_run("http_smuggling", tests);
}
