/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SIGHUP and SIGUSR1: no connection is refused or lost while configurations
 * follow each other, and a wrong one changes nothing.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/toy.h"
#include "../support/unit.h"

#define PORT	7111
#define METRICS 7112
#define OTHER	7113

static unsigned served;

static void configure(const char *settings)
{
	toy_configure("{listen: 127.0.0.1:7111, metrics: 127.0.0.1:7112, drain: 20s, %s}\n",
		      settings);
}

static void start_with(const char *settings)
{
	configure(settings);
	CU_ASSERT_FATAL(toy_start());
	served = 1;
}

static bool reload_with(const char *settings)
{
	configure(settings);
	toy_signal(SIGHUP);
	return toy_logged("event=serving", ++served);
}

/* --- a storm of connections -------------------------------------------------------- */

struct storm {
	volatile bool over;
	unsigned answered, refused, lost;
};

static void rage(struct storm *storm)
{
	while (!storm->over) {
		int fd = toy_connect(PORT);
		const char *line = fd < 0 ? NULL : toy_ask(fd, "echo x");

		storm->refused += fd < 0;
		storm->lost += fd >= 0 && !line;
		storm->answered += line != NULL;
		if (fd >= 0)
			close(fd);
	}
	_exit(0);
}

static void reload_under_a_storm_of_connections_refuses_none(void)
{
	struct storm *storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	CU_ASSERT_FATAL(storm != MAP_FAILED);
	start_with("workers: 2");
	fflush(NULL);
	pid = fork();
	if (!pid)
		rage(storm);
	CU_ASSERT(reload_with("workers: 4"));
	CU_ASSERT(reload_with("workers: 1"));
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT(reload_with(i % 2 ? "workers: 2" : "workers: 3"));
	storm->over = true;
	waitpid(pid, NULL, 0);
	CU_ASSERT(storm->answered > 50);
	CU_ASSERT_EQUAL(storm->refused, 0);
	CU_ASSERT_EQUAL(storm->lost, 0);
	CU_ASSERT_EQUAL(toy_stop(), 0);
	munmap(storm, sizeof(*storm));
}

/* --- queues ------------------------------------------------------------------------ */

#define QUEUED 12

/* Stops the worker, so that what connects waits in the queue of a socket. */
static pid_t stop_worker(void)
{
	const char *text = toy_ask_once(PORT, "pid");
	pid_t pid = text ? atoi(text) : 0;

	CU_ASSERT_FATAL(pid > 0);
	kill(pid, SIGSTOP);
	return pid;
}

static void fewer_workers_serve_the_queues_of_all(void)
{
	int queued[QUEUED];
	pid_t worker;

	start_with("workers: 1, name: one");
	CU_ASSERT(reload_with("workers: 3, name: two"));
	CU_ASSERT(reload_with("workers: 1, name: three"));
	/* Three sockets, all of them this worker's. */
	worker = stop_worker();
	for (unsigned i = 0; i < QUEUED; i++) {
		queued[i] = toy_connect(PORT);
		CU_ASSERT_FATAL(queued[i] >= 0);
	}
	CU_ASSERT(reload_with("workers: 2, name: four"));
	for (unsigned i = 0; i < QUEUED; i++) {
		UNIT_ASSERT_TEXT(toy_ask(queued[i], "name"), "four");
		close(queued[i]);
	}
	kill(worker, SIGCONT);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void queue_of_a_removed_address_is_served_first(void)
{
	pid_t worker;
	int queued;

	toy_configure("{listen: [127.0.0.1:7111, 127.0.0.1:7113], metrics: 127.0.0.1:7112,"
		      " workers: 1, name: old}\n");
	CU_ASSERT_FATAL(toy_start());
	served = 1;
	worker = stop_worker();
	queued = toy_connect(OTHER);
	CU_ASSERT_FATAL(queued >= 0);
	CU_ASSERT(reload_with("workers: 1, name: new"));
	kill(worker, SIGCONT);
	UNIT_ASSERT_TEXT(toy_ask(queued, "name"), "old");
	close(queued);
	CU_ASSERT_EQUAL(toy_connect(OTHER), -ECONNREFUSED);
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "name"), "new");
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

/* --- configurations ---------------------------------------------------------------- */

