/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The limits of the server's side of HTTP/1.1 connections: malformed and
 * oversized requests, clients that are slow or leave, the end of the server.
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

/* A reply of the server's own. */
static void expect_refusal(const char *status, const char *words)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
		 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s: %s\n",
		 status, strlen(status) + strlen(words) + 3, status, words);
	SCRIPT_EXPECT(&client, text);
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
}

/* --- refusals and clients that leave ---------------------------------------------------- */

static void malformed_requests_are_refused_and_counted(void)
{
	static const struct {
		const char *request, *status, *words;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "HTTP/1.1 without Host"},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported",
		 "neither HTTP/1.0 nor HTTP/1.1"},
		{"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "417 Expectation Failed",
		 "Expect is not \"100-continue\""},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
		 "501 Not Implemented", "Transfer-Encoding is not \"chunked\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin();
		script_send(&client, cases[i].request);
		expect_refusal(cases[i].status, cases[i].words);
		CU_ASSERT_EQUAL(script.requests, 0);
		end();
	}
}

static void head_that_is_too_long_is_refused(void)
{
	char line[1100];

	begin();
	memset(line, 'x', sizeof(line));
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	script_send(&client, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 0; i < 20; i++)
		script_send_bytes(&client, line, sizeof(line));
	expect_refusal("431 Request Header Fields Too Large", "the head is too long");
	CU_ASSERT_EQUAL(script.counters.refusals[HTTP_REFUSAL_HEAD_LONG], 1);
	end();
}

