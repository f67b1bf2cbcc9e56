/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The relay's bodies: both framings both ways, megabytes through bounded
 * buffers, responses that come early, tunnels.
 */
#include "../support/relay.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OK_CHUNKED  "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
#define UPLOAD_HEAD "POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\n"
#define LARGE	    (8u << 20)

/* Of one exchange: input and output of the HTTP server, input of the upstream, framing. */
#define BUFFERS_MAX 4

static uint64_t pattern_hash(uint64_t hash, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)data[i]) * 1099511628211ull;
	return hash;
}

static char large[LARGE];

static void fill_large(void)
{
	uint32_t state = 1;

	for (size_t i = 0; i < sizeof(large); i++) {
		state = state * 1664525 + 1013904223;
		large[i] = (char)(state >> 24);
	}
}

/* --- both framings ---------------------------------------------------------------------- */

static void chunked_upload_is_relayed_in_chunks(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, UPLOAD_HEAD "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
				       "3;ext=1\r\nabc\r\n");
	server = relay_accept(0);
	relay_expect(server, UPLOAD_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	relay_send(client, "2\r\nd");
	relay_expect(server, "1\r\nd\r\n");
	relay_send(client, "e\r\n0\r\nX: dropped\r\n\r\n");
	relay_expect(server, "1\r\ne\r\n0\r\n\r\n");
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
	/* Both connections go on. */
	relay_send(client, UPLOAD_HEAD "Content-Length: 0\r\n\r\n");
	relay_expect(server, UPLOAD_HEAD "Content-Length: 0\r\n\r\n");
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void chunked_response_loses_extensions_and_trailers(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, OK_CHUNKED "3;x=y\r\nabc\r\n");
	relay_expect(client, OK_CHUNKED "3\r\nabc\r\n");
	relay_send(server, "1\r\nd\r\n0\r\nX: dropped\r\n\r\n");
	relay_expect(client, "1\r\nd\r\n0\r\n\r\n");
	relay_expect_silence(server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 1);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void response_until_close_is_chunked(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, "HTTP/1.0 200 OK\r\nDate: D\r\n\r\nabc");
	relay_expect(client, OK_CHUNKED "3\r\nabc\r\n");
	relay_close(server);
	relay_expect(client, "0\r\n\r\n");
	CU_ASSERT(!relay.broken);
	relay_close(client);
	relay_stop();
}

