/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The life of a daemon's processes: what children are allowed, what happens
 * when one dies or hangs, and how all end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../support/toy.h"
#include "../support/unit.h"

#define PORT	7101
#define METRICS 7102

static void start_with(const char *settings)
{
	toy_configure("{listen: 127.0.0.1:7101, metrics: 127.0.0.1:7102, name: one, %s}\n",
		      settings);
	CU_ASSERT_FATAL(toy_start());
}

static pid_t worker_pid(void)
{
	const char *text = toy_ask_once(PORT, "pid");

	return text ? atoi(text) : 0;
}

/* --- beginning and end ------------------------------------------------------------- */

static void daemon_serves_and_ends(void)
{
	start_with("workers: 2");
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "echo hello"), "hello");
	CU_ASSERT_EQUAL(toy_stop(), 0);
	CU_ASSERT_EQUAL(toy_connect(PORT), -ECONNREFUSED);
}

static void unix_socket_is_served_and_removed(void)
{
	int fd;

	toy_configure("{socket: '@/socket', workers: 3}\n");
	CU_ASSERT_FATAL(toy_start());
	fd = toy_connect_unix(toy_path("socket"));
	CU_ASSERT_FATAL(fd >= 0);
	UNIT_ASSERT_TEXT(toy_ask(fd, "echo here"), "here");
	close(fd);
	/* What a master that was killed has left is no obstacle. */
	toy_signal(SIGKILL);
	CU_ASSERT_EQUAL(toy_wait(), -SIGKILL);
	CU_ASSERT_EQUAL(access(toy_path("socket"), F_OK), 0);
	while ((fd = toy_connect_unix(toy_path("socket"))) >= 0)
		close(fd);
	CU_ASSERT_FATAL(toy_start());
	CU_ASSERT_EQUAL(toy_stop(), 0);
	CU_ASSERT_NOT_EQUAL(access(toy_path("socket"), F_OK), 0);
}

/* Another daemon would have set SO_REUSEPORT too. */
static void address_of_another_daemon_is_not_shared(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	toy_configure("{listen: 127.0.0.1:7101}\n");
	CU_ASSERT_FALSE(toy_start());
	CU_ASSERT_EQUAL(toy_wait(), 2);
	CU_ASSERT(toy_logged("at=127.0.0.1:7101 error=\"Address already in use\"", 1));
	close(fd);
}

static void wrong_configuration_exits_with_1(void)
{
	toy_configure("{listen: 127.0.0.1:7101, drain: soon, watchdgo: 1s}\n");
	CU_ASSERT_FALSE(toy_start());
	CU_ASSERT_EQUAL(toy_wait(), 1);
	CU_ASSERT(toy_logged("toy.yaml:1:33: drain \"soon\": expected a duration", 1));
	CU_ASSERT(toy_logged("toy.yaml:1:39: unknown key \"watchdgo\" (did you mean", 1));
}

static void address_that_is_given_twice_is_a_mistake(void)
{
	toy_configure("{listen: 127.0.0.1:7101, metrics: 127.0.0.1:7101}\n");
	CU_ASSERT_FALSE(toy_start());
	CU_ASSERT_EQUAL(toy_wait(), 1);
	CU_ASSERT(toy_logged("127.0.0.1:7101 is given twice", 1));
}

static void daemon_whose_workers_do_not_start_exits_with_2(void)
{
	toy_configure("{listen: 127.0.0.1:7101, fail: true}\n");
	CU_ASSERT_FALSE(toy_start());
	CU_ASSERT_EQUAL(toy_wait(), 2);
	CU_ASSERT(toy_logged("event=child-not-started", 1));
}

static void children_end_without_their_master(void)
{
	pid_t worker;

	start_with("workers: 1");
	worker = worker_pid();
	toy_signal(SIGKILL);
	CU_ASSERT_EQUAL(toy_wait(), -SIGKILL);
	for (unsigned i = 0; i < 500 && !kill(worker, 0); i++)
		toy_sleep_ms(10);
	CU_ASSERT_EQUAL(kill(worker, 0), -1);
	CU_ASSERT_EQUAL(toy_connect(PORT), -ECONNREFUSED);
}

