/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Configuration files of the daemons, and their command line: what is read,
 * and what whoever wrote something else is told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "process.h"
#include "settings.h"
#include "../support/capture.h"
#include "../support/toy_private.h"
#include "../support/unit.h"

struct config {
	unsigned number;
	struct process_settings process;
};

static const struct field fields[] = {
	{"number", .read = read_scalar, .parse = parse_number, FIELD_MEMBER(struct config, number),
	 .min = 1, .max = 9},
	PROCESS_FIELDS(struct config, process),
	{},
};

static char path[128];

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(text, 1, length, file), length);
	fclose(file);
}

/* Reads the text; returns what settings_read() does and what settings_print() prints. */
static int read_text(const char *text, struct config *config, char **printed)
{
	struct diag_list diags = {0};
	int err;

	write_file(text, strlen(text));
	process_settings_init(&config->process);
	err = settings_read(path, fields, config, &diags);
	capture_start();
	settings_print("sluice-test", &diags);
	*printed = capture_end();
	diag_fini(&diags);
	return err;
}

/* `expected` is without "sluice-test: PATH" in front. */
static void assert_refused(const char *text, const char *expected)
{
	struct config config;
	char *printed, all[1024];

	CU_ASSERT_EQUAL(read_text(text, &config, &printed), -EINVAL);
	snprintf(all, sizeof(all), "sluice-test: %s:%s\n", path, expected);
	UNIT_ASSERT_TEXT(printed, all);
	free(printed);
}

/* --- files ---------------------------------------------------------------------------- */

static void keys_of_all_daemons_are_read(void)
{
	struct config config;
	char *printed, buf[ENDPOINT_TEXT_LEN];

	CU_ASSERT_EQUAL(read_text("number: 7\n"
				  "workers: 3\n"
				  "connections: 1000\n"
				  "drain: 90s\n"
				  "watchdog: 500ms\n"
				  "node: web1\n"
				  "user: www-data\n"
				  "access-log: /var/log/sluice/access.log\n"
				  "metrics: '[::1]:9101'\n",
				  &config, &printed),
			0);
	UNIT_ASSERT_TEXT(printed, "");
	CU_ASSERT_EQUAL(config.number, 7);
	CU_ASSERT_EQUAL(config.process.workers, 3);
	CU_ASSERT_EQUAL(config.process.connections, 1000);
	CU_ASSERT_EQUAL(config.process.drain_ms, 90000);
	CU_ASSERT_EQUAL(config.process.watchdog_ms, 500);
	UNIT_ASSERT_TEXT(config.process.node, "web1");
	UNIT_ASSERT_TEXT(config.process.user, "www-data");
	UNIT_ASSERT_TEXT(config.process.access_log, "/var/log/sluice/access.log");
	CU_ASSERT(config.process.has_metrics);
	UNIT_ASSERT_TEXT(endpoint_format(&config.process.metrics, buf), "[::1]:9101");
	free(printed);
}

static void what_is_left_out_has_a_default(void)
{
	struct config config;
	char *printed;

	setenv("SLUICE_NODE", "app7", 1);
	CU_ASSERT_EQUAL(read_text("number: 1\n", &config, &printed), 0);
	CU_ASSERT(config.process.workers >= 1 && config.process.workers <= PROCESS_MAX_WORKERS);
	CU_ASSERT(config.process.connections > 0);
	CU_ASSERT(config.process.drain_ms > 0);
	CU_ASSERT(config.process.watchdog_ms > 0);
	UNIT_ASSERT_TEXT(config.process.node, "app7");
	UNIT_ASSERT_TEXT(config.process.user, "nobody");
	UNIT_ASSERT_TEXT(config.process.access_log, "");
	CU_ASSERT_FALSE(config.process.has_metrics);
	unsetenv("SLUICE_NODE");
	free(printed);
}

static void all_mistakes_come_in_one_run_with_their_places(void)
{
	char expected[1024];

	snprintf(expected, sizeof(expected),
		 "1:9: number \"10\": expected a number from 1 to 9\n"
		 "sluice-test: %s:2:1: unknown key \"wrokers\" (did you mean \"workers\"?)\n"
		 "sluice-test: %s:4:10: metrics \"everywhere\": expected address and port, as in "
		 "192.0.2.10:9101 or \"[2001:db8::10]:9101\"",
		 path, path);
	assert_refused("number: 10\nwrokers: 2\ndrain: 1s\nmetrics: everywhere\n", expected);
}

static void files_of_another_kind_are_refused(void)
{
	assert_refused("", "1:1: nothing in it: expected a mapping of keys to values");
	assert_refused("- 1\n", "1:1: expected a mapping of keys to values");
	assert_refused("{", "2:1: not valid YAML: did not find expected node content, "
			    "while parsing a flow node");
}