static void body_byte_by_byte(void)
{
	static const char response[] = OK_CHUNKED "3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	for (size_t i = 0; i < sizeof(response) - 1; i++)
		relay_send(server, (char[]){response[i], '\0'});
	relay_expect(client, OK_CHUNKED "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\n0\r\n1\r\n1\r\n");
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void client_that_expects_100_gets_it_when_a_server_is_there(void)
{
	int client, server;

	relay_start(2);
	relay_refuse(0);
	client = relay_client();
	relay_send(client, UPLOAD_HEAD "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	server = relay_accept(1);
	relay_expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
	relay_expect(server, UPLOAD_HEAD "Content-Length: 2\r\n\r\n");
	relay_send(client, "hi");
	relay_expect(server, "hi");
	relay_send(server, "HTTP/1.1 100 Continue\r\n\r\n" RELAY_OK);
	relay_expect(client, RELAY_OK);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

/* --- megabytes ---------------------------------------------------------------------------- */

struct flow {
	int from, to;
	size_t sent, received, length;
	uint64_t hash;
	bool reading;
	size_t buffers; /* the most that were in use */
};

static void flow_send(struct flow *flow)
{
	ssize_t sent;

	if (flow->sent == flow->length)
		return;
	sent = send(flow->from, large + flow->sent, flow->length - flow->sent, MSG_NOSIGNAL);
	if (sent > 0)
		flow->sent += (size_t)sent;
	else
		CU_ASSERT_FATAL(sent < 0 && errno == EAGAIN);
}

static void flow_receive(struct flow *flow)
{
	static char data[1 << 20];
	ssize_t received;

	if (!flow->reading || flow->received == flow->length)
		return;
	received = recv(flow->to, data, sizeof(data), 0);
	if (received <= 0) {
		CU_ASSERT_FATAL(received < 0 && errno == EAGAIN);
		return;
	}
	flow->hash = pattern_hash(flow->hash, data, (size_t)received);
	flow->received += (size_t)received;
}

/* Runs until all has come, or nothing moves any more. */
static void flow_run(struct flow *flow)
{
	for (int still = 0; still < 100 && flow->received < flow->length; still++) {
		size_t before = flow->sent + flow->received;

		flow_send(flow);
		relay_run(1);
		if (relay.buffers.in_use > flow->buffers)
			flow->buffers = relay.buffers.in_use;
		flow_receive(flow);
		if (flow->sent + flow->received != before)
			still = 0;
	}
}

/* The sender is stopped while the receiver does not read; then all comes, unchanged. */
static void flow_check(struct flow *flow)
{
	flow->length = LARGE;
	flow_run(flow);
	CU_ASSERT(flow->sent < LARGE);
	CU_ASSERT(flow->buffers <= BUFFERS_MAX);
	flow->reading = true;
	flow_run(flow);
	CU_ASSERT_EQUAL(flow->received, LARGE);
	CU_ASSERT_EQUAL(flow->hash, pattern_hash(0, large, LARGE));
	CU_ASSERT(flow->buffers <= BUFFERS_MAX);
}

/* A small queue, or the kernel would hold all of it. */
static void limit_queue(int fd, int option)
{
	const int size = 64 << 10;

	CU_ASSERT_FATAL(!setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)));
}

static void large_download_waits_for_the_client(void)
{
	struct flow flow = {0};
	char head[128], expected[128];

	relay_start(1);
	flow.to = relay_client();
	relay_send(flow.to, RELAY_GET);
	flow.from = relay_accept(0);
	limit_queue(flow.from, SO_SNDBUF);
	relay_expect(flow.from, RELAY_GET);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: %u\r\n\r\n",
		 LARGE);
	relay_send(flow.from, head);
	snprintf(expected, sizeof(expected), "%s", head);
	relay_expect(flow.to, expected);
	flow_check(&flow);
	relay_expect_silence(flow.from);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 1);
	CU_ASSERT_EQUAL(relay.buffers.in_use, 0);
	relay_close(flow.from);
	relay_close(flow.to);
	relay_stop();
}

static void large_upload_waits_for_the_server(void)
{
	struct flow flow = {0};
	char head[256];

	relay_start(1);
	limit_queue(relay.listener[0], SO_RCVBUF);
	flow.from = relay_client();
	snprintf(head, sizeof(head), UPLOAD_HEAD "Content-Length: %u\r\n\r\n", LARGE);
	relay_send(flow.from, head);
	flow.to = relay_accept(0);
	relay_expect(flow.to, head);
	flow_check(&flow);
	relay_send(flow.to, RELAY_OK);
	relay_expect(flow.from, RELAY_OK);
	relay_close(flow.to);
	relay_close(flow.from);
	relay_stop();
}

