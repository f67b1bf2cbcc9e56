/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The server's side of HTTP/1.1 connections, as clients see it: what they send,
 * byte for byte, against what they get. Each test ends with all buffers given
 * back and every exchange told to be over, once.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/http_script.h"
#include "../support/unit.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO	  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
#define HELLO_CLOSE                                                                                \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"                     \
	"Connection: close\r\n\r\nhello\n"

static struct script script;
static struct script_client client;

static void begin(void)
{
	script_init(&script);
	script_connect(&script, &client);
}

static void end(void)
{
	script_close(&client);
	script_run(&script, 2);
	script_fini(&script);
}

/* --- requests and connections ----------------------------------------------------------- */

static void connection_serves_one_request_after_another(void)
{
	begin();
	for (unsigned i = 0; i < 3; i++) {
		script_send(&client, GET("/whole"));
		SCRIPT_EXPECT(&client, HELLO);
	}
	CU_ASSERT_EQUAL(script.buffers.in_use, 0);
	CU_ASSERT_EQUAL(script.counters.connections, 1);
	CU_ASSERT_EQUAL(script.counters.requests, 3);
	CU_ASSERT_EQUAL(script.counters.responses_2xx, 3);
	CU_ASSERT_EQUAL(script.finished, 3);
	end();
}

static void request_may_come_byte_by_byte(void)
{
	static const char request[] = GET("/whole");

	begin();
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		CU_ASSERT_EQUAL(script_send_bytes(&client, request + i, 1), 1);
		script_run(&script, 0);
	}
	SCRIPT_EXPECT(&client, HELLO);
	end();
}

