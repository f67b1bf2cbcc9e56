/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Health checks: the status line, the request, and each way in which a check
 * of a real socket on the loopback can end.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../userspace/agent/probe.h"
#include "../support/unit.h"

/* --- the status line ------------------------------------------------------------------ */

static int parse(const char *text, unsigned *status)
{
	return probe_parse_status(text, strlen(text), status);
}

static void status_line_is_read(void)
{
	unsigned status = 0;

	CU_ASSERT_EQUAL(parse("HTTP/1.1 200 OK\r\n", &status), 0);
	CU_ASSERT_EQUAL(status, 200);
	CU_ASSERT_EQUAL(parse("HTTP/1.0 503\r\n", &status), 0);
	CU_ASSERT_EQUAL(status, 503);
}

static void partial_status_line_wants_more(void)
{
	const char *line = "HTTP/1.1 200 ";
	unsigned status;

	for (size_t length = 0; length < strlen(line); length++)
		CU_ASSERT_EQUAL(probe_parse_status(line, length, &status), -EAGAIN);
	CU_ASSERT_EQUAL(probe_parse_status(line, strlen(line), &status), 0);
}

static void what_is_no_status_line_is_refused(void)
{
	static const char *const wrong[] = {
		"HTTP/2.0 200 OK",  "http/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 2000 OK",
		"HTTP/1.1 20 OK\r", "HTTP/1.1 -20 OK", "HTTP/1.1 099 OK",  "HTTP/1.1 600 OK",
		"SSH-2.0-OpenSSH",  "HTTP/1.x 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK",
	};
	unsigned status;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		CU_ASSERT_EQUAL(parse(wrong[i], &status), -EBADMSG);
}

static void request_names_the_host(void)
{
	const struct endpoint target = {.addr = addr_from_v4(htonl(0x0a000001)), .port = 80};
	struct health_check check = {.type = CHECK_HTTP};
	char request[PROBE_REQUEST_BYTES];

	CU_ASSERT_EQUAL(probe_format_request(&check, &target, request, sizeof(request)),
			strlen(request));
	UNIT_ASSERT_TEXT(request, "GET / HTTP/1.1\r\nHost: 10.0.0.1:80\r\n"
				  "User-Agent: sluice-agent\r\nAccept: */*\r\n"
				  "Connection: close\r\n\r\n");
	strcpy(check.name, "www.example.com");
	strcpy(check.path, "/up");
	CU_ASSERT(probe_format_request(&check, &target, request, sizeof(request)) > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(request, "GET /up HTTP/1.1\r\nHost: www.example.com\r\n"));
	CU_ASSERT_EQUAL(probe_format_request(&check, &target, request, 40), 0);
}

/* --- real sockets ----------------------------------------------------------------------- */

static struct loop loop;
static struct probe probe;
static enum probe_result result;

static void on_done(struct probe *done, enum probe_result how, uint64_t duration_ns)
{
	(void)done;
	(void)duration_ns;
	result = how;
	loop_stop(&loop);
}

static int listen_on_loopback(struct endpoint *at)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *)&address, length));
	CU_ASSERT_FATAL(!listen(fd, 1));
	CU_ASSERT_FATAL(!getsockname(fd, (struct sockaddr *)&address, &length));
	*at = (struct endpoint){addr_from_v4(address.sin_addr.s_addr), ntohs(address.sin_port)};
	return fd;
}

/* Takes the first connection, says `answer`, and closes it unless `hold`. */
struct server {
	struct loop_watch watch;
	const char *answer;
	bool hold;
	int accepted;
};

static void on_connection(struct loop_watch *watch, uint32_t events)
{
	struct server *server = container_of(watch, struct server, watch);

	(void)events;
	server->accepted = accept(watch->fd, NULL, NULL);
	loop_watch_del(&loop, watch);
	if (server->answer)
		CU_ASSERT(write(server->accepted, server->answer, strlen(server->answer)) > 0);
	if (!server->hold)
		shutdown(server->accepted, SHUT_WR);
}

static enum probe_result check_server(enum check_type type, const char *answer, bool hold)
{
	struct health_check check = {.type = type, .status = 200, .timeout_ms = 200};
	struct server server = {
		.watch = {.ready = on_connection},
		.answer = answer,
		.hold = hold,
		.accepted = -1,
	};
	struct endpoint at;
	int fd = listen_on_loopback(&at);
	SSL_CTX *tls = probe_tls_context();

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	CU_ASSERT_EQUAL_FATAL(loop_watch_add(&loop, &server.watch, fd, EPOLLIN), 0);
	probe_init(&probe, &loop, on_done);
	result = PROBE_RESULT_COUNT;
	probe_start(&probe, &at, &check, tls);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT_FALSE(probe_is_running(&probe));
	if (server.accepted >= 0)
		close(server.accepted);
	loop_fini(&loop);
	SSL_CTX_free(tls);
	close(fd);
	return result;
}