/* Chunks of a large upload end up somewhere within the writes that the socket takes. */
static void large_chunked_upload_keeps_its_framing(void)
{
	static char chunk[100000], come[LARGE];
	size_t sent = 0, received = 0, length, content = 0;
	struct http_body body;
	struct http_head head = {.framing = HTTP_FRAMING_CHUNKED};
	int client, server, prefix;

	relay_start(1);
	limit_queue(relay.listener[0], SO_RCVBUF);
	client = relay_client();
	relay_send(client, UPLOAD_HEAD "Transfer-Encoding: chunked\r\n\r\n");
	server = relay_accept(0);
	relay_expect(server, UPLOAD_HEAD "Transfer-Encoding: chunked\r\n\r\n");
	prefix = snprintf(chunk, sizeof(chunk), "%x\r\n", 65536);
	memset(chunk + prefix, 'x', 65536);
	length = (size_t)snprintf(chunk + prefix + 65536, 16, "\r\n") + (size_t)prefix + 65536;
	for (int i = 0;
	     i < 30000 && !(received > 5 && !memcmp(come + received - 5, "0\r\n\r\n", 5)); i++) {
		ssize_t n;

		if (sent < 40 * length)
			n = send(client, chunk + sent % length, length - sent % length,
				 MSG_NOSIGNAL);
		else if (sent < 40 * length + 5)
			n = send(client, &"0\r\n\r\n"[sent - 40 * length], 40 * length + 5 - sent,
				 MSG_NOSIGNAL);
		else
			n = 0;
		sent += n > 0 ? (size_t)n : 0;
		relay_run(i % 8 == 0);
		n = recv(server, come + received, 7777, 0);
		received += n > 0 ? (size_t)n : 0;
	}
	http_body_init(&body, &head);
	for (size_t at = 0; at < received && !http_body_done(&body);) {
		ssize_t skip = http_body_skip(&body, come + at, received - at);

		CU_ASSERT_FATAL(skip >= 0);
		at += (size_t)skip;
		length = http_body_content(&body, received - at);
		http_body_take(&body, length);
		at += length;
		content += length;
	}
	CU_ASSERT(http_body_done(&body));
	CU_ASSERT_EQUAL(content, 40 * 65536);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void slow_client_is_not_taken_for_a_slow_server(void)
{
	struct flow flow = {0};
	char head[128];

	relay_start(1);
	relay.upstream_settings.response_ms = 60;
	flow.to = relay_client();
	relay_send(flow.to, RELAY_GET);
	flow.from = relay_accept(0);
	limit_queue(flow.from, SO_SNDBUF);
	relay_expect(flow.from, RELAY_GET);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: %u\r\n\r\n",
		 LARGE);
	relay_send(flow.from, head);
	relay_expect(flow.to, head);
	flow.length = LARGE;
	flow_run(&flow);
	relay_run(200);
	flow.reading = true;
	flow_run(&flow);
	CU_ASSERT_EQUAL(flow.received, LARGE);
	CU_ASSERT_EQUAL(relay.sent[0].timeouts, 0);
	relay_close(flow.from);
	relay_close(flow.to);
	relay_stop();
}

static void server_that_takes_nothing_is_504(void)
{
	struct flow flow = {0};
	char head[256], reply[1024];

	relay_start(1);
	relay.upstream_settings.response_ms = 80;
	limit_queue(relay.listener[0], SO_RCVBUF);
	flow.from = relay_client();
	snprintf(head, sizeof(head), UPLOAD_HEAD "Content-Length: %u\r\n\r\n", LARGE);
	relay_send(flow.from, head);
	flow.to = relay_accept(0);
	flow.length = LARGE;
	flow_run(&flow);
	relay_run(150);
	relay_take(flow.from, reply, sizeof(reply));
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "HTTP/1.1 504 "));
	CU_ASSERT_EQUAL(relay.sent[0].timeouts, 1);
	relay_close(flow.to);
	relay_close(flow.from);
	relay_stop();
}