static void assert_unreadable(const char *name, int expected, const char *why)
{
	struct diag_list diags = {0};
	struct config config;

	CU_ASSERT_EQUAL(settings_read(name, fields, &config, &diags), expected);
	CU_ASSERT_EQUAL_FATAL(diags.count, 1);
	UNIT_ASSERT_TEXT(diags.items[0].text, why);
	diag_fini(&diags);
}

static void files_that_cannot_be_read_are_told(void)
{
	assert_unreadable("/nonexistent/web.yaml", -ENOENT,
			  "cannot be read: No such file or directory");
	assert_unreadable("/tmp", -EINVAL, "cannot be read: not a file");
	/* Reading it would wait for ever. */
	unlink(path);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	assert_unreadable(path, -EINVAL, "cannot be read: not a file");
	unlink(path);
}

static void file_beyond_the_limit_is_refused(void)
{
	char *text = malloc(CONFIG_MAX_BYTES + 10);

	memset(text, '#', CONFIG_MAX_BYTES + 10);
	write_file(text, CONFIG_MAX_BYTES + 10);
	assert_unreadable(path, -EINVAL, "too large: 4194305 bytes, expected at most 4194304");
	free(text);
}

/* --- the command line -------------------------------------------------------------------- */

/* Runs the toy daemon with these arguments; its output goes to `out`. */
static int run(char *const *arguments, char *out, size_t size)
{
	char *argv[8] = {"sluice-toy"};
	int ends[2], status, argc = 1;
	size_t length = 0;
	ssize_t got;
	pid_t pid;

	for (; arguments[argc - 1]; argc++)
		argv[argc] = arguments[argc - 1];
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		exit(process_main(&toy_daemon, argc, argv));
	}
	close(ends[1]);
	while ((got = read(ends[0], out + length, size - 1 - length)) > 0)
		length += (size_t)got;
	out[length] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(out, ...) run((char *[]){__VA_ARGS__, NULL}, out, sizeof(out))

static void check_says_whether_a_file_is_right(void)
{
	char out[1024], expected[1024];

	write_file("listen: 127.0.0.1:7121\n", strlen("listen: 127.0.0.1:7121\n"));
	CU_ASSERT_EQUAL(RUN(out, "--config", path, "--check"), 0);
	snprintf(expected, sizeof(expected), "sluice-toy: %s: ok\n", path);
	UNIT_ASSERT_TEXT(out, expected);
	write_file("listen: here\n", strlen("listen: here\n"));
	CU_ASSERT_EQUAL(RUN(out, "-c", path, "--check"), 1);
	snprintf(expected, sizeof(expected),
		 "sluice-toy: %s:1:9: listen \"here\": expected an endpoint\n", path);
	UNIT_ASSERT_TEXT(out, expected);
}

static void user_must_exist_when_root_starts_it(void)
{
	const char *text = "user: nobody-of-this-name\n";
	char out[1024];

	if (geteuid())
		return;
	write_file(text, strlen(text));
	CU_ASSERT_EQUAL(RUN(out, "-c", path, "--check"), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "user \"nobody-of-this-name\": there is no such user"));
}

static void options_are_whole_words(void)
{
	char out[4096];

	CU_ASSERT_EQUAL(RUN(out, "--chec"), 1);
	UNIT_ASSERT_TEXT(out, "sluice-toy: unknown option \"--chec\" (--help lists them)\n");
	CU_ASSERT_EQUAL(RUN(out, "start"), 1);
	UNIT_ASSERT_TEXT(out, "sluice-toy: \"start\": expected no argument besides options\n");
	CU_ASSERT_EQUAL(RUN(out, "--version"), 0);
	CU_ASSERT_EQUAL(strncmp(out, "sluice-toy ", 11), 0);
	CU_ASSERT_EQUAL(RUN(out, "--help"), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "--config FILE  the configuration; else "
					   "/etc/sluice/toy.yaml"));
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(keys_of_all_daemons_are_read),
		UNIT_TEST(what_is_left_out_has_a_default),
		UNIT_TEST(all_mistakes_come_in_one_run_with_their_places),
		UNIT_TEST(files_of_another_kind_are_refused),
		UNIT_TEST(files_that_cannot_be_read_are_told),
		UNIT_TEST(file_beyond_the_limit_is_refused),
		UNIT_TEST(check_says_whether_a_file_is_right),
		UNIT_TEST(user_must_exist_when_root_starts_it),
		UNIT_TEST(options_are_whole_words),
		{},
	};
	const char *base = getenv("TMPDIR");
	int fd, code;

	snprintf(path, sizeof(path), "%s/settings_test.XXXXXX", base ? base : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return EXIT_FAILURE;
	close(fd);
	code = unit_run("settings", tests);
	unlink(path);
	return code;
}
