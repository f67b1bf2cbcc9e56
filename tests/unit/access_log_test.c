/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Access logs: whatever a client sends, a line is one line of JSON; and a disk
 * that is full costs lines, never waits and never joins two.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access_log.h"
#include "../support/random.h"
#include "../support/unit.h"

static struct loop loop;
static struct access_log log_;
static uint64_t lost;
static char path[128];

static void open_log(void)
{
	const char *base = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(path), "%s/access_log_test.XXXXXX", base ? base : "/tmp");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	lost = 0;
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	fd = access_log_open(path, (uid_t)-1, (gid_t)-1);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(access_log_init(&log_, &loop, fd, &lost), 0);
}

/* What is in the file; the caller frees it. */
static char *content(void)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1 << 22);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT(fread(text, 1, (1 << 22) - 1, file) < (1 << 22) - 1);
	fclose(file);
	return text;
}

static char *close_log(void)
{
	char *text;

	access_log_fini(&log_);
	loop_fini(&loop);
	text = content();
	unlink(path);
	return text;
}

/* The one line as JSON; the caller releases it. */
static json_t *only_line(const char *text)
{
	json_error_t error;
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	CU_ASSERT_PTR_EQUAL(strchr(text, '\n'), text + strlen(text) - 1);
	return line;
}