static void slow_upload_is_not_taken_for_a_slow_server(void)
{
	int client, server;

	relay_start(1);
	relay.upstream_settings.response_ms = 40;
	relay.upstream_settings.connect_ms = 20;
	client = relay_client();
	relay_send(client, UPLOAD_HEAD "Content-Length: 2\r\n\r\nh");
	server = relay_accept(0);
	relay_run(150);
	relay_send(client, "i");
	relay_expect(server, UPLOAD_HEAD "Content-Length: 2\r\n\r\nhi");
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

/* --- early responses ---------------------------------------------------------------------- */

static void refused_upload_stops(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, UPLOAD_HEAD "Content-Length: 10\r\n\r\nabc");
	server = relay_accept(0);
	relay_expect(server, UPLOAD_HEAD "Content-Length: 10\r\n\r\nabc");
	relay_send(server, "HTTP/1.1 413 Too Large\r\nDate: D\r\nContent-Length: 2\r\n\r\nno");
	relay_expect(client,
		     "HTTP/1.1 413 Content Too Large\r\nDate: D\r\nContent-Length: 2\r\n\r\nno");
	relay_expect_end(server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 0);
	relay_close(server);
	/* What is left of the body is not the next request. */
	relay_send(client, "defghij" RELAY_GET);
	server = relay_accept(0);
	relay_expect(server, RELAY_GET);
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void upload_goes_on_while_the_response_comes(void)
{
	int client, server;

	relay_start(1);
	relay.upstream_settings.response_ms = 50;
	client = relay_client();
	relay_send(client, UPLOAD_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
	server = relay_accept(0);
	relay_expect(server, UPLOAD_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
	relay_send(server, OK_CHUNKED "1\r\nA\r\n");
	relay_expect(client, OK_CHUNKED "1\r\nA\r\n");
	relay_run(120); /* the server waits for the client */
	relay_send(client, "1\r\nb\r\n");
	relay_expect(server, "1\r\nb\r\n");
	relay_send(server, "1\r\nB\r\n");
	relay_expect(client, "1\r\nB\r\n");
	relay_send(client, "0\r\n\r\n");
	relay_expect(server, "0\r\n\r\n");
	relay_send(server, "0\r\n\r\n");
	relay_expect(client, "0\r\n\r\n");
	relay_expect_silence(server);
	CU_ASSERT_EQUAL(relay.upstream.servers[0].idle_count, 1);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

/* It answers and closes with unread bytes of the request: a reset follows its response. */
static void response_before_a_reset_is_passed_on(void)
{
	static const char forbidden[] =
		"HTTP/1.1 403 Forbidden\r\nDate: D\r\nContent-Length: 2\r\n\r\nno";
	struct flow flow = {0};
	char head[256];

	relay_start(1);
	flow.from = relay_client();
	snprintf(head, sizeof(head), UPLOAD_HEAD "Content-Length: %u\r\n\r\n", LARGE);
	relay_send(flow.from, head);
	flow.to = relay_accept(0);
	flow.length = LARGE;
	flow_run(&flow);
	CU_ASSERT(send(flow.to, forbidden, sizeof(forbidden) - 1, MSG_NOSIGNAL) > 0);
	close(flow.to);
	relay_expect(flow.from,
		     "HTTP/1.1 403 Forbidden\r\nDate: D\r\nContent-Length: 2\r\nConnection: "
		     "close\r\n\r\nno");
	relay_close(flow.from);
	relay_stop();
}

/* --- tunnels -------------------------------------------------------------------------------- */

#define UPGRADE                                                                                    \
	"GET /chat HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nConnection: Upgrade\r\n"           \
	"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "                   \
	"dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define UPGRADE_SENT                                                                               \
	"GET /chat HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nSec-WebSocket-Version: 13\r\n"     \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: Upgrade\r\n"                   \
	"Upgrade: websocket\r\n\r\n"
#define SWITCHING                                                                                  \
	"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"        \
	"Sec-WebSocket-Accept: x\r\n\r\n"
#define SWITCHED                                                                                   \
	"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nUpgrade: websocket\r\n"    \
	"Connection: Upgrade\r\n\r\n"

static int open_tunnel(int *server, const char *with_the_head)
{
	char response[512], reply[512];
	int client;

	relay_start(1);
	client = relay_client();
	relay_send(client, UPGRADE);
	*server = relay_accept(0);
	relay_expect(*server, UPGRADE_SENT);
	snprintf(response, sizeof(response), "%s%s", SWITCHING, with_the_head);
	snprintf(reply, sizeof(reply), "%s%s", SWITCHED, with_the_head);
	relay_send(*server, response);
	relay_expect(client, reply);
	return client;
}

static void websocket_is_a_tunnel(void)
{
	int server, client = open_tunnel(&server, "first frame");

	relay_send(client, "up");
	relay_expect(server, "up");
	relay_send(server, "down");
	relay_expect(client, "down");
	relay_close(client);
	relay_expect_end(server);
	relay_close(server);
	relay_run(5);
	CU_ASSERT_EQUAL(relay.status, 101);
	CU_ASSERT_EQUAL(relay.finished + relay.aborted, 1);
	relay_stop();
}

static void each_side_of_a_tunnel_ends_on_its_own(void)
{
	int server, client = open_tunnel(&server, "");

	shutdown(server, SHUT_WR);
	relay_expect_end(client);
	relay_send(client, "still");
	relay_expect(server, "still");
	shutdown(client, SHUT_WR);
	relay_expect_end(server);
	relay_run(5);
	CU_ASSERT_EQUAL(relay.finished, 1);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

static void tunnel_ends_with_its_server(void)
{
	int server, client = open_tunnel(&server, "");

	relay_reset(server);
	relay_expect_reset(client);
	CU_ASSERT_EQUAL(relay.finished, 1);
	CU_ASSERT(relay.broken);
	relay_close(client);
	relay_stop();
}

/* The client learns of the end, goes on all the same, and is then cut off. */
static void tunnel_to_nowhere_is_cut(void)
{
	int server, client = open_tunnel(&server, "");

	relay_close(server);
	relay_expect_end(client);
	relay_send(client, "a");
	relay_send(client, "b");
	relay_run(20);
	CU_ASSERT_EQUAL(relay.finished, 1);
	relay_close(client);
	relay_stop();
}

static void large_frames_go_through_a_tunnel(void)
{
	struct flow down = {0}, up = {0};

	down.to = open_tunnel(&down.from, "");
	limit_queue(down.from, SO_SNDBUF);
	flow_check(&down);
	up.from = down.to;
	up.to = down.from;
	limit_queue(up.to, SO_RCVBUF);
	flow_check(&up);
	relay_close(down.to);
	relay_expect_end(down.from);
	relay_close(down.from);
	relay_stop();
}

static void refused_upgrade_is_a_response(void)
{
	int client, server;

	relay_start(1);
	client = relay_client();
	relay_send(client, UPGRADE);
	server = relay_accept(0);
	relay_expect(server, UPGRADE_SENT);
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
	relay_send(client, RELAY_GET);
	relay_expect(server, RELAY_GET);
	relay_close(server);
	relay_close(client);
	relay_stop();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(chunked_upload_is_relayed_in_chunks),
		UNIT_TEST(chunked_response_loses_extensions_and_trailers),
		UNIT_TEST(response_until_close_is_chunked),
		UNIT_TEST(body_byte_by_byte),
		UNIT_TEST(client_that_expects_100_gets_it_when_a_server_is_there),
		UNIT_TEST(large_download_waits_for_the_client),
		UNIT_TEST(large_upload_waits_for_the_server),
		UNIT_TEST(large_chunked_upload_keeps_its_framing),
		UNIT_TEST(slow_client_is_not_taken_for_a_slow_server),
		UNIT_TEST(server_that_takes_nothing_is_504),
		UNIT_TEST(slow_upload_is_not_taken_for_a_slow_server),
		UNIT_TEST(refused_upload_stops),
		UNIT_TEST(upload_goes_on_while_the_response_comes),
		UNIT_TEST(response_before_a_reset_is_passed_on),
		UNIT_TEST(websocket_is_a_tunnel),
		UNIT_TEST(each_side_of_a_tunnel_ends_on_its_own),
		UNIT_TEST(tunnel_ends_with_its_server),
		UNIT_TEST(tunnel_to_nowhere_is_cut),
		UNIT_TEST(large_frames_go_through_a_tunnel),
		UNIT_TEST(refused_upgrade_is_a_response),
		{},
	};

	fill_large();
	return unit_run("HTTP relay: bodies and tunnels", tests);
}
