/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Heads of requests: what is accepted and what is understood, however the bytes
 * arrive. Input ends at a page that cannot be read.
 */
#include <errno.h>
#include <string.h>

#include "../support/guard.h"
#include "../support/http_take.h"
#include "../support/unit.h"

#define MAX 8192

static const char browser[] =
	"GET /shop/items?page=2&sort=price HTTP/1.1\r\n"
	"Host: www.foobar.com\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
	"Accept-Language: en-US,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate, br\r\n"
	"Connection: keep-alive\r\n"
	"Cookie: session=0123456789abcdef; theme=dark\r\n"
	"X-Odd:\t padded \t \r\n"
	"\r\n";

static struct http_head head;

static ssize_t parse_bytes(const char *bytes, size_t len, size_t max)
{
	http_head_init(&head);
	return http_parse_request(&head, guard_copy(bytes, len), len, max);
}

static ssize_t parse(const char *text)
{
	return parse_bytes(text, strlen(text), MAX);
}

static void assert_slice(struct http_slice slice, const char *expected, int line)
{
	char text[512];

	CU_ASSERT_FATAL(slice.len < sizeof(text));
	if (slice.len)
		memcpy(text, slice.at, slice.len);
	text[slice.len] = '\0';
	unit_assert_text(text, expected, __FILE__, line);
}
#define ASSERT_SLICE(slice, expected) assert_slice(slice, expected, __LINE__)

/* "METHOD TARGET HTTP/1.1", Host, and these lines. */
static ssize_t parse_with(const char *request_line, const char *lines)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s\r\nHost: a\r\n%s\r\n", request_line, lines);
	return parse(text);
}

static void assert_refused(const char *text, enum http_refusal refusal, int line)
{
	ssize_t taken = parse(text);

	CU_assertImplementation(taken == -EBADMSG, (unsigned)line, text, __FILE__, "", CU_FALSE);
	unit_assert_text(http_refusal_name(head.refusal), http_refusal_name(refusal), __FILE__,
			 line);
}
#define ASSERT_REFUSED(text, refusal) assert_refused(text, HTTP_REFUSAL_##refusal, __LINE__)

/* --- what is understood --------------------------------------------------------------- */

