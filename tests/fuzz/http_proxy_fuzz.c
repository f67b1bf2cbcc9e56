/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A server that says anything, in pieces of any size, through the relay: the
 * client gets the same response, or 502, or a connection that is cut within the
 * response; never less or something else that looks whole. The first byte chooses
 * the request and the size of the pieces, the rest is what the server says.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/proxy.h"
#include "../support/http_take.h"

#define REPLY_MAX  65536
#define ROUNDS	   12 /* of the loop, until all has been passed on */
#define INTERIMS   16
#define OWN_STATUS 502

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop loop;
static struct buffer_pool buffers;
static struct http_server server;
static struct upstream upstream;
static struct proxy_rules rules = {.upstream = &upstream};

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* --- the relay ------------------------------------------------------------------------ */

static void on_request(struct http_exchange *exchange)
{
	proxy_start(exchange, &rules);
}

static void on_end(struct http_exchange *exchange)
{
	proxy_end(exchange, NULL);
}

static const struct http_handler handler = {
	.request = on_request,
	.body = proxy_body,
	.drained = proxy_drained,
	.finished = on_end,
	.aborted = on_end,
};

static int start(void)
{
	static struct http_server_settings settings;
	static struct http_server_counters counters;
	static struct upstream_settings upstream_settings;
	static struct upstream_health health;
	static struct upstream_counters upstream_counters;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* Without a name the kernel makes one up. */
	check(!bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)));
	check(!listen(listener, 4));
	check(!getsockname(listener, (struct sockaddr *)&address, &length));
	check(!loop_init(&loop));
	buffer_pool_init(&buffers, 16);
	http_server_settings_init(&settings);
	http_server_init(&server, &loop, &buffers, &settings, &handler, &counters);
	upstream_settings_init(&upstream_settings, "fuzz");
	upstream_settings.server_count = 1;
	upstream_settings.servers[0].weight = 1;
	upstream_init(&upstream, &loop, &buffers, &upstream_settings, &health, &upstream_counters);
	memcpy(&upstream.servers[0].address, &address, length);
	upstream.servers[0].address_length = length;
	return listener;
}

static void stop(int listener)
{
	http_server_fini(&server);
	check(!upstream.servers[0].busy);
	upstream_fini(&upstream);
	check(!buffers.in_use);
	buffer_pool_fini(&buffers);
	loop_fini(&loop);
	close(listener);
}

static void on_time(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(&loop);
}

static void run(void)
{
	struct loop_timer timer = {.expired = on_time};

	for (int i = 0; i < ROUNDS; i++) {
		check(!loop_timer_arm(&loop, &timer, 0));
		check(!loop_run(&loop));
	}
}

/* --- the outcome ---------------------------------------------------------------------- */

/* The final response behind interim ones; false: there is none, or not all of it. */
static bool take_final(struct http_taken *taken, const char *data, size_t size,
		       enum http_method method)
{
	static char content[REPLY_MAX];
	size_t interims = 0;

	for (;;) {
		taken->content = content;
		http_take(taken, data, size, size + 1, &method);
		/* The connection has ended: so may a response that said nothing of its end. */
		if (taken->head_complete && !taken->refusal && !http_body_end(&taken->body))
			taken->complete = true;
		if (!taken->complete || taken->head.status >= 200 || taken->head.status == 101)
			return taken->complete && taken->head.status != 101;
		if (++interims > INTERIMS)
			return false;
		data += taken->used;
		size -= taken->used;
	}
}

static void compare(const char *said, size_t said_length, const char *got, size_t got_length,
		    enum http_method method)
{
	static char content[REPLY_MAX];
	static struct http_taken was, is;
	bool good = take_final(&was, said, said_length, method);
	size_t length = was.content_len;

	memcpy(content, was.content, length);
	if (!take_final(&is, got, got_length, method)) {
		check(!good);
		return;
	}
	if (!good) {
		check(is.head.status == OWN_STATUS);
		return;
	}
	check(is.head.status == was.head.status);
	check(is.content_len == length && !memcmp(is.content, content, length));
}

/* --- one exchange --------------------------------------------------------------------- */

static size_t drain(int client, char *got, size_t length)
{
	ssize_t n;

	while ((n = recv(client, got + length, REPLY_MAX - length, MSG_DONTWAIT)) > 0)
		length += (size_t)n;
	return length;
}

static const char *const requests[] = {
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
};

static const enum http_method methods[] = {HTTP_METHOD_GET, HTTP_METHOD_HEAD, HTTP_METHOD_POST,
					   HTTP_METHOD_POST};

static size_t exchange(int listener, unsigned choice, const uint8_t *data, size_t size, char *got)
{
	const char *request = requests[choice & 3];
	size_t step = (size_t)(choice >> 2) * 4 + 1, length = 0;
	struct sockaddr_storage peer = {.ss_family = AF_UNIX};
	int pair[2], origin;

	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	http_server_accept(&server, pair[0], NULL, NULL, &peer);
	check(send(pair[1], request, strlen(request), 0) == (ssize_t)strlen(request));
	run();
	origin = accept(listener, NULL, NULL);
	check(origin >= 0);
	for (size_t at = 0; at < size; at += step) {
		size_t piece = size - at < step ? size - at : step;

		if (send(origin, data + at, piece, MSG_NOSIGNAL) != (ssize_t)piece)
			break;
		run();
		length = drain(pair[1], got, length);
	}
	shutdown(origin, SHUT_WR);
	run();
	length = drain(pair[1], got, length);
	close(origin);
	close(pair[1]);
	run();
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char got[REPLY_MAX];
	int listener;
	size_t length;

	if (!size || size > HTTP_TAKE_HEAD_MAX)
		return 0;
	listener = start();
	length = exchange(listener, data[0], data + 1, size - 1, got);
	stop(listener);
	compare((const char *)data + 1, size - 1, got, length, methods[data[0] & 3]);
	return 0;
}
