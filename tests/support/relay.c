/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * See relay.h. The loop runs in turns of a millisecond between attempts of the
 * test's own, non-blocking sockets.
 */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 4000
#define SILENCE_MS  20

struct relay relay;

/* --- the loop ------------------------------------------------------------------------- */

static void on_time(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(&relay.loop);
}

void relay_run(unsigned ms)
{
	struct loop_timer timer = {.expired = on_time};

	CU_ASSERT_FATAL(!loop_timer_arm(&relay.loop, &timer, ms * NS_PER_MS));
	CU_ASSERT_FATAL(!loop_run(&relay.loop));
	loop_timer_disarm(&relay.loop, &timer);
}

/* --- the handler ---------------------------------------------------------------------- */

static void on_request(struct http_exchange *exchange)
{
	proxy_start(exchange, &relay.rules);
}

static void note_end(struct http_exchange *exchange)
{
	relay.status = exchange->status;
	relay.broken = exchange->broken;
	proxy_end(exchange, &relay.report);
}

static void on_finished(struct http_exchange *exchange)
{
	relay.finished++;
	note_end(exchange);
}

static void on_aborted(struct http_exchange *exchange)
{
	relay.aborted++;
	note_end(exchange);
}

static const struct http_handler handler = {
	.request = on_request,
	.body = proxy_body,
	.drained = proxy_drained,
	.finished = on_finished,
	.aborted = on_aborted,
};

/* --- life ----------------------------------------------------------------------------- */

static int listen_on_loopback(struct endpoint *at)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *)&address, length));
	CU_ASSERT_FATAL(!listen(fd, 64));
	CU_ASSERT_FATAL(!getsockname(fd, (struct sockaddr *)&address, &length));
	*at = (struct endpoint){addr_from_v4(address.sin_addr.s_addr), ntohs(address.sin_port)};
	return fd;
}

static void add_server(const char *name)
{
	struct upstream_settings *settings = &relay.upstream_settings;
	struct upstream_server_settings *server = &settings->servers[settings->server_count];

	strcpy(server->name, name);
	server->weight = 1;
	relay.listener[settings->server_count++] = listen_on_loopback(&server->at);
}

void relay_start(size_t servers)
{
	static const char *const names[RELAY_SERVERS] = {"one", "two", "three"};

	memset(&relay, 0, sizeof(relay));
	CU_ASSERT_FATAL(!loop_init(&relay.loop));
	buffer_pool_init(&relay.buffers, 64);
	http_server_settings_init(&relay.settings);
	http_server_init(&relay.server, &relay.loop, &relay.buffers, &relay.settings, &handler,
			 &relay.counters);
	upstream_settings_init(&relay.upstream_settings, "test");
	for (size_t i = 0; i < servers; i++)
		add_server(names[i]);
	upstream_init(&relay.upstream, &relay.loop, &relay.buffers, &relay.upstream_settings,
		      relay.health, relay.sent);
	/* The first request goes to the first server. */
	for (size_t i = 0; i < servers; i++)
		relay.upstream.servers[i].credit = 0;
	relay.rules.upstream = &relay.upstream;
}

void relay_stop(void)
{
	http_server_fini(&relay.server);
	for (size_t i = 0; i < relay.upstream_settings.server_count; i++) {
		CU_ASSERT_EQUAL(relay.upstream.servers[i].busy, 0);
		if (relay.listener[i] >= 0)
			close(relay.listener[i]);
	}
	upstream_fini(&relay.upstream);
	CU_ASSERT_EQUAL(relay.buffers.in_use, 0);
	buffer_pool_fini(&relay.buffers);
	loop_fini(&relay.loop);
}

void relay_refuse(size_t server)
{
	close(relay.listener[server]);
	relay.listener[server] = -1;
}

/* --- the test's sockets ----------------------------------------------------------------- */

int relay_client(void)
{
	struct sockaddr_storage peer = {0};
	struct sockaddr_in *v4 = (void *)&peer;
	int pair[2];

	v4->sin_family = AF_INET;
	inet_pton(AF_INET, RELAY_CLIENT, &v4->sin_addr);
	CU_ASSERT_FATAL(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	http_server_accept(&relay.server, pair[0], NULL, NULL, &peer);
	return pair[1];
}

int relay_accept(size_t server)
{
	int fd = -1;

	for (unsigned i = 0; i < PATIENCE_MS && fd < 0; i++) {
		relay_run(1);
		fd = accept4(relay.listener[server], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

bool relay_nobody_connects(size_t server)
{
	int fd;

	relay_run(SILENCE_MS);
	fd = accept4(relay.listener[server], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

void relay_send(int fd, const char *text)
{
	size_t left = strlen(text);

	for (unsigned i = 0; i < PATIENCE_MS && left; i++) {
		ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);

		if (sent > 0) {
			text += sent;
			left -= (size_t)sent;
		}
		relay_run(1);
	}
	CU_ASSERT_EQUAL(left, 0);
}

void relay_expect(int fd, const char *text)
{
	size_t wanted = strlen(text), got = 0;
	char come[8192] = "";

	CU_ASSERT_FATAL(wanted < sizeof(come));
	for (unsigned i = 0; i < PATIENCE_MS && got < wanted; i++) {
		ssize_t length = recv(fd, come + got, wanted - got, 0);

		if (!length || (length < 0 && errno != EAGAIN))
			break;
		if (length > 0)
			got += (size_t)length;
		else
			relay_run(1);
	}
	come[got] = '\0';
	UNIT_ASSERT_TEXT(come, text);
}

size_t relay_take(int fd, char *to, size_t size)
{
	size_t got = 0;

	for (unsigned i = 0; i < SILENCE_MS && got < size - 1; i++) {
		ssize_t length = recv(fd, to + got, size - 1 - got, 0);

		if (!length || (length < 0 && errno != EAGAIN))
			break;
		if (length > 0) {
			got += (size_t)length;
			i = 0;
		} else {
			relay_run(1);
		}
	}
	to[got] = '\0';
	return got;
}

/* 0: the end; -errno; -EAGAIN when nothing has come for long. */
static int wait_for_end(int fd)
{
	for (unsigned i = 0; i < PATIENCE_MS; i++) {
		char byte;
		ssize_t length = recv(fd, &byte, 1, 0);

		CU_ASSERT_FATAL(length <= 0);
		if (!length || errno != EAGAIN)
			return length ? -errno : 0;
		relay_run(1);
	}
	return -EAGAIN;
}

void relay_expect_end(int fd)
{
	CU_ASSERT_EQUAL(wait_for_end(fd), 0);
}

/* A UNIX socket whose peer was reset only ends if nothing was left unread: both are an end. */
void relay_expect_reset(int fd)
{
	int err = wait_for_end(fd);

	CU_ASSERT(err == 0 || err == -ECONNRESET);
}

void relay_expect_silence(int fd)
{
	char byte;

	relay_run(SILENCE_MS);
	CU_ASSERT(recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN);
}

void relay_close(int fd)
{
	close(fd);
	relay_run(1);
}

void relay_reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	relay_close(fd);
}

void relay_serve(int client, int server)
{
	relay_expect(server, RELAY_GET);
	relay_send(server, RELAY_OK);
	relay_expect(client, RELAY_OK);
}

void relay_expect_status(int client, unsigned status)
{
	char reply[4096];

	relay_take(client, reply, sizeof(reply));
	CU_ASSERT(strlen(reply) > 12);
	CU_ASSERT_EQUAL(strtoul(reply + 9, NULL, 10), status);
	CU_ASSERT_EQUAL(relay.status, status);
}