static void tcp_is_well_when_it_connects(void)
{
	CU_ASSERT_EQUAL(check_server(CHECK_TCP, NULL, true), PROBE_OK);
}

static void http_is_judged_by_its_status(void)
{
	CU_ASSERT_EQUAL(check_server(CHECK_HTTP, "HTTP/1.1 200 OK\r\n\r\n", true), PROBE_OK);
	CU_ASSERT_EQUAL(check_server(CHECK_HTTP, "HTTP/1.1 500 No\r\n\r\n", true), PROBE_STATUS);
	CU_ASSERT_EQUAL(check_server(CHECK_HTTP, "220 mail ESMTP\r\n", true), PROBE_PROTOCOL);
	CU_ASSERT_EQUAL(check_server(CHECK_HTTP, "HTTP/1.", false), PROBE_CLOSED);
}

static void silent_server_times_out(void)
{
	CU_ASSERT_EQUAL(check_server(CHECK_HTTP, NULL, true), PROBE_TIMEOUT);
	CU_ASSERT_EQUAL(check_server(CHECK_TLS, NULL, true), PROBE_TIMEOUT);
}

/* Timers before the timeout were called late: as on a host that is short of CPU. */
static struct loop_timer stall;

static void on_stall(struct loop_timer *timer)
{
	(void)timer;
	usleep(150 * 1000);
}

static void on_nothing(struct loop_timer *timer)
{
	(void)timer;
}

static struct loop_timer late_answer;
static int answering;

static void on_late_answer(struct loop_timer *timer)
{
	(void)timer;
	CU_ASSERT(write(answering, "HTTP/1.1 200 OK\r\n\r\n", 19) > 0);
}

static void time_without_cpu_is_not_the_backends(void)
{
	struct loop_timer due_meanwhile = {.expired = on_nothing};
	struct health_check check = {.type = CHECK_HTTP, .status = 200, .timeout_ms = 200};
	struct endpoint at;
	int fd = listen_on_loopback(&at);

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	probe_init(&probe, &loop, on_done);
	result = PROBE_RESULT_COUNT;
	probe_start(&probe, &at, &check, NULL);
	answering = accept(fd, NULL, NULL);
	stall = (struct loop_timer){.expired = on_stall};
	late_answer = (struct loop_timer){.expired = on_late_answer};
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &stall, NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &late_answer, 250 * NS_PER_MS), 0);
	/* Due while the loop is stalled: by its lateness the loop knows. */
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &due_meanwhile, 10 * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT_EQUAL(result, PROBE_OK);
	close(answering);
	close(fd);
	loop_fini(&loop);
}

static void server_without_tls_fails_the_handshake(void)
{
	CU_ASSERT_EQUAL(check_server(CHECK_TLS, "HTTP/1.1 400 Bad Request\r\n\r\n", true),
			PROBE_TLS);
	CU_ASSERT_EQUAL(check_server(CHECK_TLS, NULL, false), PROBE_CLOSED);
}

static void closed_port_is_refused(void)
{
	struct health_check check = {.type = CHECK_TCP, .timeout_ms = 200};
	struct endpoint at;

	close(listen_on_loopback(&at));
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	probe_init(&probe, &loop, on_done);
	result = PROBE_RESULT_COUNT;
	probe_start(&probe, &at, &check, NULL);
	if (probe_is_running(&probe))
		CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT_EQUAL(result, PROBE_REFUSED);
	loop_fini(&loop);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(status_line_is_read),
		UNIT_TEST(partial_status_line_wants_more),
		UNIT_TEST(what_is_no_status_line_is_refused),
		UNIT_TEST(request_names_the_host),
		UNIT_TEST(tcp_is_well_when_it_connects),
		UNIT_TEST(http_is_judged_by_its_status),
		UNIT_TEST(silent_server_times_out),
		UNIT_TEST(time_without_cpu_is_not_the_backends),
		UNIT_TEST(server_without_tls_fails_the_handshake),
		UNIT_TEST(closed_port_is_refused),
		{},
	};

	return unit_run("probe", tests);
}