/* --- what children may ------------------------------------------------------------- */

/* The line of /proc/PID/status that begins with `key`; static memory. */
static const char *status_of(pid_t pid, const char *key)
{
	static char line[256];
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file) && strncmp(line, key, strlen(key)))
		;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void worker_has_no_privileges(void)
{
	struct passwd *user = getpwnam("nobody");
	char expected[128];
	pid_t worker;

	if (geteuid() || !user)
		return;
	start_with("workers: 1, connections: 100");
	worker = worker_pid();
	CU_ASSERT_FATAL(worker > 0);
	snprintf(expected, sizeof(expected), "Uid:\t%u\t%u\t%u\t%u", user->pw_uid, user->pw_uid,
		 user->pw_uid, user->pw_uid);
	UNIT_ASSERT_TEXT(status_of(worker, "Uid:"), expected);
	snprintf(expected, sizeof(expected), "Gid:\t%u\t%u\t%u\t%u", user->pw_gid, user->pw_gid,
		 user->pw_gid, user->pw_gid);
	UNIT_ASSERT_TEXT(status_of(worker, "Gid:"), expected);
	UNIT_ASSERT_TEXT(status_of(worker, "CapPrm:"), "CapPrm:\t0000000000000000");
	UNIT_ASSERT_TEXT(status_of(worker, "CapEff:"), "CapEff:\t0000000000000000");
	UNIT_ASSERT_TEXT(status_of(worker, "CapInh:"), "CapInh:\t0000000000000000");
	UNIT_ASSERT_TEXT(status_of(worker, "NoNewPrivs:"), "NoNewPrivs:\t1");
	UNIT_ASSERT_TEXT(status_of(worker, "Name:"), "Name:\tsluice-toy: w0");
	/* CHOWN, DAC_OVERRIDE, KILL, SETGID, SETUID, NET_BIND_SERVICE */
	UNIT_ASSERT_TEXT(status_of(toy_master(), "CapEff:"), "CapEff:\t00000000000004e3");
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

/* --- when one dies or hangs -------------------------------------------------------- */

static void crashed_worker_is_replaced_and_nobody_is_refused(void)
{
	pid_t before;
	int fd;

	start_with("workers: 1");
	before = worker_pid();
	for (unsigned i = 1; i <= 3; i++) {
		fd = toy_connect(PORT);
		toy_send(fd, "crash");
		/* No connection is refused; one that the dying worker has accepted is lost. */
		for (unsigned j = 0; j < 50; j++) {
			int other = toy_connect(PORT);

			CU_ASSERT(other >= 0);
			close(other);
		}
		CU_ASSERT(toy_logged("signal=11", i));
		UNIT_ASSERT_TEXT(toy_ask_once(PORT, "echo again"), "again");
		close(fd);
	}
	CU_ASSERT_NOT_EQUAL(worker_pid(), before);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_crashes_total"), 3);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_restarts_total"), 3);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void counters_survive_a_crash_and_gauges_do_not(void)
{
	start_with("workers: 1");
	for (unsigned i = 0; i < 5; i++)
		UNIT_ASSERT_TEXT(toy_ask_once(PORT, "count"), "counted");
	CU_ASSERT_EQUAL(toy_metric(METRICS, "toy_counted_total"), 5);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "toy_gauge"), 7);
	toy_ask_once(PORT, "crash");
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "echo back"), "back");
	CU_ASSERT_EQUAL(toy_metric(METRICS, "toy_counted_total"), 5);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "toy_gauge"), 0);
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "count"), "counted");
	CU_ASSERT_EQUAL(toy_metric(METRICS, "toy_counted_total"), 6);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void worker_that_keeps_dying_is_restarted_more_and_more_slowly(void)
{
	uint64_t started_ms;

	start_with("workers: 1");
	started_ms = now_ms();
	for (unsigned i = 0; i < 4; i++)
		toy_ask_once(PORT, "crash");
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "echo back"), "back");
	/* At once, after 100 ms, after 200 ms, after 400 ms. */
	CU_ASSERT(now_ms() - started_ms >= 700);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_restarts_total"), 4);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void worker_that_loops_is_killed_and_replaced(void)
{
	int fd;

	start_with("workers: 1, watchdog: 300ms");
	fd = toy_connect(PORT);
	toy_send(fd, "loop");
	CU_ASSERT(toy_logged("event=watchdog child=w0", 1));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "echo alive"), "alive");
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_watchdog_kills_total"), 1);
	close(fd);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