static void running_connection_keeps_its_configuration(void)
{
	int busy;

	start_with("workers: 1, name: old");
	busy = toy_connect(PORT);
	UNIT_ASSERT_TEXT(toy_ask(busy, "hold"), "held");
	CU_ASSERT(reload_with("workers: 1, name: new"));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "name"), "new");
	UNIT_ASSERT_TEXT(toy_ask(busy, "name"), "old");
	CU_ASSERT_EQUAL(
		toy_metric(METRICS, "sluice_worker_connections{worker=\"0\",generation=\"1\"}"), 1);
	close(busy);
	CU_ASSERT(toy_logged("event=drained generation=1", 1));
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_generation"), 2);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_reloads_total{result=\"ok\"}"), 1);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void wrong_file_changes_nothing(void)
{
	start_with("workers: 1, name: old");
	configure("workers: many");
	toy_signal(SIGHUP);
	CU_ASSERT(toy_logged("event=reload-failed", 1));
	CU_ASSERT(toy_logged("sluice-toy: ", 1));
	CU_ASSERT(toy_logged("workers \"many\": expected a number from 1 to 64", 1));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "name"), "old");
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_last_reload_ok"), 0);
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_reloads_total{result=\"failed\"}"), 1);
	CU_ASSERT(reload_with("workers: 1, name: new"));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "name"), "new");
	CU_ASSERT_EQUAL(toy_metric(METRICS, "sluice_worker_last_reload_ok"), 1);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void generation_that_does_not_start_is_given_up(void)
{
	start_with("workers: 1, name: old");
	toy_configure("{listen: [127.0.0.1:7111, 127.0.0.1:7113], workers: 2, fail: true}\n");
	toy_signal(SIGHUP);
	CU_ASSERT(toy_logged("event=reload-failed", 1));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "name"), "old");
	CU_ASSERT_EQUAL(toy_connect(OTHER), -ECONNREFUSED);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void address_that_cannot_be_bound_is_given_up(void)
{
	start_with("workers: 1, name: old");
	toy_configure("{listen: [127.0.0.1:7111, 192.0.2.1:7113], workers: 2}\n");
	toy_signal(SIGHUP);
	CU_ASSERT(toy_logged("event=cannot-listen at=192.0.2.1:7113", 1));
	CU_ASSERT(toy_logged("event=reload-failed", 1));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "name"), "old");
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

/* Each generation holds its place until its last connection is gone. */
static void reload_waits_for_those_that_drain(void)
{
	int busy[4];

	start_with("workers: 64");
	for (unsigned i = 0; i < 4; i++) {
		busy[i] = toy_connect(PORT);
		UNIT_ASSERT_TEXT(toy_ask(busy[i], "hold"), "held");
		if (i < 3)
			CU_ASSERT(reload_with("workers: 64"));
	}
	toy_signal(SIGHUP);
	CU_ASSERT(toy_logged("error=\"others still drain: try again later\"", 1));
	CU_ASSERT(toy_logged("event=reload-failed generation=4", 1));
	UNIT_ASSERT_TEXT(toy_ask(busy[3], "echo still"), "still");
	close(busy[0]);
	CU_ASSERT(toy_logged("event=drained generation=1", 1));
	CU_ASSERT(reload_with("workers: 2"));
	for (unsigned i = 1; i < 4; i++)
		close(busy[i]);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

static void counters_go_on_over_a_reload(void)
{
	start_with("workers: 1");
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "count"), "counted");
	CU_ASSERT(reload_with("workers: 2"));
	CU_ASSERT(toy_logged("event=drained", 1));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "count"), "counted");
	CU_ASSERT_EQUAL(toy_metric(METRICS, "toy_counted_total"), 2);
	CU_ASSERT_EQUAL(toy_stop(), 0);
}

/* --- the access log ---------------------------------------------------------------- */

/* How many lines of the file have `text`; -1: there is no such file. */
static int lines_with(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	char line[512];
	int count = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	fclose(file);
	return count;
}

static bool comes(const char *path, const char *text)
{
	for (unsigned i = 0; i < 300 && lines_with(path, text) < 1; i++)
		toy_sleep_ms(10);
	return lines_with(path, text) == 1;
}

static void access_log_is_opened_anew(void)
{
	struct passwd *user = getpwnam("nobody");
	struct stat status;

	/* Workers could not open a file here. */
	CU_ASSERT_EQUAL(mkdir(toy_path("logs"), 0700), 0);
	start_with("workers: 1, access-log: '@/logs/access.log'");
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "log before"), "logged");
	CU_ASSERT_EQUAL(rename(toy_path("logs/access.log"), toy_path("logs/access.log.1")), 0);
	toy_signal(SIGUSR1);
	CU_ASSERT(toy_logged("event=reopen-logs", 1));
	CU_ASSERT(comes(toy_path("logs/access.log.1"), "\"text\":\"before\"}"));
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "log after"), "logged");
	CU_ASSERT(comes(toy_path("logs/access.log"), "\"text\":\"after\"}"));
	CU_ASSERT_EQUAL(lines_with(toy_path("logs/access.log.1"), "after"), 0);
	CU_ASSERT_EQUAL(stat(toy_path("logs/access.log"), &status), 0);
	CU_ASSERT(geteuid() || !user || status.st_uid == user->pw_uid);
	CU_ASSERT_EQUAL(status.st_mode & 0777, 0640);
	/* What is not yet written when the daemon ends, is written then. */
	UNIT_ASSERT_TEXT(toy_ask_once(PORT, "log last"), "logged");
	CU_ASSERT_EQUAL(toy_stop(), 0);
	CU_ASSERT_EQUAL(lines_with(toy_path("logs/access.log"), "last"), 1);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(reload_under_a_storm_of_connections_refuses_none),
		UNIT_TEST(fewer_workers_serve_the_queues_of_all),
		UNIT_TEST(queue_of_a_removed_address_is_served_first),
		UNIT_TEST(running_connection_keeps_its_configuration),
		UNIT_TEST(wrong_file_changes_nothing),
		UNIT_TEST(generation_that_does_not_start_is_given_up),
		UNIT_TEST(address_that_cannot_be_bound_is_given_up),
		UNIT_TEST(reload_waits_for_those_that_drain),
		UNIT_TEST(counters_go_on_over_a_reload),
		UNIT_TEST(access_log_is_opened_anew),
		{},
	};
	int code;

	toy_enter();
	code = unit_run("process_reload", tests);
	toy_leave();
	return code;
}