static void connect_is_not_implemented(void)
{
	begin();
	script_send(&client, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
	expect_refusal("501 Not Implemented", "there are no tunnels here");
	end();
}

static void malformed_chunk_ends_the_exchange(void)
{
	begin();
	script_send(
		&client,
		"POST /gather HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
	expect_refusal("400 Bad Request", "a chunk's size is malformed");
	CU_ASSERT_EQUAL(script.aborted, 1);
	end();
}

static void body_that_is_too_large_is_refused(void)
{
	begin();
	script.settings.body_bytes = 10;
	script_send(&client, "POST /gather HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
	expect_refusal("413 Content Too Large", "the body is too large");
	CU_ASSERT_EQUAL(script.requests, 0);
	end();
	begin();
	script.settings.body_bytes = 10;
	script_send(&client,
		    "POST /gather HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n");
	expect_refusal("413 Content Too Large", "the body is too large");
	CU_ASSERT_EQUAL(script.aborted, 1);
	end();
}

static void client_may_leave_at_any_point(void)
{
	static const char request[] =
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n0\r\n\r\n" GET("/later");

	for (size_t length = 0; length < sizeof(request); length++) {
		begin();
		CU_ASSERT_EQUAL(script_send_bytes(&client, request, length), (length ? length : 0));
		script_run(&script, 0);
		end();
		CU_ASSERT_EQUAL(script.closed, 1);
	}
}

static void client_that_leaves_is_told_to_a_handler_that_waits(void)
{
	const struct linger at_once = {.l_onoff = 1};

	begin();
	script_send(&client, GET("/bytes?3000000"));
	script_run(&script, 5);
	setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	end();
	CU_ASSERT_EQUAL(script.aborted, 1);
	CU_ASSERT_EQUAL(script.counters.aborted, 1);
}

static void server_that_ends_tells_its_handlers(void)
{
	begin();
	script_send(&client, GET("/never"));
	script_run(&script, 2);
	CU_ASSERT_EQUAL(script.requests, 1);
	http_server_fini(&script.server);
	CU_ASSERT_EQUAL(script.aborted, 1);
	end();
}

/* --- deadlines -------------------------------------------------------------------------- */

static void begin_impatiently(void)
{
	begin();
	script.settings.head_ms = 50;
	script.settings.idle_ms = 50;
	script.settings.body_ms = 50;
	script.settings.tunnel_ms = 50;
	script.settings.rate = 2000; /* 100 bytes each 50 ms */
	script_close(&client);
	script_connect(&script, &client);
}

static void idle_connection_is_closed_in_silence(void)
{
	begin_impatiently();
	script_send(&client, GET("/whole"));
	SCRIPT_EXPECT(&client, HELLO);
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
	CU_ASSERT_EQUAL(client.length, 0);
	CU_ASSERT_EQUAL(script.counters.timeouts, 0);
	end();
}

/* Sends a byte every 5 ms until the server has had enough. */
static void trickle(const char *text)
{
	for (size_t i = 0; text[i] && !client.length && !client.ended; i++) {
		script_send_bytes(&client, text + i, 1);
		script_run(&script, 5);
		script_receive(&client, 0);
	}
}

static void head_that_trickles_in_is_cut_off(void)
{
	begin_impatiently();
	trickle(GET("/whole?a-request-that-takes-its-time-and-then-some-more"));
	expect_refusal("408 Request Timeout", "the request has not come in time");
	CU_ASSERT_EQUAL(script.counters.timeouts, 1);
	end();
}

static void body_that_trickles_in_is_cut_off(void)
{
	begin_impatiently();
	script_send(&client, "POST /gather HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	trickle("a body that comes as slowly as a body can come, without an end");
	expect_refusal("408 Request Timeout", "the body has not come in time");
	CU_ASSERT_EQUAL(script.counters.timeouts, 1);
	CU_ASSERT_EQUAL(script.aborted, 1);
	end();
}

static void client_that_takes_nothing_is_cut_off(void)
{
	begin_impatiently();
	script_send(&client, GET("/bytes?3000000"));
	script_run(&script, 400);
	CU_ASSERT_EQUAL(script.aborted, 1);
	CU_ASSERT_EQUAL(script.counters.timeouts, 1);
	end();
}

static void silent_tunnel_is_closed(void)
{
	begin_impatiently();
	script_send(&client, "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
			     "Upgrade: websocket\r\n\r\n");
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT_EQUAL(script.counters.timeouts, 1);
	CU_ASSERT_EQUAL(script.aborted, 1);
	end();
}

static void handler_that_takes_its_time_is_not_the_clients_fault(void)
{
	begin_impatiently();
	script.settings.head_ms = script.settings.idle_ms = script.settings.body_ms = 1;
	script_send(&client, GET("/later"));
	SCRIPT_EXPECT(&client, HELLO);
	end();
}

/* --- drain ------------------------------------------------------------------------------ */

static void drain_closes_idle_connections_soon(void)
{
	begin();
	script_send(&client, GET("/whole"));
	SCRIPT_EXPECT(&client, HELLO);
	http_server_drain(&script.server);
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT(client.ended);
	end();
}

static void drain_answers_what_was_asked_and_says_so(void)
{
	begin();
	script_send(&client, GET("/later"));
	script_run(&script, 1);
	http_server_drain(&script.server);
	SCRIPT_EXPECT(&client, HELLO_CLOSE);
	CU_ASSERT(script_receive_end(&client));
	CU_ASSERT_EQUAL(script.finished, 1);
	end();
}

static void drain_answers_a_request_that_crosses_it(void)
{
	begin();
	script_send(&client, GET("/whole"));
	SCRIPT_EXPECT(&client, HELLO);
	http_server_drain(&script.server);
	script_send(&client, GET("/whole"));
	SCRIPT_EXPECT(&client, HELLO_CLOSE);
	CU_ASSERT(script_receive_end(&client));
	end();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(malformed_requests_are_refused_and_counted),
		UNIT_TEST(head_that_is_too_long_is_refused),
		UNIT_TEST(connect_is_not_implemented),
		UNIT_TEST(malformed_chunk_ends_the_exchange),
		UNIT_TEST(body_that_is_too_large_is_refused),
		UNIT_TEST(client_may_leave_at_any_point),
		UNIT_TEST(client_that_leaves_is_told_to_a_handler_that_waits),
		UNIT_TEST(server_that_ends_tells_its_handlers),
		UNIT_TEST(idle_connection_is_closed_in_silence),
		UNIT_TEST(head_that_trickles_in_is_cut_off),
		UNIT_TEST(body_that_trickles_in_is_cut_off),
		UNIT_TEST(client_that_takes_nothing_is_cut_off),
		UNIT_TEST(silent_tunnel_is_closed),
		UNIT_TEST(handler_that_takes_its_time_is_not_the_clients_fault),
		UNIT_TEST(drain_closes_idle_connections_soon),
		UNIT_TEST(drain_answers_what_was_asked_and_says_so),
		UNIT_TEST(drain_answers_a_request_that_crosses_it),
		{},
	};

	return unit_run("http_server_limits", tests);
}
