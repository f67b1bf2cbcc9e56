/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Health checks: bytes looked for in a stream, and each way in which a check of
 * a real socket on the loopback can end, with its words.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../userspace/agent/needle.h"
#include "../../userspace/agent/probe.h"
#include "../../userspace/mysqlrouter/handshake.h"
#include "../support/certificate.h"
#include "../support/unit.h"

static struct check_bytes bytes_of(const char *text)
{
	struct check_bytes bytes = {.length = (unsigned char)strlen(text)};

	memcpy(bytes.bytes, text, bytes.length);
	return bytes;
}

/* --- bytes in a stream ------------------------------------------------------------------ */

static bool finds(const char *wanted, const char *stream, size_t piece)
{
	struct check_bytes bytes = bytes_of(wanted);
	struct needle needle;
	bool found = false;

	needle_init(&needle, &bytes);
	for (size_t at = 0, length = strlen(stream); at < length; at += piece)
		found = needle_find(&needle, stream + at,
				    length - at < piece ? length - at : piece);
	return found;
}

static void needle_is_found_however_the_stream_is_cut(void)
{
	static const struct {
		const char *wanted, *stream;
		bool found;
	} cases[] = {
		{"ok", "it is ok", true},
		{"aab", "aaaaab", true},
		{"abcabd", "abcabcabd", true},
		{"aabaaac", "aabaabaaac", true},
		{"abcabd", "abcabc abd", false},
		{"ok", "o k", false},
		{"x", "", false},
		{"ok", "ok", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 12; piece++)
			CU_ASSERT_EQUAL(finds(cases[i].wanted, cases[i].stream, piece),
					cases[i].found);
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

static int bind_to_loopback(int type, struct endpoint *at)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *)&address, length));
	CU_ASSERT_FATAL(!getsockname(fd, (struct sockaddr *)&address, &length));
	*at = (struct endpoint){addr_from_v4(address.sin_addr.s_addr), ntohs(address.sin_port)};
	return fd;
}

static int listen_on_loopback(struct endpoint *at)
{
	int fd = bind_to_loopback(SOCK_STREAM, at);

	CU_ASSERT_FATAL(!listen(fd, 1));
	return fd;
}

/* One part of what a server says, after it was asked something unless it `greets`. */
struct line {
	const char *bytes;
	size_t length;
	bool greets;
};

#define SAYS(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1, false                                                      \
	}
#define GREETS(text)                                                                               \
	{                                                                                          \
		text, sizeof(text) - 1, true                                                       \
	}

/* Takes one connection and goes through its lines, then closes it, unless it `holds` it. */
struct server {
	int fd;
	struct line lines[8];
	bool holds;
	SSL_CTX *tls;
	char heard[8][1500];
};

static ssize_t hear(int fd, SSL *ssl, char *text)
{
	return ssl ? SSL_read(ssl, text, 1500) : read(fd, text, 1500);
}

static void say(int fd, SSL *ssl, const struct line *line)
{
	if (ssl)
		SSL_write(ssl, line->bytes, (int)line->length);
	else
		send(fd, line->bytes, line->length, MSG_NOSIGNAL);
}

