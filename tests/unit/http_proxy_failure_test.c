/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The relay when servers fail: every way in which they can, what may be sent
 * again and what may not, what the client gets to know.
 */
#include "../support/relay.h"

#include <linux/filter.h>
#include <string.h>
#include <unistd.h>

/* --- what can be sent again ----------------------------------------------------------- */

/* The connection is closed when the request is already on it. */
static int break_kept_connection(int client, const char *request, const char *sent)
{
	int server;

	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_serve(client, server);
	relay_send(client, request);
	relay_expect(server, sent);
	relay_close(server);
	return client;
}

static void stale_connection_costs_no_try(void)
{
	int client, server;

	relay_start(2);
	client = relay_client();
	/* The second server is not wanted. */
	relay.upstream.servers[1].credit = -100;
	break_kept_connection(client, RELAY_GET, RELAY_GET);
	server = relay_accept(0);
	relay_serve(client, server);
	CU_ASSERT_EQUAL(relay.report.tries, 1);
	CU_ASSERT_EQUAL(relay.sent[0].stale, 1);
	CU_ASSERT_EQUAL(relay.sent[0].broken, 0);
	CU_ASSERT_EQUAL(relay.sent[0].requests, 2);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void post_on_a_stale_connection_is_not_sent_twice(void)
{
	int client;

	relay_start(1);
	client = relay_client();
	break_kept_connection(client, RELAY_POST, RELAY_POST);
	relay_expect_status(client, 502);
	CU_ASSERT(relay_nobody_connects(0));
	relay_close(client);
	relay_stop();
}

static void post_is_not_risked_on_an_old_connection(void)
{
	int client, first, second;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	first = relay_accept(0);
	relay_serve(client, first);
	relay_run(1100);
	relay_send(client, RELAY_POST);
	second = relay_accept(0);
	relay_expect(second, RELAY_POST);
	relay_send(second, RELAY_OK);
	relay_expect(client, RELAY_OK);
	relay_expect_silence(first);
	relay_close(first);
	relay_close(second);
	relay_close(client);
	relay_stop();
}

/* The server's end and the request come at the same time. */
static void post_is_not_risked_on_a_connection_that_has_just_ended(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_serve(client, server);
	CU_ASSERT(send(client, RELAY_POST, sizeof(RELAY_POST) - 1, 0) == sizeof(RELAY_POST) - 1);
	close(server);
	server = relay_accept(0);
	relay_expect(server, RELAY_POST);
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void refused_connection_is_tried_elsewhere(void)
{
	int client, server;

	relay_start(2);
	relay_refuse(0);
	client = relay_client();
	relay_send(client, RELAY_POST);
	server = relay_accept(1);
	relay_expect(server, RELAY_POST);
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
	CU_ASSERT_EQUAL(relay.report.tries, 2);
	UNIT_ASSERT_TEXT(relay.report.server, "two");
	CU_ASSERT_EQUAL(relay.sent[0].connect_failed, 1);
	CU_ASSERT_EQUAL(relay.sent[1].retried, 1);
	/* It is remembered. */
	for (int i = 0; i < 3; i++) {
		relay_send(client, RELAY_GET);
		relay_serve(client, server);
	}
	CU_ASSERT_EQUAL(relay.sent[0].requests, 1);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void nobody_there_is_503(void)
{
	int client;

	relay_start(3);
	for (size_t i = 0; i < 3; i++)
		relay_refuse(i);
	client = relay_client();
	relay_send(client, RELAY_GET);
	relay_expect_status(client, 503);
	CU_ASSERT_EQUAL(relay.report.tries, 2);
	/* And asked again: when none is well, all are tried. */
	relay_send(client, RELAY_GET);
	relay_expect_status(client, 503);
	CU_ASSERT_EQUAL(relay.report.tries, 2);
	relay_close(client);
	relay_stop();
}

static void connect_timeout_is_tried_elsewhere(void)
{
	struct sockaddr_storage address;
	socklen_t length;
	int client, server, fill[4];

	relay_start(2);
	relay.upstream_settings.connect_ms = 50;
	/* A listener whose queue is full answers no more. */
	CU_ASSERT_FATAL(!listen(relay.listener[0], 0));
	length = endpoint_to_sockaddr(&relay.upstream_settings.servers[0].at, &address);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		CU_ASSERT(connect(fill[i], (struct sockaddr *)&address, length) <= 0);
	}
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(1);
	relay_serve(client, server);
	CU_ASSERT_EQUAL(relay.sent[0].connect_failed, 1);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++)
		close(fill[i]);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void get_is_sent_again_until_its_response_begins(void)
{
	static const char *const partial[] = {"", "HTTP/1.1 200 OK\r\nContent-Le"};

	for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
		int client, first, second;

		relay_start(2);
		client = relay_client();
		relay_send(client, RELAY_GET);
		first = relay_accept(0);
		relay_expect(first, RELAY_GET);
		relay_send(first, partial[i]);
		relay_reset(first);
		second = relay_accept(1);
		relay_serve(client, second);
		CU_ASSERT_EQUAL(relay.sent[0].broken, 1);
		CU_ASSERT_EQUAL(relay.report.tries, 2);
		relay_close(second);
		relay_close(client);
		relay_stop();
	}
}

static void get_is_sent_again_once(void)
{
	int client, server;

	relay_start(3);
	client = relay_client();
	relay_send(client, RELAY_GET);
	for (size_t i = 0; i < 2; i++) {
		server = relay_accept(i);
		relay_expect(server, RELAY_GET);
		relay_close(server);
	}
	relay_expect_status(client, 502);
	CU_ASSERT(relay_nobody_connects(2));
	relay_close(client);
	relay_stop();
}

static void post_is_not_sent_again(void)
{
	int client, server;

	relay_start(2);
	client = relay_client();
	relay_send(client, RELAY_POST);
	server = relay_accept(0);
	relay_expect(server, RELAY_POST);
	relay_close(server);
	relay_expect_status(client, 502);
	CU_ASSERT(relay_nobody_connects(1));
	relay_close(client);
	relay_stop();
}

static void put_whose_body_has_left_is_not_sent_again(void)
{
	int client, server;

	relay_start(2);
	client = relay_client();
	relay_send(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
	server = relay_accept(0);
	relay_close(server);
	relay_expect_status(client, 502);
	CU_ASSERT(relay_nobody_connects(1));
	relay_close(client);
	relay_stop();
}

#define UNAVAILABLE "HTTP/1.1 503 Service Unavailable\r\nDate: D\r\nContent-Length: 4\r\n\r\nlate"

/* If it is to be: a server that declines is no server at all. */
static void get_that_was_declined_is_sent_elsewhere(void)
{
	int client, first, second;

	relay_start(2);
	relay.upstream_settings.retry_unavailable = true;
	client = relay_client();
	relay_send(client, RELAY_GET);
	first = relay_accept(0);
	relay_expect(first, RELAY_GET);
	relay_send(first, UNAVAILABLE);
	second = relay_accept(1);
	relay_serve(client, second);
	CU_ASSERT_EQUAL(relay.report.tries, 2);
	relay_close(first);
	relay_close(second);
	relay_close(client);
	relay_stop();
}

static void server_that_is_down_is_not_asked_instead(void)
{
	int client, server;

	relay_start(2);
	relay.upstream_settings.retry_unavailable = true;
	relay.health[1] = (struct upstream_health){.checked = 1};
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, UNAVAILABLE);
	relay_expect(client, UNAVAILABLE);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void what_nobody_else_takes_is_declined(void)
{
	static const struct {
		const char *request;
		size_t servers;
		bool wanted;
	} cases[] = {{RELAY_POST, 2, true}, {RELAY_GET, 1, true}, {RELAY_GET, 2, false}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int client, server;

		relay_start(cases[i].servers);
		relay.upstream_settings.retry_unavailable = cases[i].wanted;
		client = relay_client();
		relay_send(client, cases[i].request);
		server = relay_accept(0);
		relay_expect(server, *cases[i].request == 'P' ? RELAY_POST : RELAY_GET);
		relay_send(server, UNAVAILABLE);
		relay_expect(client, UNAVAILABLE);
		CU_ASSERT_EQUAL(relay.report.tries, 1);
		relay_close(server);
		relay_close(client);
		relay_stop();
	}
}

/* --- servers that fail ---------------------------------------------------------------- */

static void what_is_not_http_is_502(void)
{
	static const char *const wrong[] = {
		"SSH-2.0-OpenSSH_9.2\r\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		int client, server;

		relay_start(2);
		client = relay_client();
		relay_send(client, RELAY_GET);
		server = relay_accept(0);
		relay_expect(server, RELAY_GET);
		relay_send(server, wrong[i]);
		relay_expect_status(client, 502);
		CU_ASSERT_EQUAL(relay.sent[0].malformed, 1);
		CU_ASSERT(relay_nobody_connects(1));
		relay_close(server);
		relay_close(client);
		relay_stop();
	}
}

static void oversized_head_is_502(void)
{
	static char head[20000];
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	memset(head, 'x', sizeof(head) - 1);
	memcpy(head, "HTTP/1.1 200 OK\r\nX: ", 20);
	send(server, head, sizeof(head) - 1, MSG_NOSIGNAL);
	relay_expect_status(client, 502);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void head_that_does_not_come_is_504(void)
{
	int client, server;

	relay_start(2);
	relay.upstream_settings.connect_ms = 40;
	relay.upstream_settings.response_ms = 100;
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, "HTTP/1.1 200");
	relay_run(60);
	CU_ASSERT_EQUAL(relay.status, 0);
	relay_run(60);
	relay_expect_status(client, 504);
	CU_ASSERT_EQUAL(relay.sent[0].timeouts, 1);
	relay_expect_end(server);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

/* Packets to this connection of a server vanish, as if its host had lost power. */
static void unplug(int server)
{
	struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	const struct sock_fprog filter = {.len = ARRAY_LEN(nothing), .filter = nothing};

	CU_ASSERT_FATAL(!setsockopt(server, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
}

static void host_that_acknowledges_nothing_is_left_early(void)
{
	int client, dead, server;

	relay_start(2);
	relay.upstream_settings.connect_ms = 60;
	client = relay_client();
	relay_send(client, RELAY_GET);
	dead = relay_accept(0);
	relay_serve(client, dead);
	unplug(dead);
	relay.upstream.servers[1].credit = -100;
	relay_send(client, RELAY_GET);
	server = relay_accept(1);
	relay_serve(client, server);
	CU_ASSERT_EQUAL(relay.sent[0].broken, 1);
	CU_ASSERT(relay.upstream.servers[0].suspected);
	relay_close(dead);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void cut_response(const char *response, const char *reply, bool reset)
{
	int client, server;

	relay_start(2);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, response);
	relay_expect(client, reply);
	if (reset)
		relay_reset(server);
	else
		relay_close(server);
	relay_expect_reset(client);
	CU_ASSERT(relay.broken);
	CU_ASSERT_EQUAL(relay.sent[0].broken, 1);
	relay_close(client);
	relay_stop();
}

static void truncated_response_cuts_the_client(void)
{
	cut_response("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\nabc",
		     "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\nabc", false);
	cut_response("HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		     "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		     false);
	cut_response("HTTP/1.1 200 OK\r\nDate: D\r\n\r\nabc",
		     "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		     true);
}

static void malformed_chunk_cuts_the_client(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "3\r\nabc\r\n");
	relay_expect(client, "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
			     "3\r\nabc\r\n");
	relay_send(server, "zz\r\n");
	relay_expect_reset(client);
	CU_ASSERT_EQUAL(relay.sent[0].malformed, 1);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void body_that_pauses_too_long_cuts_the_client(void)
{
	int client, server;

	relay_start(1);
	relay.upstream_settings.response_ms = 60;
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 9\r\n\r\n");
	relay_expect(client, "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 9\r\n\r\n");
	for (int i = 0; i < 4; i++) {
		relay_run(30);
		relay_send(server, "x");
		relay_expect(client, "x");
	}
	relay_expect_reset(client);
	CU_ASSERT_EQUAL(relay.sent[0].timeouts, 1);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(stale_connection_costs_no_try),
		UNIT_TEST(post_on_a_stale_connection_is_not_sent_twice),
		UNIT_TEST(post_is_not_risked_on_an_old_connection),
		UNIT_TEST(post_is_not_risked_on_a_connection_that_has_just_ended),
		UNIT_TEST(refused_connection_is_tried_elsewhere),
		UNIT_TEST(nobody_there_is_503),
		UNIT_TEST(connect_timeout_is_tried_elsewhere),
		UNIT_TEST(get_is_sent_again_until_its_response_begins),
		UNIT_TEST(get_is_sent_again_once),
		UNIT_TEST(post_is_not_sent_again),
		UNIT_TEST(get_that_was_declined_is_sent_elsewhere),
		UNIT_TEST(server_that_is_down_is_not_asked_instead),
		UNIT_TEST(what_nobody_else_takes_is_declined),
		UNIT_TEST(put_whose_body_has_left_is_not_sent_again),
		UNIT_TEST(what_is_not_http_is_502),
		UNIT_TEST(oversized_head_is_502),
		UNIT_TEST(head_that_does_not_come_is_504),
		UNIT_TEST(host_that_acknowledges_nothing_is_left_early),
		UNIT_TEST(truncated_response_cuts_the_client),
		UNIT_TEST(malformed_chunk_cuts_the_client),
		UNIT_TEST(body_that_pauses_too_long_cuts_the_client),
		{},
	};

	return unit_run("HTTP relay, failures", tests);
}
