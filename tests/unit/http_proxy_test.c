/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The relay: what goes to the server and what to the client, connections that
 * are kept and those that must not be, limits. How servers fail is in
 * http_proxy_failure_test.c, what streams in http_proxy_stream_test.c.
 */
#include "../support/relay.h"

#include <string.h>
#include <unistd.h>

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
	relay_expect(server, RELAY_GET);
	relay_send(server, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
			   "Link: </a.css>\r\nConnection: close\r\n\r\n");
	relay_expect(client, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

/* All of them come at once, and are more than a buffer holds. */
static void interim_responses_may_be_large(void)
{
	char hints[2500], all[8 * sizeof(hints) + sizeof(RELAY_OK)];
	size_t length;
	int client, server;

	length = (size_t)snprintf(hints, sizeof(hints),
				  "HTTP/1.1 103 Early Hints\r\nLink: %02400d\r\n\r\n", 0);
	for (size_t i = 0; i < 8; i++)
		memcpy(all + i * length, hints, length);
	strcpy(all + 8 * length, RELAY_OK);
	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, all);
	for (size_t i = 0; i < 8; i++)
		relay_expect(client, hints);
	relay_expect(client, RELAY_OK);
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
	relay_expect(server, RELAY_GET);
	for (int i = 0; i < 17; i++)
		relay_send(server, "HTTP/1.1 100 Continue\r\n\r\n");
	relay_expect_status(client, 502);
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
	relay_serve(client, server);
	relay_send(client, RELAY_GET);
	relay_serve(client, server);
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
	relay_expect(server, RELAY_GET);
	relay_send(server, "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n"
			   "Content-Length: 2\r\n\r\nok");
	relay_expect(client, RELAY_OK);
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
	relay_expect(server, RELAY_GET);
	relay_send(server, RELAY_OK "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	relay_expect(client, RELAY_OK);
	relay_expect_reset(server);
	relay_close(server);
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_serve(client, server);
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
	relay_serve(client, server);
	relay_send(server, RELAY_OK);
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
	relay_serve(client, server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 1);
	relay_close(server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 0);
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_serve(client, server);
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
	relay_expect(server, RELAY_GET);
	CU_ASSERT(send(server, RELAY_OK, sizeof(RELAY_OK) - 1, 0) == sizeof(RELAY_OK) - 1);
	close(server);
	CU_ASSERT(send(second, RELAY_POST, sizeof(RELAY_POST) - 1, 0) == sizeof(RELAY_POST) - 1);
	server = relay_accept(0);
	relay_expect(server, RELAY_POST);
	relay_send(server, RELAY_OK);
	relay_expect(second, RELAY_OK);
	relay_expect(first, RELAY_OK);
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
		relay_serve(clients[i], servers[i]);
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
	relay_expect_status(second, 503);
	CU_ASSERT_PTR_NULL(relay.report.server);
	relay_serve(first, server);
	relay_send(second, RELAY_GET);
	relay_serve(second, server);
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
	relay_expect(server, RELAY_GET);
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
	relay_serve(client, idle);
	relay_send(client, RELAY_GET);
	relay_expect(idle, RELAY_GET);
	upstream_drain(&relay.upstream);
	busy = idle;
	relay_send(busy, RELAY_OK);
	relay_expect(client, RELAY_OK);
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
		UNIT_TEST(interim_responses_may_be_large),
		UNIT_TEST(endless_interim_responses_are_malformed),
		UNIT_TEST(connection_serves_the_next_request),
		UNIT_TEST(connection_is_not_kept_when_the_server_says_so),
		UNIT_TEST(bytes_behind_a_response_are_nobodys_response),
		UNIT_TEST(idle_connection_that_talks_is_closed),
		UNIT_TEST(idle_connection_that_ends_is_dropped),
		UNIT_TEST(connection_that_has_ended_is_not_kept),
		UNIT_TEST(idle_connections_are_few_and_grow_old),
		UNIT_TEST(busy_servers_are_503),
		UNIT_TEST(client_that_leaves_frees_the_server),
		UNIT_TEST(failures_are_answered_by_the_rules),
		UNIT_TEST(drained_upstream_keeps_no_connection),
		{},
	};

	return unit_run("HTTP relay", tests);
}
