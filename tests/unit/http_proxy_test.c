/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The relay: what goes to the server and what to the client, connections that
 * are kept and those that must not be, and every way in which a server can
 * fail. What streams is in http_proxy_stream_test.c.
 */
#include "../support/relay.h"

#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\n"
#define OK	OK_HEAD "ok"

/* What the server gets for RELAY_GET. */
#define GET_SENT  "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\n\r\n"
#define POST	  "POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nContent-Length: 2\r\n\r\nhi"
#define POST_SENT "POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nContent-Length: 2\r\n\r\nhi"

/* One GET on the client's connection, answered by this connection of a server. */
static void serve(int client, int server)
{
	relay_expect(server, GET_SENT);
	relay_send(server, OK);
	relay_expect(client, OK);
}

static void expect_status(int client, unsigned status)
{
	char reply[4096];

	relay_take(client, reply, sizeof(reply));
	CU_ASSERT(strlen(reply) > 12);
	CU_ASSERT_EQUAL(strtoul(reply + 9, NULL, 10), status);
	CU_ASSERT_EQUAL(relay.status, status);
}

/* --- what is passed on ---------------------------------------------------------------- */

static void heads_are_written_anew_without_the_connection(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, "GET http://a.example/x?y=1 HTTP/1.1\r\nHost: a.example\r\n"
			   "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\n"
			   "X-Forwarded-For:  1.2.3.4 \r\nKeep-Alive: 5\r\nAccept: */*\r\n\r\n");
	server = relay_accept(0);
	relay_expect(server, "GET /x?y=1 HTTP/1.1\r\nHost: a.example\r\n"
			     "X-Forwarded-For: 1.2.3.4\r\nAccept: */*\r\n\r\n");
	relay_send(server, "HTTP/1.1 404 Gone fishing\r\nDate: D\r\nConnection: X-Theirs\r\n"
			   "X-Theirs: 1\r\nServer: S\r\nX-Some: x\r\nKeep-Alive: timeout=5\r\n"
			   "Content-Length: 4\r\n\r\nnope");
	relay_expect(client, "HTTP/1.1 404 Not Found\r\nDate: D\r\nServer: S\r\nX-Some: x\r\n"
			     "Content-Length: 4\r\n\r\nnope");
	relay_expect_silence(client);
	CU_ASSERT_EQUAL(relay.finished, 1);
	UNIT_ASSERT_TEXT(relay.report.server, "one");
	CU_ASSERT_EQUAL(relay.report.tries, 1);
	CU_ASSERT(relay.report.connect_ns > 0 && relay.report.response_ns > 0);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void edge_drops_forged_fields(void)
{
	int client, server;

	relay_start(1);
	relay.rules.edge = true;
	client = relay_client();
	relay_send(client, "GET / HTTP/1.1\r\nHost: a:80\r\nX-Forwarded-For: 6.6.6.6\r\n"
			   "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
			   "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
			   "X-Forwarded-Port: 1\r\nX-Sluice-TLS: evil\r\n\r\n");
	server = relay_accept(0);
	relay_expect(server, "GET / HTTP/1.1\r\nHost: a:80\r\nX-Forwarded-For: " RELAY_CLIENT "\r\n"
			     "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a:80\r\n\r\n");
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void first_proxy_says_whom_it_serves(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n");
	server = relay_accept(0);
	relay_expect(server, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " RELAY_CLIENT "\r\n"
			     "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n");
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void add_one_more(struct http_exchange *exchange, struct http_writer *to)
{
	http_write_named(to, HTTP_SLICE("X-Path"), exchange->request.path);
}

static void fields_of_the_rules_replace_what_came(void)
{
	static const char *const request[] = {"X-Node", "tls1", "User-Agent", "Sluice", NULL};
	static const char *const response[] = {"X-Frame-Options", "DENY", "Server", "Sluice", NULL};
	int client, server;

	relay_start(1);
	relay.rules.request_fields = request;
	relay.rules.response_fields = response;
	relay.rules.add_fields = add_one_more;
	client = relay_client();
	relay_send(client, "GET /p HTTP/1.1\r\nHost: a\r\nx-node: forged\r\nX-NODE: twice\r\n"
			   "User-Agent: curl\r\nX-Forwarded-For: b\r\n\r\n");
	server = relay_accept(0);
	relay_expect(server, "GET /p HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\n"
			     "X-Node: tls1\r\nUser-Agent: Sluice\r\nX-Path: /p\r\n\r\n");
	relay_send(server, "HTTP/1.1 200 OK\r\nx-frame-options: ALLOW\r\nServer: S\r\nDate: D\r\n"
			   "Content-Length: 0\r\n\r\n");
	relay_expect(client, "HTTP/1.1 200 OK\r\nDate: D\r\nX-Frame-Options: DENY\r\n"
			     "Server: Sluice\r\nContent-Length: 0\r\n\r\n");
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void http_1_0_client_without_host_is_served(void)
{
	char expected[256], at[ENDPOINT_TEXT_LEN];
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, "GET / HTTP/1.0\r\nX-Forwarded-For: b\r\n\r\n");
	server = relay_accept(0);
	snprintf(expected, sizeof(expected),
		 "GET / HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: b\r\n\r\n",
		 endpoint_format(&relay.upstream_settings.servers[0].at, at));
	relay_expect(server, expected);
	relay_send(server, "HTTP/1.1 103 Early Hints\r\n\r\n");
	relay_send(server, "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "2\r\nok\r\n0\r\n\r\n");
	relay_expect(client, "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n\r\nok");
	relay_expect_end(client);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void responses_without_content_end_at_their_head(void)
{
	static const struct {
		const char *request, *response, *reply;
	} cases[] = {
		{"HEAD", "200 OK\r\nDate: D\r\nContent-Length: 9",
		 "200 OK\r\nDate: D\r\nContent-Length: 9"},
		{"HEAD", "200 OK\r\nDate: D\r\nTransfer-Encoding: chunked",
		 "200 OK\r\nDate: D\r\nTransfer-Encoding: chunked"},
		{"GET", "204 No Content\r\nDate: D", "204 No Content\r\nDate: D"},
		{"GET", "304 Not Modified\r\nDate: D\r\nETag: \"x\"",
		 "304 Not Modified\r\nDate: D\r\nETag: \"x\""},
		{"GET", "200 OK\r\nDate: D\r\nContent-Length: 0",
		 "200 OK\r\nDate: D\r\nContent-Length: 0"},
	};
	int client, server = -1;

	relay_start(1);
	client = relay_client();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char request[128], response[128], reply[128];

		snprintf(request, sizeof(request),
			 "%s / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\n\r\n",
			 cases[i].request);
		snprintf(response, sizeof(response), "HTTP/1.1 %s\r\n\r\n", cases[i].response);
		snprintf(reply, sizeof(reply), "HTTP/1.1 %s\r\n\r\n", cases[i].reply);
		relay_send(client, request);
		if (server < 0)
			server = relay_accept(0);
		relay_expect(server, request);
		relay_send(server, response);
		relay_expect(client, reply);
	}
	relay_expect_silence(client);
	CU_ASSERT_EQUAL(relay.sent[0].connections, 1);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void interim_responses_are_passed_on_but_100(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, GET_SENT);
	relay_send(server, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
			   "Link: </a.css>\r\nConnection: close\r\n\r\n");
	relay_expect(client, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
	relay_send(server, OK);
	relay_expect(client, OK);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void endless_interim_responses_are_malformed(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, GET_SENT);
	for (int i = 0; i < 17; i++)
		relay_send(server, "HTTP/1.1 100 Continue\r\n\r\n");
	expect_status(client, 502);
	CU_ASSERT_EQUAL(relay.sent[0].malformed, 1);
	relay_expect_reset(server);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

/* --- connections that are kept -------------------------------------------------------- */

static void connection_serves_the_next_request(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	serve(client, server);
	relay_send(client, RELAY_GET);
	serve(client, server);
	CU_ASSERT_EQUAL(relay.sent[0].connections, 1);
	CU_ASSERT_EQUAL(relay.sent[0].reused, 1);
	CU_ASSERT_EQUAL(relay.buffers.in_use, 0);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void connection_is_not_kept_when_the_server_says_so(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, GET_SENT);
	relay_send(server, "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n"
			   "Content-Length: 2\r\n\r\nok");
	relay_expect(client, OK);
	relay_expect_end(server);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void bytes_behind_a_response_are_nobodys_response(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, GET_SENT);
	relay_send(server, OK "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	relay_expect(client, OK);
	relay_expect_reset(server);
	relay_close(server);
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	serve(client, server);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void idle_connection_that_talks_is_closed(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	serve(client, server);
	relay_send(server, OK);
	relay_expect_reset(server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 0);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void idle_connection_that_ends_is_dropped(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	serve(client, server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 1);
	relay_close(server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 0);
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	serve(client, server);
	CU_ASSERT_EQUAL(relay.sent[0].stale, 0);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

/* The end is there with the response, when another request already looks for a connection. */
static void connection_that_has_ended_is_not_kept(void)
{
	int first, second, server;

	relay_start(1);
	first = relay_client();
	second = relay_client();
	relay_send(first, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, GET_SENT);
	CU_ASSERT(send(server, OK, sizeof(OK) - 1, 0) == sizeof(OK) - 1);
	close(server);
	CU_ASSERT(send(second, POST, sizeof(POST) - 1, 0) == sizeof(POST) - 1);
	server = relay_accept(0);
	relay_expect(server, POST_SENT);
	relay_send(server, OK);
	relay_expect(second, OK);
	relay_expect(first, OK);
	CU_ASSERT_EQUAL(relay.sent[0].reused, 0);
	relay_close(server);
	relay_close(first);
	relay_close(second);
	relay_stop();
}

static void idle_connections_are_few_and_grow_old(void)
{
	int clients[3], servers[3];

	relay_start(1);
	relay.upstream_settings.idle_count = 2;
	relay.upstream_settings.idle_ms = 60;
	for (int i = 0; i < 3; i++) {
		clients[i] = relay_client();
		relay_send(clients[i], RELAY_GET);
		servers[i] = relay_accept(0);
	}
	for (int i = 0; i < 3; i++)
		serve(clients[i], servers[i]);
	relay_expect_end(servers[0]);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 2);
	relay_run(100);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 0);
	for (int i = 0; i < 3; i++) {
		relay_close(servers[i]);
		relay_close(clients[i]);
	}
	relay_stop();
}

/* --- what can be sent again ----------------------------------------------------------- */

/* The connection is closed when the request is already on it. */
static int break_kept_connection(int client, const char *request, const char *sent)
{
	int server;

	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	serve(client, server);
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
	break_kept_connection(client, RELAY_GET, GET_SENT);
	server = relay_accept(0);
	serve(client, server);
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
	break_kept_connection(client, POST, POST_SENT);
	expect_status(client, 502);
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
	serve(client, first);
	relay_run(1100);
	relay_send(client, POST);
	second = relay_accept(0);
	relay_expect(second, POST_SENT);
	relay_send(second, OK);
	relay_expect(client, OK);
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
	serve(client, server);
	CU_ASSERT(send(client, POST, sizeof(POST) - 1, 0) == sizeof(POST) - 1);
	close(server);
	server = relay_accept(0);
	relay_expect(server, POST_SENT);
	relay_send(server, OK);
	relay_expect(client, OK);
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
	relay_send(client, POST);
	server = relay_accept(1);
	relay_expect(server, POST_SENT);
	relay_send(server, OK);
	relay_expect(client, OK);
	CU_ASSERT_EQUAL(relay.report.tries, 2);
	UNIT_ASSERT_TEXT(relay.report.server, "two");
	CU_ASSERT_EQUAL(relay.sent[0].connect_failed, 1);
	CU_ASSERT_EQUAL(relay.sent[1].retried, 1);
	/* It is remembered. */
	for (int i = 0; i < 3; i++) {
		relay_send(client, RELAY_GET);
		serve(client, server);
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
	expect_status(client, 503);
	CU_ASSERT_EQUAL(relay.report.tries, 2);
	/* And asked again: when none is well, all are tried. */
	relay_send(client, RELAY_GET);
	expect_status(client, 503);
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
	serve(client, server);
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
		relay_expect(first, GET_SENT);
		relay_send(first, partial[i]);
		relay_reset(first);
		second = relay_accept(1);
		serve(client, second);
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
		relay_expect(server, GET_SENT);
		relay_close(server);
	}
	expect_status(client, 502);
	CU_ASSERT(relay_nobody_connects(2));
	relay_close(client);
	relay_stop();
}

static void post_is_not_sent_again(void)
{
	int client, server;

	relay_start(2);
	client = relay_client();
	relay_send(client, POST);
	server = relay_accept(0);
	relay_expect(server, POST_SENT);
	relay_close(server);
	expect_status(client, 502);
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
	expect_status(client, 502);
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
	relay_expect(first, GET_SENT);
	relay_send(first, UNAVAILABLE);
	second = relay_accept(1);
	serve(client, second);
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
	relay_expect(server, GET_SENT);
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
	} cases[] = {{POST, 2, true}, {RELAY_GET, 1, true}, {RELAY_GET, 2, false}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int client, server;

		relay_start(cases[i].servers);
		relay.upstream_settings.retry_unavailable = cases[i].wanted;
		client = relay_client();
		relay_send(client, cases[i].request);
		server = relay_accept(0);
		relay_expect(server, *cases[i].request == 'P' ? POST_SENT : GET_SENT);
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
		relay_expect(server, GET_SENT);
		relay_send(server, wrong[i]);
		expect_status(client, 502);
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
	relay_expect(server, GET_SENT);
	memset(head, 'x', sizeof(head) - 1);
	memcpy(head, "HTTP/1.1 200 OK\r\nX: ", 20);
	send(server, head, sizeof(head) - 1, MSG_NOSIGNAL);
	expect_status(client, 502);
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
	relay_expect(server, GET_SENT);
	relay_send(server, "HTTP/1.1 200");
	relay_run(60);
	CU_ASSERT_EQUAL(relay.status, 0);
	relay_run(60);
	expect_status(client, 504);
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
	serve(client, dead);
	unplug(dead);
	relay.upstream.servers[1].credit = -100;
	relay_send(client, RELAY_GET);
	server = relay_accept(1);
	serve(client, server);
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
	relay_expect(server, GET_SENT);
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
	relay_expect(server, GET_SENT);
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
	relay_expect(server, GET_SENT);
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

/* --- limits and ends ------------------------------------------------------------------ */

static void busy_servers_are_503(void)
{
	int first, second, server;

	relay_start(1);
	relay.upstream_settings.requests = 1;
	first = relay_client();
	relay_send(first, RELAY_GET);
	server = relay_accept(0);
	second = relay_client();
	relay_send(second, RELAY_GET);
	expect_status(second, 503);
	CU_ASSERT_PTR_NULL(relay.report.server);
	serve(first, server);
	relay_send(second, RELAY_GET);
	serve(second, server);
	relay_close(server);
	relay_close(first);
	relay_close(second);
	relay_stop();
}

static void client_that_leaves_frees_the_server(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, GET_SENT);
	relay_send(server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
	relay_close(client);
	relay_send(server, "cd");
	relay_expect_reset(server);
	CU_ASSERT_EQUAL(relay.aborted, 1);
	relay_close(server);
	relay_stop();
}

static void answer_gone(struct http_exchange *exchange, enum proxy_failure why, unsigned status)
{
	CU_ASSERT_EQUAL(why, PROXY_NO_SERVER);
	http_reply_start(exchange, status);
	http_reply_whole(exchange, "text/html", "<p>", 3);
}

static void failures_are_answered_by_the_rules(void)
{
	char reply[1024];
	int client;

	relay_start(1);
	relay.rules.failed = answer_gone;
	relay_refuse(0);
	client = relay_client();
	relay_send(client, RELAY_GET);
	relay_take(client, reply, sizeof(reply));
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "HTTP/1.1 503 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "\r\n\r\n<p>"));
	relay_close(client);
	relay_stop();
}

static void drained_upstream_keeps_no_connection(void)
{
	int client, idle, busy;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	idle = relay_accept(0);
	serve(client, idle);
	relay_send(client, RELAY_GET);
	relay_expect(idle, GET_SENT);
	upstream_drain(&relay.upstream);
	busy = idle;
	relay_send(busy, OK);
	relay_expect(client, OK);
	relay_expect_end(busy);
	relay_close(busy);
	relay_close(client);
	relay_stop();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(heads_are_written_anew_without_the_connection),
		UNIT_TEST(edge_drops_forged_fields),
		UNIT_TEST(first_proxy_says_whom_it_serves),
		UNIT_TEST(fields_of_the_rules_replace_what_came),
		UNIT_TEST(http_1_0_client_without_host_is_served),
		UNIT_TEST(responses_without_content_end_at_their_head),
		UNIT_TEST(interim_responses_are_passed_on_but_100),
		UNIT_TEST(endless_interim_responses_are_malformed),
		UNIT_TEST(connection_serves_the_next_request),
		UNIT_TEST(connection_is_not_kept_when_the_server_says_so),
		UNIT_TEST(bytes_behind_a_response_are_nobodys_response),
		UNIT_TEST(idle_connection_that_talks_is_closed),
		UNIT_TEST(idle_connection_that_ends_is_dropped),
		UNIT_TEST(connection_that_has_ended_is_not_kept),
		UNIT_TEST(idle_connections_are_few_and_grow_old),
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
		UNIT_TEST(busy_servers_are_503),
		UNIT_TEST(client_that_leaves_frees_the_server),
		UNIT_TEST(failures_are_answered_by_the_rules),
		UNIT_TEST(drained_upstream_keeps_no_connection),
		{},
	};

	return unit_run("HTTP relay", tests);
}