/* --- limits ------------------------------------------------------------------------ */

static void connections_beyond_the_limit_wait(void)
{
	int first, second;

	start_with("workers: 1, connections: 1");
	first = toy_connect(PORT);
	UNIT_ASSERT_TEXT(toy_ask(first, "echo one"), "one");
	second = toy_connect(PORT);
	toy_send(second, "echo two");
	CU_ASSERT(toy_metric_reaches(
		METRICS, "sluice_worker_accept_pauses_total{reason=\"connections\"}", 1));
	CU_ASSERT_EQUAL(
		toy_metric(METRICS, "sluice_worker_connections{worker=\"0\",generation=\"1\"}"), 1);
	close(first);
	UNIT_ASSERT_TEXT(toy_ask(second, "echo three"), "two");
	close(second);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void worker_without_descriptors_waits_for_some(void)
{
	const char *pauses = "sluice_worker_accept_pauses_total{reason=\"descriptors\"}";
	int fds[30];

	start_with("workers: 1");
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "few"), "few");
	for (unsigned i = 0; i < 30; i++)
		fds[i] = toy_connect(PORT);
	CU_ASSERT(toy_metric_reaches(METRICS, pauses, 1));
	for (unsigned i = 0; i < 20; i++)
		close(fds[i]);
	UNIT_ASSERT_TEXT(toy_ask(fds[29], "echo mine"), "mine");
	for (unsigned i = 20; i < 30; i++)
		close(fds[i]);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

/* --- the service manager ------------------------------------------------------- */