/* What a value becomes, as it stands in the file, without its quotes. */
static void assert_written(const char *value, size_t length, const char *expected)
{
	char *text, *begin;

	open_log();
	access_log_begin(&log_);
	access_log_text(&log_, "v", value, length);
	access_log_end(&log_);
	text = close_log();
	json_decref(only_line(text));
	begin = strstr(text, ",\"v\":\"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(begin);
	begin += strlen(",\"v\":\"");
	begin[strlen(begin) - strlen("\"}\n")] = '\0';
	UNIT_ASSERT_TEXT(begin, expected);
	free(text);
}

/* --- lines ----------------------------------------------------------------------------------- */

static void line_has_its_keys_in_order(void)
{
	unsigned year, month, day, hour, minute, second, ms;
	char *text, *rest;

	open_log();
	access_log_begin(&log_);
	access_log_text(&log_, "path", "/a b", 4);
	access_log_uint(&log_, "status", 200);
	access_log_uint(&log_, "most", UINT64_MAX);
	access_log_ms(&log_, "ms", 12345678);
	access_log_ms(&log_, "zero", 999);
	access_log_end(&log_);
	text = close_log();
	CU_ASSERT_EQUAL(sscanf(text, "{\"time\":\"%4u-%2u-%2uT%2u:%2u:%2u.%3uZ\"", &year, &month,
			       &day, &hour, &minute, &second, &ms),
			7);
	rest = strchr(text, ',');
	CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
	UNIT_ASSERT_TEXT(rest, ",\"path\":\"/a b\",\"status\":200,\"most\":18446744073709551615,"
			       "\"ms\":12.345,\"zero\":0.000}\n");
	free(text);
}

#define ASSERT_WRITTEN(value, expected) assert_written(value, sizeof(value) - 1, expected)

static void any_bytes_are_escaped(void)
{
	ASSERT_WRITTEN("plain", "plain");
	ASSERT_WRITTEN("", "");
	ASSERT_WRITTEN("\"\\/", "\\\"\\\\/");
	ASSERT_WRITTEN("a\r\n\tb\x7f", "a\\u000d\\u000a\\u0009b\\u007f");
	ASSERT_WRITTEN("nul\0end", "nul\\u0000end");
	ASSERT_WRITTEN("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		       "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void bytes_that_are_not_utf8_are_replaced(void)
{
	ASSERT_WRITTEN("\xff", "\\ufffd");
	ASSERT_WRITTEN("\x80y", "\\ufffdy");
	ASSERT_WRITTEN("\xc3", "\\ufffd");				    /* ends early */
	ASSERT_WRITTEN("\xc0\xaf", "\\ufffd\\ufffd");			    /* overlong */
	ASSERT_WRITTEN("\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd");	    /* overlong */
	ASSERT_WRITTEN("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd");	    /* surrogate */
	ASSERT_WRITTEN("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"); /* too high */
	ASSERT_WRITTEN("\xe2\x82(", "\\ufffd\\ufffd(");
}

static void long_values_are_cut_and_the_line_says_so(void)
{
	char *value = malloc(3 * ACCESS_LOG_LINE_BYTES), *text;
	json_t *line;

	for (unsigned escape = 0; escape < 2; escape++) {
		memset(value, escape ? 1 : 'x', 3 * ACCESS_LOG_LINE_BYTES);
		open_log();
		access_log_begin(&log_);
		access_log_text(&log_, "first", "1", 1);
		access_log_text(&log_, "long", value, 3 * ACCESS_LOG_LINE_BYTES);
		access_log_uint(&log_, "behind", 1);
		access_log_end(&log_);
		text = close_log();
		CU_ASSERT(strlen(text) <= ACCESS_LOG_LINE_BYTES);
		CU_ASSERT(strlen(text) > ACCESS_LOG_LINE_BYTES - 32);
		line = only_line(text);
		CU_ASSERT(json_is_true(json_object_get(line, "cut")));
		CU_ASSERT_PTR_NOT_NULL(json_object_get(line, "long"));
		CU_ASSERT_PTR_NULL(json_object_get(line, "behind"));
		json_decref(line);
		free(text);
	}
	free(value);
}

static void random_values_make_lines_of_json(void)
{
	struct random random;
	char value[300], *text, *next;

	random_init(&random, 1);
	open_log();
	for (unsigned i = 0; i < 2000; i++) {
		size_t length = random_below(&random, sizeof(value));

		for (size_t j = 0; j < length; j++)
			value[j] = (char)random_below(&random, 256);
		access_log_begin(&log_);
		access_log_text(&log_, "v", value, length);
		access_log_end(&log_);
	}
	text = next = close_log();
	for (unsigned i = 0; i < 2000; i++) {
		char *end = strchr(next, '\n');
		json_t *line;

		CU_ASSERT_PTR_NOT_NULL_FATAL(end);
		*end = '\0';
		line = json_loads(next, JSON_ALLOW_NUL, NULL);
		CU_ASSERT_PTR_NOT_NULL(line);
		json_decref(line);
		next = end + 1;
	}
	CU_ASSERT_EQUAL(*next, '\0');
	CU_ASSERT_EQUAL(lost, 0);
	free(text);
}

/* --- the file --------------------------------------------------------------------------------- */

static void one_line(const char *text)
{
	access_log_begin(&log_);
	access_log_text(&log_, "t", text, strlen(text));
	access_log_end(&log_);
}

static void on_stop(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(&loop);
}

static void let_it_write(void)
{
	struct loop_timer stop = {.expired = on_stop};

	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &stop, (ACCESS_LOG_DELAY_MS + 100) * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
}

static void lines_are_written_after_a_while(void)
{
	char *text;

	open_log();
	one_line("early");
	text = content();
	UNIT_ASSERT_TEXT(text, "");
	free(text);
	let_it_write();
	text = content();
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "early"));
	free(text);
	free(close_log());
}

static void without_a_file_every_call_returns(void)
{
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	CU_ASSERT_EQUAL(access_log_init(&log_, &loop, -1, &lost), 0);
	one_line("nowhere");
	access_log_begin(&log_);
	access_log_uint(&log_, "n", 1);
	access_log_ms(&log_, "ms", 1);
	access_log_end(&log_);
	access_log_fini(&log_);
	loop_fini(&loop);
}

/* A limit of the file's size stands for a disk that is full for a while. */
static void full_disk_costs_lines_and_joins_none(void)
{
	struct rlimit before, small;
	char *text, *end;
	json_t *line;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){90, before.rlim_max};
	open_log();
	setrlimit(RLIMIT_FSIZE, &small);
	one_line("first");
	one_line("second");
	one_line("third");
	let_it_write();
	CU_ASSERT_EQUAL(lost, 2);
	setrlimit(RLIMIT_FSIZE, &before);
	one_line("fourth");
	text = close_log();
	end = strrchr(text, '{');
	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	CU_ASSERT_EQUAL(end[-1], '\n');
	line = only_line(end);
	UNIT_ASSERT_TEXT(json_string_value(json_object_get(line, "t")), "fourth");
	json_decref(line);
	CU_ASSERT_EQUAL(lost, 2);
	free(text);
}