static void *serve(void *context)
{
	struct server *server = context;
	int fd = accept(server->fd, NULL, NULL);
	SSL *ssl = server->tls ? SSL_new(server->tls) : NULL;
	char rest[1500];
	size_t i = 0;

	if (ssl) {
		SSL_set_fd(ssl, fd);
		SSL_accept(ssl);
	}
	for (; i < 8 && server->lines[i].bytes; i++) {
		if (!server->lines[i].greets && hear(fd, ssl, server->heard[i]) <= 0)
			break;
		say(fd, ssl, &server->lines[i]);
	}
	if (!server->holds)
		shutdown(fd, SHUT_WR);
	while (hear(fd, ssl, rest) > 0)
		;
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static enum probe_result run_probe(const struct health_check *check, const struct endpoint *at)
{
	struct check_target target = {.peer = *at, .host = *at};
	struct probe_plan *plan = probe_plan_create(check);

	CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	probe_init(&probe, &loop, NULL, on_done);
	result = PROBE_RESULT_COUNT;
	probe_start(&probe, &target, plan);
	if (probe_is_running(&probe))
		CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT_FALSE(probe_is_running(&probe));
	loop_fini(&loop);
	probe_plan_put(plan);
	return result;
}

static struct health_check check_of(enum check_type type)
{
	struct health_check check;

	model_check_init(&check);
	check.type = type;
	check.timeout_ms = 5000; /* of a busy machine */
	return check;
}

static struct health_check impatient_check_of(enum check_type type)
{
	struct health_check check = check_of(type);

	check.timeout_ms = 200;
	return check;
}

/* The result of a check of that server; its words are in probe.words. */
static enum probe_result check_server(const struct health_check *check, struct server *server)
{
	struct endpoint at;
	pthread_t thread;

	server->fd = listen_on_loopback(&at);
	CU_ASSERT_FATAL(!pthread_create(&thread, NULL, serve, server));
	run_probe(check, &at);
	pthread_join(thread, NULL);
	close(server->fd);
	return result;
}

static void assert_check(const struct health_check *check, struct server server,
			 enum probe_result expected, const char *words)
{
	CU_ASSERT_EQUAL(check_server(check, &server), expected);
	UNIT_ASSERT_TEXT(probe.words, words);
}

#define HELD(...)   ((struct server){.lines = {__VA_ARGS__}, .holds = true})
#define CLOSED(...) ((struct server){.lines = {__VA_ARGS__}})

/* --- TCP ---------------------------------------------------------------------------------- */

static void tcp_is_well_when_it_connects(void)
{
	struct health_check check = check_of(CHECK_TCP);

	assert_check(&check, HELD(), PROBE_OK, "ok");
}

static void tcp_is_judged_by_what_it_says(void)
{
	struct health_check check = check_of(CHECK_TCP);

	check.expect = bytes_of("220 ");
	assert_check(&check, HELD(GREETS("2"), GREETS("20 mail\r\n")), PROBE_OK, "ok");
	assert_check(&check, CLOSED(GREETS("421 busy\r\n")), PROBE_CONTENT,
		     "the answer lacks '220 '");
	check.send = bytes_of("PING\r\n");
	check.expect = bytes_of("+PONG");
	assert_check(&check, HELD(SAYS("+PONG\r\n")), PROBE_OK, "ok");
	check.timeout_ms = 200;
	assert_check(&check, HELD(SAYS("-LOADING\r\n")), PROBE_TIMEOUT, "no answer within 200ms");
}

static void closed_port_is_refused(void)
{
	struct health_check check = check_of(CHECK_TCP);
	struct endpoint at;

	close(listen_on_loopback(&at));
	CU_ASSERT_EQUAL(run_probe(&check, &at), PROBE_REFUSED);
	UNIT_ASSERT_TEXT(probe.words, "connection refused");
}

/* --- HTTP --------------------------------------------------------------------------------- */

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static void http_request_names_the_host(void)
{
	struct server server = HELD(SAYS(OK_HEAD "\r\n"));
	struct health_check check = check_of(CHECK_HTTP);

	strcpy(check.name, "www.example.com");
	strcpy(check.path, "/up");
	check.method = CHECK_HEAD;
	CU_ASSERT_EQUAL(check_server(&check, &server), PROBE_OK);
	UNIT_ASSERT_TEXT(server.heard[0], "HEAD /up HTTP/1.1\r\nHost: www.example.com\r\n"
					  "User-Agent: sluice-agent\r\nAccept: */*\r\n"
					  "Connection: close\r\n\r\n");
}

static void http_is_judged_by_its_status(void)
{
	struct health_check check = check_of(CHECK_HTTP);

	assert_check(&check, HELD(SAYS("HTTP/1.1 200 OK\r\n\r\n")), PROBE_OK, "ok");
	assert_check(&check, HELD(SAYS("HTTP/1.1 500 No\r\n\r\n")), PROBE_STATUS,
		     "status 500, expected 200");
	check.statuses[0] = (struct status_range){200, 399};
	check.statuses[1] = (struct status_range){404, 404};
	check.status_count = 2;
	assert_check(&check, HELD(SAYS("HTTP/1.1 399 Odd\r\n\r\n")), PROBE_OK, "ok");
	assert_check(&check, HELD(SAYS("HTTP/1.1 404 No\r\n\r\n")), PROBE_OK, "ok");
	assert_check(&check, HELD(SAYS("HTTP/1.1 503 No\r\n\r\n")), PROBE_STATUS,
		     "status 503, expected 200-399, 404");
	assert_check(&check,
		     HELD(SAYS("HTTP/1.1 103 Wait\r\n\r\nHTTP/1.1 20"), GREETS("0 OK\r\n\r\n")),
		     PROBE_OK, "ok");
}

static void what_is_no_http_is_refused(void)
{
	struct health_check check = check_of(CHECK_HTTP);

	assert_check(&check, HELD(SAYS("220 mail ESMTP\r\n")), PROBE_PROTOCOL,
		     "no HTTP answer: no HTTP version where one belongs");
	assert_check(&check, HELD(SAYS(OK_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n")),
		     PROBE_PROTOCOL, "no HTTP answer: more than one Content-Length");
	assert_check(&check, CLOSED(SAYS("HTTP/1.")), PROBE_CLOSED, "closed before it answered");
}

static void http_is_judged_by_its_content(void)
{
	struct health_check check = check_of(CHECK_HTTP);

	check.body = bytes_of("all is well");
	assert_check(&check,
		     HELD(SAYS(OK_HEAD "Content-Length: 13\r\n\r\n"), GREETS("<all is well>")),
		     PROBE_OK, "ok");
	assert_check(&check,
		     HELD(SAYS(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nall \r\n"),
			  GREETS("7\r\nis well\r\n")),
		     PROBE_OK, "ok");
	assert_check(&check, HELD(SAYS(OK_HEAD "Content-Length: 10\r\n\r\nall is wellaway")),
		     PROBE_CONTENT, "the content lacks 'all is well'");
	assert_check(&check, CLOSED(SAYS(OK_HEAD "\r\nall is")), PROBE_CONTENT,
		     "the content lacks 'all is well'");
	assert_check(&check, HELD(SAYS(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n4,all")),
		     PROBE_PROTOCOL, "no HTTP answer: a chunk's size is malformed");
}

static void content_is_looked_at_up_to_a_limit(void)
{
	struct health_check check = check_of(CHECK_HTTP);
	char *flood = malloc(1 << 20);
	struct server server = HELD(SAYS(OK_HEAD "\r\n"), {flood, 1 << 20, true});

	memset(flood, 'x', 1 << 20);
	check.body = bytes_of("y");
	assert_check(&check, server, PROBE_CONTENT, "the content lacks 'y'");
	free(flood);
}

static void silent_server_times_out(void)
{
	struct health_check http = impatient_check_of(CHECK_HTTP);
	struct health_check tls = impatient_check_of(CHECK_TLS);
	struct health_check mysql = impatient_check_of(CHECK_MYSQL);

	assert_check(&http, HELD(), PROBE_TIMEOUT, "no answer within 200ms");
	assert_check(&tls, HELD(), PROBE_TIMEOUT, "no TLS handshake within 200ms");
	assert_check(&mysql, HELD(), PROBE_TIMEOUT, "no answer within 200ms");
}

/* --- TLS ---------------------------------------------------------------------------------- */

static SSL_CTX *server_context(const struct certificate *certificate, char *path)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0 && context);
	close(fd);
	certificate_write(certificate, path, NULL);
	CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_certificate_chain_file(context, path), 1);
	CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM), 1);
	return context;
}

static void tls_is_well_when_the_handshake_ends(void)
{
	static const struct certificate certificate = {"DNS:www.example.com", "x", false, false};
	char path[] = "/tmp/sluice-probe.XXXXXX";
	SSL_CTX *context = server_context(&certificate, path);
	struct health_check tls = check_of(CHECK_TLS), https = check_of(CHECK_HTTPS);
	struct server server = {.tls = context, .lines = {SAYS(OK_HEAD "\r\n")}};

	assert_check(&tls, (struct server){.tls = context}, PROBE_OK, "ok");
	CU_ASSERT(probe.certificate_expires_s > time(NULL));
	assert_check(&https, server, PROBE_OK, "ok");
	server.lines[0] = (struct line)SAYS("HTTP/1.1 503 No\r\n\r\n");
	assert_check(&https, server, PROBE_STATUS, "status 503, expected 200");
	SSL_CTX_free(context);
	unlink(path);
}

static void certificate_is_judged_if_asked_for(void)
{
	static const struct certificate certificate = {"DNS:www.example.com", "x", false, false};
	char path[] = "/tmp/sluice-probe.XXXXXX", other[] = "/tmp/sluice-probe.XXXXXX";
	SSL_CTX *context = server_context(&certificate, path);
	struct health_check check = check_of(CHECK_TLS);
	struct server server = {.tls = context};

	SSL_CTX_free(server_context(&certificate, other));
	strcpy(check.name, "www.example.com");
	strcpy(check.ca, path);
	assert_check(&check, server, PROBE_OK, "ok");
	strcpy(check.name, "www.example.net");
	assert_check(&check, server, PROBE_TLS, "certificate: hostname mismatch");
	strcpy(check.name, "www.example.com");
	strcpy(check.ca, other);
	assert_check(&check, server, PROBE_TLS, "certificate: self-signed certificate");
	SSL_CTX_free(context);
	unlink(path);
	unlink(other);
	CU_ASSERT_EQUAL(run_probe(&check, &(struct endpoint){}), PROBE_LOCAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(probe.words, "no certificates can be read"));
}

static void server_without_tls_fails_the_handshake(void)
{
	struct health_check check = check_of(CHECK_TLS);

	assert_check(&check, HELD(SAYS("HTTP/1.1 400 Bad Request\r\n\r\n")), PROBE_TLS,
		     "TLS: wrong version number");
	assert_check(&check, CLOSED(), PROBE_CLOSED, "closed before it answered");
}

/* --- UDP ---------------------------------------------------------------------------------- */

static void *serve_datagram(void *context)
{
	struct server *server = context;
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);

	recvfrom(server->fd, server->heard[0], sizeof(server->heard[0]), 0,
		 (struct sockaddr *)&from, &length);
	sendto(server->fd, server->lines[0].bytes, server->lines[0].length, 0,
	       (struct sockaddr *)&from, length);
	return NULL;
}

