/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "scrape.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bind.h"
#include "log.h"
#include "metrics.h"

static void arm(struct scrape_server *server, uint64_t delay_ns)
{
	if (loop_timer_arm(server->loop, &server->timer, delay_ns))
		log_error("scrape", "event=timer-lost");
}

/* --- answers ------------------------------------------------------------------------ */

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
				   const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void drop_cached(struct scrape_server *server)
{
	if (server->cached)
		MHD_destroy_response(server->cached);
	server->cached = NULL;
}

static struct MHD_Response *metrics_response(struct scrape_server *server)
{
	uint64_t now_ns = loop_clock_ns();
	size_t length;
	char *text;

	if (server->cached && now_ns - server->cached_ns < SCRAPE_CACHE_NS)
		return server->cached;
	drop_cached(server);
	text = server->render(server->agent, &length);
	if (!text)
		return NULL;
	server->cached = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	if (server->cached)
		MHD_add_response_header(server->cached, MHD_HTTP_HEADER_CONTENT_TYPE,
					METRICS_CONTENT_TYPE);
	server->cached_ns = now_ns;
	return server->cached;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **per_request)
{
	static char seen;
	struct scrape_server *server = context;
	struct MHD_Response *response;

	(void)version;
	(void)upload;
	/* The first call is for the head alone; a body is read and thrown away. */
	if (!*per_request) {
		*per_request = &seen;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
	if (!strcmp(url, "/healthz"))
		return answer_text(connection, MHD_HTTP_OK, "ok\n");
	if (strcmp(url, "/metrics"))
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "try /metrics or /healthz\n");
	response = metrics_response(server);
	if (!response)
		return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

/* --- driving ------------------------------------------------------------------------- */

/*
 * At its limit of connections, libmicrohttpd stops to listen, and after they
 * timed out listens again in its next run, of which it forgets to tell.
 */
static void run_daemon(struct scrape_server *server)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	uint64_t delay_ns = SCRAPE_RUN_NS;

	MHD_run(server->daemon);
	if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES &&
	    timeout_ms * NS_PER_MS < delay_ns)
		delay_ns = timeout_ms * NS_PER_MS;
	arm(server, delay_ns);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	run_daemon(container_of(watch, struct scrape_server, watch));
}

static int open_listener(const struct endpoint *at)
{
	int fd = bind_inet(at, false), err;

	if (fd < 0 || !listen(fd, 64))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int start_daemon(struct scrape_server *server)
{
	const union MHD_DaemonInfo *info;
	int fd = open_listener(&server->at), err;

	if (fd < 0)
		return fd;
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)SCRAPE_MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SCRAPE_MEMORY_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SCRAPE_TIMEOUT_S, MHD_OPTION_END);
	if (!server->daemon) {
		close(fd);
		return -EIO;
	}
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	err = info ? loop_watch_add(server->loop, &server->watch, info->epoll_fd, EPOLLIN) : -EIO;
	if (err) {
		MHD_stop_daemon(server->daemon); /* closes fd */
		server->daemon = NULL;
	}
	return err;
}

static void try_to_listen(struct scrape_server *server)
{
	char text[ENDPOINT_TEXT_LEN];
	int err;

	err = start_daemon(server);
	endpoint_format(&server->at, text);
	if (!err) {
		server->complained = false;
		log_info("scrape", "event=listening at=%s", text);
		return;
	}
	if (!server->complained)
		log_error("scrape", "event=not-listening at=%s error=\"%s\"", text, strerror(-err));
	server->complained = true;
	arm(server, SCRAPE_RETRY_NS);
}

static void on_timer(struct loop_timer *timer)
{
	struct scrape_server *server = container_of(timer, struct scrape_server, timer);

	if (server->daemon)
		run_daemon(server);
	else
		try_to_listen(server);
}

static void stop_daemon(struct scrape_server *server)
{
	loop_timer_disarm(server->loop, &server->timer);
	loop_watch_del(server->loop, &server->watch);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
	drop_cached(server);
}

/* --- life ------------------------------------------------------------------------------ */

void scrape_init(struct scrape_server *server, struct loop *loop, struct agent *agent,
		 char *(*render)(struct agent *, size_t *))
{
	*server = (struct scrape_server){
		.loop = loop,
		.agent = agent,
		.render = render,
		.watch = {.fd = LOOP_NO_FD, .ready = on_ready},
		.timer = {.expired = on_timer},
	};
}

void scrape_configure(struct scrape_server *server, const struct endpoint *at)
{
	if (server->wanted && at && !addr_cmp(&server->at.addr, &at->addr) &&
	    server->at.port == at->port)
		return;
	stop_daemon(server);
	server->wanted = at;
	server->complained = false;
	if (!at)
		return;
	server->at = *at;
	try_to_listen(server);
}

void scrape_fini(struct scrape_server *server)
{
	stop_daemon(server);
}