/* The next message, or "": none within five seconds. Static memory. */
static const char *next_notice(int fd)
{
	static char text[128];
	ssize_t length = recv(fd, text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static int listen_for_notices(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 5};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, toy_path("notify"));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void service_manager_is_told(void)
{
	int fd = listen_for_notices();

	setenv("NOTIFY_SOCKET", toy_path("notify"), 1);
	start_with("workers: 1");
	UNIT_ASSERT_TEXT(next_notice(fd), "READY=1");
	toy_signal(SIGHUP);
	CU_ASSERT_EQUAL(strncmp(next_notice(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	UNIT_ASSERT_TEXT(next_notice(fd), "READY=1");
	CU_ASSERT_EQUAL(toy_stop(), 0);
	UNIT_ASSERT_TEXT(next_notice(fd), "STOPPING=1");
	setenv("WATCHDOG_USEC", "200000", 1);
	start_with("workers: 1");
	UNIT_ASSERT_TEXT(next_notice(fd), "WATCHDOG=1");
	UNIT_ASSERT_TEXT(next_notice(fd), "READY=1");
	UNIT_ASSERT_TEXT(next_notice(fd), "WATCHDOG=1");
	UNIT_ASSERT_TEXT(next_notice(fd), "WATCHDOG=1");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	CU_ASSERT_EQUAL(toy_stop(), 0);
	close(fd);
}

/* --- the monitor ------------------------------------------------------------------- */

static void monitor_tells_health(void)
{
	char *text;

	start_with("workers: 1");
	text = toy_get(METRICS, "/healthz");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "HTTP/1.1 200 "));
	free(text);
	text = toy_get(METRICS, "/other");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "HTTP/1.1 404 "));
	free(text);
	CU_ASSERT(toy_metric(METRICS, "process_open_fds") > 2);
	CU_ASSERT(toy_metric(METRICS, "sluice_worker_resident_memory_bytes"
				      "{worker=\"0\",generation=\"1\"}") > 4096);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_generation"), 1);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

/* --- the end ----------------------------------------------------------------------- */

static void drain_closes_idle_connections_and_lets_others_finish(void)
{
	int idle, busy, fd;
	char *text;

	start_with("workers: 1, drain: 20s");
	idle = toy_connect(PORT);
	busy = toy_connect(PORT);
	UNIT_ASSERT_TEXT(toy_ask(idle, "echo hi"), "hi");
	UNIT_ASSERT_TEXT(toy_ask(busy, "hold"), "held");
	toy_signal(SIGTERM);
	CU_ASSERT(toy_is_closed(idle));
	CU_ASSERT_EQUAL(toy_connect(PORT), -ECONNREFUSED);
	UNIT_ASSERT_TEXT(toy_ask(busy, "echo still"), "still");
	text = toy_get(METRICS, "/healthz");
	CU_ASSERT_PTR_NULL(strstr(text, "HTTP/1.1 200 "));
	free(text);
	CU_ASSERT(toy_is_running());
	close(busy);
	close(idle);
	CU_ASSERT_EQUAL(toy_wait(), 0);
	fd = toy_connect(METRICS);
	CU_ASSERT_EQUAL(fd, -ECONNREFUSED);
}

static void drain_has_an_end(void)
{
	int busy;

	start_with("workers: 1, drain: 200ms");
	busy = toy_connect(PORT);
	UNIT_ASSERT_TEXT(toy_ask(busy, "hold"), "held");
	CU_ASSERT_EQUAL(toy_stop(), 0);
	CU_ASSERT(toy_logged("event=drain-cut child=w0 connections=1", 1));
	close(busy);
}

/* A worker that is stopped, as by a debugger, hears nothing of the drain. */
static void worker_that_does_not_drain_is_killed(void)
{
	int busy;

	start_with("workers: 1, drain: 200ms");
	busy = toy_connect(PORT);
	UNIT_ASSERT_TEXT(toy_ask(busy, "hold"), "held");
	kill(worker_pid(), SIGSTOP);
	CU_ASSERT_EQUAL(toy_stop(), 0);
	CU_ASSERT(toy_logged("event=drain-killed generation=1 connections=", 1));
	close(busy);
}

static void second_sigterm_ends_at_once(void)
{
	int busy;

	start_with("workers: 1, drain: 60s");
	busy = toy_connect(PORT);
	UNIT_ASSERT_TEXT(toy_ask(busy, "hold"), "held");
	toy_signal(SIGTERM);
	CU_ASSERT(toy_logged("event=ending", 1));
	toy_signal(SIGTERM);
	CU_ASSERT_EQUAL(toy_wait(), 0);
	close(busy);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(daemon_serves_and_ends),
		UNIT_TEST(unix_socket_is_served_and_removed),
		UNIT_TEST(address_of_another_daemon_is_not_shared),
		UNIT_TEST(wrong_configuration_exits_with_1),
		UNIT_TEST(address_that_is_given_twice_is_a_mistake),
		UNIT_TEST(daemon_whose_workers_do_not_start_exits_with_2),
		UNIT_TEST(children_end_without_their_master),
		UNIT_TEST(worker_has_no_privileges),
		UNIT_TEST(crashed_worker_is_replaced_and_nobody_is_refused),
		UNIT_TEST(counters_survive_a_crash_and_gauges_do_not),
		UNIT_TEST(worker_that_keeps_dying_is_restarted_more_and_more_slowly),
		UNIT_TEST(worker_that_loops_is_killed_and_replaced),
		UNIT_TEST(connections_beyond_the_limit_wait),
		UNIT_TEST(worker_without_descriptors_waits_for_some),
		UNIT_TEST(service_manager_is_told),
		UNIT_TEST(monitor_tells_health),
		UNIT_TEST(drain_closes_idle_connections_and_lets_others_finish),
		UNIT_TEST(drain_has_an_end),
		UNIT_TEST(worker_that_does_not_drain_is_killed),
		UNIT_TEST(second_sigterm_ends_at_once),
		{},
	};
	int code;

	toy_enter();
	code = unit_run("process_life", tests);
	toy_leave();
	return code;
}