static void udp_is_judged_by_its_answer(void)
{
	struct server server = {.lines = {SAYS("pong")}};
	struct health_check check = check_of(CHECK_UDP);
	struct endpoint at;
	pthread_t thread;

	check.send = bytes_of("ping");
	check.expect = bytes_of("ong");
	server.fd = bind_to_loopback(SOCK_DGRAM, &at);
	CU_ASSERT_FATAL(!pthread_create(&thread, NULL, serve_datagram, &server));
	CU_ASSERT_EQUAL(run_probe(&check, &at), PROBE_OK);
	pthread_join(thread, NULL);
	UNIT_ASSERT_TEXT(server.heard[0], "ping");
	check.timeout_ms = 200;
	CU_ASSERT_EQUAL(run_probe(&check, &at), PROBE_TIMEOUT);
	check.expect.length = 0;
	CU_ASSERT_EQUAL(run_probe(&check, &at), PROBE_OK);
	close(server.fd);
	CU_ASSERT_EQUAL(run_probe(&check, &at), PROBE_REFUSED);
	UNIT_ASSERT_TEXT(probe.words, "port unreachable");
}

/* --- MySQL -------------------------------------------------------------------------------- */

#define MYSQL_GREETING                                                                             \
	"\x4a\0\0\0\x0a"                                                                           \
	"8.0.36\0"                                                                                 \
	"\x07\0\0\0"                                                                               \
	"01234567\0"                                                                               \
	"\x0f\xa2"                                                                                 \
	"\x21"                                                                                     \
	"\x02\0"                                                                                   \
	"\x08\0"                                                                                   \
	"\x15"                                                                                     \
	"\0\0\0\0\0\0\0\0\0\0"                                                                     \
	"890123456789\0"                                                                           \
	"mysql_native_password\0"