static void pipelined_requests_are_answered_in_order(void)
{
	begin();
	script_send(&client,
		    GET("/later") GET("/chunks") "POST /echo HTTP/1.1\r\nHost: "
						 "a\r\nContent-Length: 3\r\n\r\nabc" GET("/whole"));
	SCRIPT_EXPECT(
		&client, HELLO
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"4\r\none \r\n4\r\ntwo \r\n4\r\nthre\r\n0\r\n\r\n"
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" HELLO);
	CU_ASSERT_EQUAL(script.finished, 4);
	end();
}

static void pipeline_longer_than_the_buffer_is_answered(void)
{
	static const char request[] = GET("/whole");
	size_t sent = 0, total = 5000 * (sizeof(request) - 1);

	begin();
	while (sent < total) {
		size_t at = sent % (sizeof(request) - 1);

		sent += script_send_bytes(&client, request + at, sizeof(request) - 1 - at);
		script_run(&script, 0);
		script_receive(&client, 0);
	}
	CU_ASSERT(script_receive(&client, 5000 * (strlen(HELLO) + strlen("Date: ") + 31)));
	CU_ASSERT_EQUAL(script.finished, 5000);
	CU_ASSERT(script.most_buffers <= 2);
	end();
}

static void http_1_0_closes_and_ends_an_unknown_length_so(void)
{
	begin();
	script_send(&client, "GET /chunks HTTP/1.0\r\n\r\n");
	SCRIPT_EXPECT(&client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none two thre");
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
	end();
}

static void http_1_0_keeps_the_connection_if_asked_to(void)
{
	begin();
	for (unsigned i = 0; i < 2; i++) {
		script_send(&client, "GET /whole HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
		SCRIPT_EXPECT(&client,
			      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
			      "Connection: keep-alive\r\n\r\nhello\n");
	}
	end();
}

static void head_has_the_head_of_get_and_no_body(void)
{
	begin();
	script_send(&client, "HEAD /whole HTTP/1.1\r\nHost: a\r\n\r\n"
			     "HEAD /chunks HTTP/1.1\r\nHost: a\r\n\r\n"
			     "HEAD /file?100 HTTP/1.1\r\nHost: a\r\n\r\n");
	SCRIPT_EXPECT(&client,
		      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n"
		      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	end();
}

static void client_that_ends_its_side_gets_its_answer(void)
{
	begin();
	script_send(&client, GET("/later"));
	shutdown(client.fd, SHUT_WR);
	SCRIPT_EXPECT(&client, HELLO_CLOSE);
	CU_ASSERT(script_receive_end(&client));
	end();
}

static void last_request_of_a_connection_says_so(void)
{
	begin();
	script.settings.requests = 2;
	script_send(&client, GET("/whole") GET("/whole") GET("/whole"));
	SCRIPT_EXPECT(&client, HELLO HELLO_CLOSE);
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
	end();
}

/* --- bodies ----------------------------------------------------------------------------- */

static void chunked_request_is_decoded(void)
{
	begin();
	script_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
			     "5;x=y\r\nhello\r\n1\r\n,\r\n0\r\nTrail: er\r\n\r\n" GET("/whole"));
	SCRIPT_EXPECT(&client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			       "5\r\nhello\r\n1\r\n,\r\n0\r\n\r\n" HELLO);
	end();
}

static void client_that_waits_is_told_to_continue(void)
{
	begin();
	script_send(&client, "POST /gather HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
			     "Expect: 100-continue\r\n\r\n");
	SCRIPT_EXPECT(&client, "HTTP/1.1 100 Continue\r\n\r\n");
	script_send(&client, "body");
	SCRIPT_EXPECT(&client, "HTTP/1.1 200 OK\r\nX-Length: 4\r\nContent-Length: 0\r\n\r\n");
	end();
}

static void client_that_waits_is_refused_without_its_body(void)
{
	begin();
	script_send(&client, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
			     "Expect: 100-continue\r\n\r\n");
	SCRIPT_EXPECT(&client,
		      "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
	end();
}

static void little_unread_body_is_skipped(void)
{
	begin();
	script_send(&client, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
	SCRIPT_EXPECT(&client, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
	script_send(&client, "67890" GET("/whole"));
	SCRIPT_EXPECT(&client, HELLO);
	end();
}

static void much_unread_body_ends_the_connection_after_the_reply(void)
{
	static const char bytes[1000];

	begin();
	script_send(&client, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	SCRIPT_EXPECT(&client,
		      "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(script_send_bytes(&client, bytes, sizeof(bytes)), sizeof(bytes));
		script_run(&script, 0);
	}
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
	CU_ASSERT_EQUAL(script.closed, 0);
	end();
}

static void endless_unread_body_is_not_skipped_for_long(void)
{
	static const char chunk[] = "400\r\n";
	char bytes[1026];

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes + 1024, "\r\n", 2);
	begin();
	script_send(&client,
		    "POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (unsigned i = 0; i < 100; i++) {
		script_send_bytes(&client, chunk, strlen(chunk));
		script_send_bytes(&client, bytes, sizeof(bytes));
		script_run(&script, 0);
	}
	CU_ASSERT(script_receive_end(&client));
	end();
}

/* --- back-pressure ---------------------------------------------------------------------- */

static void reply_waits_for_a_slow_client(const char *request, size_t count)
{
	begin();
	script_send(&client, request);
	script_run(&script, 20);
	CU_ASSERT_EQUAL(script.finished, 0);
	CU_ASSERT(script.buffers.in_use <= 2);
	script_receive(&client, count + 20);
	script_run(&script, 2);
	CU_ASSERT_EQUAL(script.finished, 1);
	CU_ASSERT(script_received_bytes(&client, count));
	end();
}

static void reply_from_memory_waits_for_a_slow_client(void)
{
	reply_waits_for_a_slow_client(GET("/bytes?3000000"), 3000000);
}

static void reply_from_a_file_waits_for_a_slow_client(void)
{
	reply_waits_for_a_slow_client(GET("/file?3000000"), 3000000);
}

static void file_that_is_shorter_than_announced_cuts_the_connection(void)
{
	begin();
	script_send(&client, GET("/file?9000000"));
	script_receive(&client, SIZE_MAX);
	CU_ASSERT(client.ended || client.reset);
	CU_ASSERT_EQUAL(script.broken, 1);
	end();
}

/* Takes the chunks apart; true if they are `count` bytes of /bytes. */
static bool received_chunks(size_t count)
{
	struct http_head head;
	struct http_body body;
	const char *at = client.received;
	size_t left = client.length, seen = 0;
	ssize_t n;

	http_head_init(&head);
	n = http_parse_response(&head, at, left, left, HTTP_METHOD_GET);
	if (n < 0)
		return false;
	at += n, left -= (size_t)n;
	http_body_init(&body, &head);
	while (!http_body_done(&body) && (n = http_body_skip(&body, at, left)) >= 0) {
		size_t length = http_body_content(&body, left - (size_t)n);

		at += n, left -= (size_t)n;
		for (size_t i = 0; i < length; i++)
			if (at[i] != script_byte(seen++))
				return false;
		if (!length && !n)
			break;
		http_body_take(&body, length);
		at += length, left -= length;
	}
	return http_body_done(&body) && !left && seen == count;
}

static void chunks_stay_whole_when_the_client_is_slow(void)
{
	begin();
	script_send(&client, GET("/stream?2000000"));
	script_run(&script, 20);
	CU_ASSERT_EQUAL(script.finished, 0);
	while (!script.finished && !client.ended)
		script_receive(&client, client.length + 1);
	CU_ASSERT(script_receive(&client, 2000000));
	CU_ASSERT(received_chunks(2000000));
	end();
}

static void upload_stops_while_nobody_takes_it(void)
{
	static const char bytes[1u << 20];
	size_t before = 0, sent = 0;

	begin();
	script.paused = true;
	script_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
	do {
		before = sent;
		sent += script_send_bytes(&client, bytes, sizeof(bytes));
		script_run(&script, 2);
	} while (sent > before);
	CU_ASSERT(script.counters.bytes_in <= BUFFER_SIZE);
	CU_ASSERT_EQUAL(script.buffers.in_use, 1);
	end();
	CU_ASSERT_EQUAL(script.aborted, 1);
}

/* --- special replies -------------------------------------------------------------------- */

static void interim_response_precedes_the_final_one(void)
{
	begin();
	script_send(&client, GET("/hints"));
	SCRIPT_EXPECT(&client, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" HELLO);
	end();
	begin();
	script_send(&client, "GET /hints HTTP/1.0\r\n\r\n");
	SCRIPT_EXPECT(&client, HELLO_CLOSE);
	end();
}

static void upgraded_connection_is_raw_until_both_sides_end(void)
{
	begin();
	script_send(&client, "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
			     "Upgrade: websocket\r\n\r\nearly");
	SCRIPT_EXPECT(&client, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			       "Connection: Upgrade\r\n\r\nearly");
	script_send(&client, "GET / HTTP/9\r\n");
	SCRIPT_EXPECT(&client, "GET / HTTP/9\r\n");
	CU_ASSERT_EQUAL(script.finished, 0);
	shutdown(client.fd, SHUT_WR);
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
	CU_ASSERT_EQUAL(script.finished, 1);
	end();
}

static void field_with_a_line_end_makes_the_reply_a_500(void)
{
	begin();
	script_send(&client, GET("/field"));
	SCRIPT_EXPECT(&client, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n"
			       "Connection: close\r\n\r\n");
	CU_ASSERT(script_receive_end(&client));
	end();
}

static void reply_shorter_than_announced_cuts_the_connection(void)
{
	begin();
	script_send(&client, GET("/cut"));
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.length < 80);
	CU_ASSERT_EQUAL(script.finished, 1);
	CU_ASSERT_EQUAL(script.broken, 1);
	end();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(connection_serves_one_request_after_another),
		UNIT_TEST(request_may_come_byte_by_byte),
		UNIT_TEST(pipelined_requests_are_answered_in_order),
		UNIT_TEST(pipeline_longer_than_the_buffer_is_answered),
		UNIT_TEST(http_1_0_closes_and_ends_an_unknown_length_so),
		UNIT_TEST(http_1_0_keeps_the_connection_if_asked_to),
		UNIT_TEST(head_has_the_head_of_get_and_no_body),
		UNIT_TEST(client_that_ends_its_side_gets_its_answer),
		UNIT_TEST(last_request_of_a_connection_says_so),
		UNIT_TEST(chunked_request_is_decoded),
		UNIT_TEST(client_that_waits_is_told_to_continue),
		UNIT_TEST(client_that_waits_is_refused_without_its_body),
		UNIT_TEST(little_unread_body_is_skipped),
		UNIT_TEST(much_unread_body_ends_the_connection_after_the_reply),
		UNIT_TEST(endless_unread_body_is_not_skipped_for_long),
		UNIT_TEST(reply_from_memory_waits_for_a_slow_client),
		UNIT_TEST(reply_from_a_file_waits_for_a_slow_client),
		UNIT_TEST(file_that_is_shorter_than_announced_cuts_the_connection),
		UNIT_TEST(chunks_stay_whole_when_the_client_is_slow),
		UNIT_TEST(upload_stops_while_nobody_takes_it),
		UNIT_TEST(interim_response_precedes_the_final_one),
		UNIT_TEST(upgraded_connection_is_raw_until_both_sides_end),
		UNIT_TEST(field_with_a_line_end_makes_the_reply_a_500),
		UNIT_TEST(reply_shorter_than_announced_cuts_the_connection),
		{},
	};

	return unit_run("http_server", tests);
}