static void pipe_that_nobody_reads_does_not_block(void)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	lost = 0;
	CU_ASSERT_EQUAL_FATAL(access_log_init(&log_, &loop, ends[1], &lost), 0);
	for (unsigned i = 0; i < 5000; i++)
		one_line("into a pipe of 64 KiB");
	access_log_fini(&log_);
	CU_ASSERT(lost > 3000);
	close(ends[0]);
	loop_fini(&loop);
}

static void file_that_cannot_be_opened_is_an_error(void)
{
	CU_ASSERT_EQUAL(access_log_open("/nonexistent/access.log", (uid_t)-1, (gid_t)-1), -ENOENT);
	CU_ASSERT_EQUAL(access_log_open("/", (uid_t)-1, (gid_t)-1), -EISDIR);
}

/* A user who owns the directory would have root write to files of others. */
static void links_are_not_followed(void)
{
	char other[160];

	open_log();
	snprintf(other, sizeof(other), "%s.link", path);
	CU_ASSERT_EQUAL(symlink(path, other), 0);
	CU_ASSERT_EQUAL(access_log_open(other, (uid_t)-1, (gid_t)-1), -ELOOP);
	unlink(other);
	CU_ASSERT_EQUAL(link(path, other), 0);
	CU_ASSERT_EQUAL(access_log_open(other, (uid_t)-1, (gid_t)-1), -EMLINK);
	unlink(other);
	free(close_log());
}

#define WRITERS 4
#define LINES	3000

static void write_many(char letter)
{
	char value[200];

	memset(value, letter, sizeof(value));
	for (unsigned i = 0; i < LINES; i++) {
		access_log_begin(&log_);
		access_log_text(&log_, "t", value, sizeof(value));
		access_log_end(&log_);
	}
	access_log_fini(&log_);
	_exit(lost != 0);
}

static void lines_of_several_processes_do_not_mix(void)
{
	unsigned count = 0;
	char *text;
	int status;

	open_log();
	fflush(NULL);
	for (unsigned i = 0; i < WRITERS; i++)
		if (!fork())
			write_many((char)('a' + i));
	for (unsigned i = 0; i < WRITERS; i++) {
		CU_ASSERT(wait(&status) > 0);
		CU_ASSERT_EQUAL(status, 0);
	}
	text = close_log();
	for (char *next = text, *end; (end = strchr(next, '\n')); next = end + 1, count++) {
		json_t *line = json_loadb(next, (size_t)(end - next), 0, NULL);
		const char *value = json_string_value(json_object_get(line, "t"));

		CU_ASSERT_PTR_NOT_NULL_FATAL(value);
		CU_ASSERT_EQUAL(strspn(value, (char[]){value[0], '\0'}), 200);
		json_decref(line);
	}
	CU_ASSERT_EQUAL(count, WRITERS * LINES);
	free(text);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(line_has_its_keys_in_order),
		UNIT_TEST(any_bytes_are_escaped),
		UNIT_TEST(bytes_that_are_not_utf8_are_replaced),
		UNIT_TEST(long_values_are_cut_and_the_line_says_so),
		UNIT_TEST(random_values_make_lines_of_json),
		UNIT_TEST(lines_are_written_after_a_while),
		UNIT_TEST(without_a_file_every_call_returns),
		UNIT_TEST(full_disk_costs_lines_and_joins_none),
		UNIT_TEST(pipe_that_nobody_reads_does_not_block),
		UNIT_TEST(file_that_cannot_be_opened_is_an_error),
		UNIT_TEST(links_are_not_followed),
		UNIT_TEST(lines_of_several_processes_do_not_mix),
		{},
	};

	return unit_run("access_log", tests);
}