#define MYSQL_OK     "\x07\0\0\x02\0\0\0\x02\0\0\0"
#define MYSQL_COLUMN "\x01\0\0\x01\x01\x01\0\0\x02-\x05\0\0\x03\xfe\0\0\x02\0"
#define MYSQL_VALUE  "\x02\0\0\x04\x01"
#define MYSQL_END    "\x05\0\0\x05\xfe\0\0\x02\0"
#define MYSQL_DENIED "\x18\0\0\x02\xff\x15\x04#28000Access \"denied\""

static void mysql_is_well_when_it_greets(void)
{
	struct health_check check = check_of(CHECK_MYSQL);

	assert_check(&check, HELD(GREETS(MYSQL_GREETING)), PROBE_OK, "ok");
	assert_check(&check, CLOSED(GREETS("\x15\0\0\0\xff\x10\x04Too many connectio")),
		     PROBE_ERROR, "error 1040: Too many connectio");
	assert_check(&check, CLOSED(GREETS("SSH-2.0-OpenSSH_9.2\r\n")), PROBE_PROTOCOL,
		     "it does not speak MySQL's protocol");
	assert_check(&check, CLOSED(GREETS("\x02\0\0\0\x09-")), PROBE_PROTOCOL,
		     "no MySQL greeting");
}