static void browser_request_is_understood(void)
{
	CU_ASSERT_EQUAL_FATAL(parse(browser), (ssize_t)strlen(browser));
	CU_ASSERT_EQUAL(head.method, HTTP_METHOD_GET);
	ASSERT_SLICE(head.method_name, "GET");
	CU_ASSERT_EQUAL(head.form, HTTP_TARGET_ORIGIN);
	ASSERT_SLICE(head.target, "/shop/items?page=2&sort=price");
	ASSERT_SLICE(head.path, "/shop/items");
	ASSERT_SLICE(head.query, "page=2&sort=price");
	CU_ASSERT_EQUAL(head.minor, 1);
	ASSERT_SLICE(head.host, "www.foobar.com");
	CU_ASSERT_EQUAL(head.port, 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT_TRUE(head.keep_alive);
	CU_ASSERT_FALSE(head.websocket);
	CU_ASSERT_EQUAL(head.header_count, 8);
	ASSERT_SLICE(http_head_value(&head, HTTP_FIELD_COOKIE),
		     "session=0123456789abcdef; theme=dark");
	ASSERT_SLICE(http_head_find_name(&head, HTTP_SLICE("x-ODD"))->value, "padded");
	CU_ASSERT_PTR_NULL(http_head_find(&head, HTTP_FIELD_REFERER));
}

static void target_forms_are_told_apart(void)
{
	CU_ASSERT(parse_with("GET / HTTP/1.1", "") > 0);
	CU_ASSERT_PTR_NULL(head.query.at);
	CU_ASSERT(parse_with("GET /? HTTP/1.1", "") > 0);
	CU_ASSERT_PTR_NOT_NULL(head.query.at);
	CU_ASSERT(parse_with("GET http://A?x HTTP/1.1", "") > 0);
	CU_ASSERT_EQUAL(head.form, HTTP_TARGET_ABSOLUTE);
	ASSERT_SLICE(head.path, "/");
	ASSERT_SLICE(head.query, "x");
	CU_ASSERT(parse_with("GET HTTPS://a/p/q?x HTTP/1.1", "") > 0);
	ASSERT_SLICE(head.path, "/p/q");
	CU_ASSERT(parse_with("OPTIONS * HTTP/1.1", "") > 0);
	CU_ASSERT_EQUAL(head.form, HTTP_TARGET_ASTERISK);
	CU_ASSERT(parse("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.form, HTTP_TARGET_AUTHORITY);
	CU_ASSERT_EQUAL(head.port, 443);
}

static void host_may_be_a_name_or_an_address(void)
{
	CU_ASSERT(parse("GET / HTTP/1.1\r\nHost: shop_1.foobar.com:8443\r\n\r\n") > 0);
	ASSERT_SLICE(head.authority, "shop_1.foobar.com:8443");
	ASSERT_SLICE(head.host, "shop_1.foobar.com");
	CU_ASSERT_EQUAL(head.port, 8443);
	CU_ASSERT(parse("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n") > 0);
	CU_ASSERT(parse("GET / HTTP/1.1\r\nhOST: [2001:db8::1]:80\r\n\r\n") > 0);
	ASSERT_SLICE(head.host, "2001:db8::1");
	CU_ASSERT_EQUAL(head.port, 80);
	CU_ASSERT(parse("GET / HTTP/1.0\r\n\r\n") > 0);
	CU_ASSERT_EQUAL(head.host.len, 0);
}

static void content_ends_as_the_fields_say(void)
{
	CU_ASSERT(parse_with("POST / HTTP/1.1", "Content-Length: 42\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_LENGTH);
	CU_ASSERT_EQUAL(head.content_length, 42);
	CU_ASSERT(parse_with("POST / HTTP/1.1", "Content-Length: 0\r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
	CU_ASSERT_TRUE(head.has_length);
	CU_ASSERT(parse_with("POST / HTTP/1.1", "Content-Length: 999999999999999999\r\n") > 0);
	CU_ASSERT_EQUAL(head.content_length, 999999999999999999);
	CU_ASSERT(parse_with("POST / HTTP/1.1", "transfer-ENCODING:  CHUNKED \r\n") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_CHUNKED);
	CU_ASSERT(parse_with("POST / HTTP/1.1", "") > 0);
	CU_ASSERT_EQUAL(head.framing, HTTP_FRAMING_NONE);
}

static void connection_is_kept_as_both_agree(void)
{
	CU_ASSERT(parse_with("GET / HTTP/1.1", "Connection: Close\r\n") > 0);
	CU_ASSERT_FALSE(head.keep_alive);
	CU_ASSERT(parse_with("GET / HTTP/1.1",
			     "Connection: keep-alive\r\nConnection: , x, close,\r\n") > 0);
	CU_ASSERT_FALSE(head.keep_alive);
	CU_ASSERT(parse_with("GET / HTTP/1.0", "") > 0);
	CU_ASSERT_FALSE(head.keep_alive);
	CU_ASSERT(parse_with("GET / HTTP/1.0", "Connection: Keep-Alive\r\n") > 0);
	CU_ASSERT_TRUE(head.keep_alive);
	CU_ASSERT(parse_with("GET / HTTP/1.0", "Proxy-Connection: keep-alive\r\n") > 0);
	CU_ASSERT_FALSE(head.keep_alive);
}

static void websocket_is_asked_for_by_both_fields(void)
{
	CU_ASSERT(parse_with("GET /chat HTTP/1.1",
			     "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n") > 0);
	CU_ASSERT_TRUE(head.websocket);
	CU_ASSERT(parse_with("GET /chat HTTP/1.1", "Upgrade: websocket\r\n") > 0);
	CU_ASSERT_FALSE(head.websocket);
	CU_ASSERT(parse_with("GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n") > 0);
	CU_ASSERT_FALSE(head.websocket);
	CU_ASSERT(parse_with("GET / HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n") >
		  0);
	CU_ASSERT_FALSE(head.websocket);
	CU_ASSERT(parse_with("POST / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n"
						"Content-Length: 1\r\n") > 0);
	CU_ASSERT_FALSE(head.websocket);
}

static void continue_is_expected_where_there_is_content(void)
{
	CU_ASSERT(parse_with("PUT / HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n") >
		  0);
	CU_ASSERT_TRUE(head.expect_continue);
	CU_ASSERT(parse_with("PUT / HTTP/1.1", "Expect: 100-continue\r\n") > 0);
	CU_ASSERT_FALSE(head.expect_continue);
	CU_ASSERT(parse_with("PUT / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n") >
		  0);
	CU_ASSERT_FALSE(head.expect_continue);
}

static void fields_of_the_connection_are_marked(void)
{
	static const bool hop[] = {false, true, true, false, true, false, true, false, false};

	CU_ASSERT_FATAL(parse_with("GET / HTTP/1.1",
				   "Connection: x-mine, Host, X-Forwarded-For, content-type\r\n"
				   "X-Mine: 1\r\nX-Other: 2\r\nTE: trailers\r\n"
				   "X-Forwarded-For: 192.0.2.1\r\nx-mine: 3\r\n"
				   "Content-Type: text/plain\r\nAccept: */*\r\n") > 0);
	CU_ASSERT_EQUAL_FATAL(head.header_count, 9);
	for (size_t i = 0; i < 9; i++)
		CU_ASSERT_EQUAL(head.headers[i].hop, hop[i]);
}

static void unknown_method_is_kept(void)
{
	CU_ASSERT(parse_with("PROPFIND /dav HTTP/1.1", "") > 0);
	CU_ASSERT_EQUAL(head.method, HTTP_METHOD_OTHER);
	ASSERT_SLICE(head.method_name, "PROPFIND");
	CU_ASSERT(parse_with("get / HTTP/1.1", "") > 0);
	CU_ASSERT_EQUAL(head.method, HTTP_METHOD_OTHER);
}

static void repeated_fields_are_found_in_order(void)
{
	const struct http_header *header;

	CU_ASSERT_FATAL(parse_with("GET / HTTP/1.1", "Via: 1\r\nX-A: 2\r\nVIA: 3\r\nx-a: 4\r\n") >
			0);
	CU_ASSERT_EQUAL(head.repeated, HTTP_FIELD_BIT(VIA));
	header = http_head_find(&head, HTTP_FIELD_VIA);
	ASSERT_SLICE(header->value, "1");
	header = http_head_next(&head, header);
	ASSERT_SLICE(header->value, "3");
	CU_ASSERT_PTR_NULL(http_head_next(&head, header));
	header = http_head_find_name(&head, HTTP_SLICE("X-a"));
	ASSERT_SLICE(header->value, "2");
	header = http_head_next(&head, header);
	ASSERT_SLICE(header->value, "4");
	CU_ASSERT_PTR_NULL(http_head_next(&head, header));
}

static void every_known_field_is_found(void)
{
	for (unsigned field = 1; field < HTTP_FIELD_COUNT; field++) {
		struct http_slice name = http_field_name(field);
		char other[64];

		CU_ASSERT_EQUAL(http_field_find(name), field);
		for (size_t i = 0; i < name.len; i++)
			other[i] = name.at[i] >= 'A' && name.at[i] <= 'Z'   ? name.at[i] + 32
				   : name.at[i] >= 'a' && name.at[i] <= 'z' ? name.at[i] - 32
									    : name.at[i];
		CU_ASSERT_EQUAL(http_field_find((struct http_slice){other, name.len}), field);
		other[name.len / 2] = '~';
		CU_ASSERT_EQUAL(http_field_find((struct http_slice){other, name.len}), 0);
		CU_ASSERT(name.len >= http_field_name(field - 1).len);
	}
	CU_ASSERT_EQUAL(http_field_find(HTTP_SLICE("")), HTTP_FIELD_OTHER);
	CU_ASSERT_EQUAL(http_field_find(HTTP_SLICE("X-Something-That-Nobody-Knows")), 0);
}

/* --- how it arrives --------------------------------------------------------------------- */

static void every_prefix_waits_for_more(void)
{
	for (size_t len = 0; len < strlen(browser); len++)
		CU_ASSERT_EQUAL(parse_bytes(browser, len, MAX), -EAGAIN);
}

static void bytes_one_by_one_mean_the_same(void)
{
	char whole[sizeof(browser)], trickled[sizeof(browser)];
	struct http_taken a = {.content = whole}, b = {.content = trickled};

	for (size_t step = 1; step < 64; step++) {
		http_take(&a, browser, strlen(browser), SIZE_MAX, NULL);
		http_take(&b, browser, strlen(browser), step, NULL);
		CU_ASSERT_TRUE(a.complete);
		CU_ASSERT_TRUE(http_taken_equal(&a, &b));
	}
}

/* guard_copy() puts each prefix elsewhere: what was found before does not hold any more. */
static void buffer_may_move_in_between(void)
{
	size_t len = strlen(browser);

	http_head_init(&head);
	for (size_t have = 1; have < len; have++)
		CU_ASSERT_EQUAL(http_parse_request(&head, guard_copy(browser, have), have, MAX),
				-EAGAIN);
	CU_ASSERT_EQUAL(http_parse_request(&head, guard_copy(browser, len), len, MAX),
			(ssize_t)len);
	CU_ASSERT_EQUAL(head.header_count, 8);
	ASSERT_SLICE(head.host, "www.foobar.com");
}

static void pipelined_request_is_left_alone(void)
{
	char two[2 * sizeof(browser)];

	strcpy(two, browser);
	strcat(two, browser);
	CU_ASSERT_EQUAL(parse(two), (ssize_t)strlen(browser));
}

static void one_empty_line_in_front_is_forgiven(void)
{
	CU_ASSERT_EQUAL(parse("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 29);
	CU_ASSERT_EQUAL(parse("\r\n"), -EAGAIN);
	CU_ASSERT_EQUAL(parse("\r"), -EAGAIN);
	ASSERT_REFUSED("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", EMPTY_LINES);
	ASSERT_REFUSED("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", LINE_END);
}

/* --- limits ----------------------------------------------------------------------------- */

static void long_head_is_refused(void)
{
	size_t len = strlen(browser);

	CU_ASSERT_EQUAL(parse_bytes(browser, len, len), (ssize_t)len);
	CU_ASSERT_EQUAL(parse_bytes(browser, len, len - 1), -EBADMSG);
	CU_ASSERT_EQUAL(head.refusal, HTTP_REFUSAL_HEAD_LONG);
	CU_ASSERT_EQUAL(parse_bytes(browser, 20, 20), -EBADMSG);
	CU_ASSERT_EQUAL(head.refusal, HTTP_REFUSAL_TARGET_LONG);
}

static void many_fields_are_refused(void)
{
	char lines[HTTP_HEADERS_MAX * 6 + 1] = "";

	for (size_t i = 0; i < HTTP_HEADERS_MAX - 1; i++)
		strcat(lines, "a: b\r\n");
	CU_ASSERT(parse_with("GET / HTTP/1.1", lines) > 0);
	CU_ASSERT_EQUAL(head.header_count, HTTP_HEADERS_MAX);
	strcat(lines, "a: b\r\n");
	CU_ASSERT_EQUAL(parse_with("GET / HTTP/1.1", lines), -EBADMSG);
	CU_ASSERT_EQUAL(head.refusal, HTTP_REFUSAL_FIELDS_MANY);
}

static void long_method_is_refused_before_its_end(void)
{
	ASSERT_REFUSED("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", METHOD_LONG);
}

static void many_connection_options_are_refused(void)
{
	CU_ASSERT(parse_with("GET / HTTP/1.1", "Connection: 1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g\r\n") >
		  0);
	CU_ASSERT_EQUAL(
		parse_with("GET / HTTP/1.1", "Connection: 1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h\r\n"),
		-EBADMSG);
	CU_ASSERT_EQUAL(head.refusal, HTTP_REFUSAL_CONNECTION);
}

static void other_protocols_are_refused_at_once(void)
{
	ASSERT_REFUSED("\x16\x03\x01", METHOD);
	ASSERT_REFUSED("PRI * HTTP/2.0\r\n", VERSION);
	ASSERT_REFUSED("GET /\r\n", VERSION_SYNTAX);
	ASSERT_REFUSED("GET / HTTP/1.2\r\n", VERSION);
	ASSERT_REFUSED("GET / HTTP/0.9\r\n", VERSION);
	ASSERT_REFUSED("GET / HTTP/1.10", VERSION_SYNTAX);
	ASSERT_REFUSED("GET / http/1.1", VERSION_SYNTAX);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(browser_request_is_understood),
		UNIT_TEST(target_forms_are_told_apart),
		UNIT_TEST(host_may_be_a_name_or_an_address),
		UNIT_TEST(content_ends_as_the_fields_say),
		UNIT_TEST(connection_is_kept_as_both_agree),
		UNIT_TEST(websocket_is_asked_for_by_both_fields),
		UNIT_TEST(continue_is_expected_where_there_is_content),
		UNIT_TEST(fields_of_the_connection_are_marked),
		UNIT_TEST(unknown_method_is_kept),
		UNIT_TEST(repeated_fields_are_found_in_order),
		UNIT_TEST(every_known_field_is_found),
		UNIT_TEST(every_prefix_waits_for_more),
		UNIT_TEST(bytes_one_by_one_mean_the_same),
		UNIT_TEST(buffer_may_move_in_between),
		UNIT_TEST(pipelined_request_is_left_alone),
		UNIT_TEST(one_empty_line_in_front_is_forgiven),
		UNIT_TEST(long_head_is_refused),
		UNIT_TEST(many_fields_are_refused),
		UNIT_TEST(long_method_is_refused_before_its_end),
		UNIT_TEST(many_connection_options_are_refused),
		UNIT_TEST(other_protocols_are_refused_at_once),
		{},
	};

	return unit_run("http_request", tests);
}