static void mysql_logs_in_with_a_user(void)
{
	struct server server = HELD(GREETS(MYSQL_GREETING), SAYS(MYSQL_OK));
	struct health_check check = check_of(CHECK_MYSQL);
	char path[] = "/tmp/sluice-probe.XXXXXX";
	struct handshake_reply reply;
	int fd = mkstemp(path);

	CU_ASSERT(write(fd, "secret\n", 7) == 7);
	close(fd);
	strcpy(check.user, "health");
	strcpy(check.password_file, path);
	CU_ASSERT_EQUAL(check_server(&check, &server), PROBE_OK);
	CU_ASSERT_EQUAL(handshake_reply_read(server.heard[1] + 4,
					     packet_length((uint8_t *)server.heard[1]), &reply),
			0);
	CU_ASSERT(span_is(reply.user, "health"));
	CU_ASSERT_EQUAL(reply.proof.length, 20);
	assert_check(&check, HELD(GREETS(MYSQL_GREETING), SAYS(MYSQL_DENIED)), PROBE_ERROR,
		     "error 1045: Access 'denied'");
	unlink(path);
	CU_ASSERT_EQUAL(run_probe(&check, &(struct endpoint){}), PROBE_LOCAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(probe.words, "No such file"));
}

static void mysql_is_judged_by_its_role(void)
{
	struct health_check check = check_of(CHECK_MYSQL);

	strcpy(check.user, "health");
	check.read_only = CHECK_READ_ONLY_NO;
	assert_check(&check,
		     HELD(GREETS(MYSQL_GREETING), SAYS(MYSQL_OK),
			  SAYS(MYSQL_COLUMN MYSQL_VALUE "0" MYSQL_END)),
		     PROBE_OK, "ok");
	assert_check(&check,
		     HELD(GREETS(MYSQL_GREETING), SAYS(MYSQL_OK),
			  SAYS(MYSQL_COLUMN MYSQL_VALUE "1" MYSQL_END)),
		     PROBE_ROLE, "read_only is on, expected off");
	check.read_only = CHECK_READ_ONLY_YES;
	assert_check(&check,
		     HELD(GREETS(MYSQL_GREETING), SAYS(MYSQL_OK), SAYS(MYSQL_COLUMN),
			  GREETS(MYSQL_VALUE "0" MYSQL_END)),
		     PROBE_ROLE, "read_only is off, expected on");
}

/* --- a host that is short of CPU ------------------------------------------------------------ */

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
	struct health_check check = impatient_check_of(CHECK_HTTP);
	struct probe_plan *plan = probe_plan_create(&check);
	struct check_target target = {};
	int fd = listen_on_loopback(&target.peer);

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	probe_init(&probe, &loop, NULL, on_done);
	result = PROBE_RESULT_COUNT;
	probe_start(&probe, &target, plan);
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
	probe_plan_put(plan);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(needle_is_found_however_the_stream_is_cut),
		UNIT_TEST(tcp_is_well_when_it_connects),
		UNIT_TEST(tcp_is_judged_by_what_it_says),
		UNIT_TEST(closed_port_is_refused),
		UNIT_TEST(http_request_names_the_host),
		UNIT_TEST(http_is_judged_by_its_status),
		UNIT_TEST(what_is_no_http_is_refused),
		UNIT_TEST(http_is_judged_by_its_content),
		UNIT_TEST(content_is_looked_at_up_to_a_limit),
		UNIT_TEST(silent_server_times_out),
		UNIT_TEST(tls_is_well_when_the_handshake_ends),
		UNIT_TEST(certificate_is_judged_if_asked_for),
		UNIT_TEST(server_without_tls_fails_the_handshake),
		UNIT_TEST(udp_is_judged_by_its_answer),
		UNIT_TEST(mysql_is_well_when_it_greets),
		UNIT_TEST(mysql_logs_in_with_a_user),
		UNIT_TEST(mysql_is_judged_by_its_role),
		UNIT_TEST(time_without_cpu_is_not_the_backends),
		{},
	};

	signal(SIGPIPE, SIG_IGN); /* as in the agent */
	return unit_run("probe", tests);
}
