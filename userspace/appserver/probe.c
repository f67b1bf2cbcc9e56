/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The child writes lines to a pipe: 'R' and a route, or 'E', line, column and what is wrong. The
 * master reads them, and waits no longer than PROBE_TIMEOUT_MS.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module.h"
#include "privileges.h"

#define ANSWER_BYTES (256u << 10)

/* --- the child ---------------------------------------------------------------------- */

static FILE *answer;

static void write_route(const char *label)
{
	fprintf(answer, "R%s\n", label);
}

static void become(const struct process_settings *settings)
{
	const struct passwd *user;

	if (geteuid())
		return;
	user = getpwnam(settings->user);
	if (!user || initgroups(user->pw_name, user->pw_gid) || setgid(user->pw_gid) ||
	    setuid(user->pw_uid) || privileges_keep(NULL, 0)) {
		fprintf(answer, "E0:0:user \"%s\": %s\n", settings->user,
			user ? strerror(errno) : "no such user");
		fflush(answer);
		_exit(1);
	}
}

static void run_child(const struct app_config *config, int fd)
{
	static struct modules modules;
	struct diag_list diags = {0};
	sigset_t none;

	answer = fdopen(fd, "w");
	if (!answer)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	become(&config->process);
	if (modules_start(&modules, config, write_route, &diags))
		for (size_t i = 0; i < diags.count; i++)
			fprintf(answer, "E%u:%u:%s\n", diags.items[i].at.line,
				diags.items[i].at.column, diags.items[i].text);
	else
		modules_stop(&modules);
	fflush(answer);
	_exit(0);
}

/* --- the master --------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	return (int64_t)(loop_clock_ns() / NS_PER_MS);
}

/* Reads to the end of the pipe: the length, or -errno. */
static ssize_t read_answer(int fd, char *text, size_t size)
{
	int64_t deadline_ms = now_ms() + PROBE_TIMEOUT_MS;
	size_t length = 0;

	while (length < size) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		int64_t left_ms = deadline_ms - now_ms();
		ssize_t got;

		if (left_ms <= 0 || !poll(&poll_fd, 1, (int)left_ms))
			return -ETIMEDOUT;
		got = read(fd, text + length, size - length);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			return (ssize_t)length;
		length += got > 0 ? (size_t)got : 0;
	}
	return -EMSGSIZE;
}

static void take_line(const char *line, void (*route)(const char *label), struct diag_list *diags)
{
	struct place at;
	int used = 0;

	if (*line == 'R')
		route(line + 1);
	else if (sscanf(line, "E%u:%u:%n", &at.line, &at.column, &used) == 2 && used)
		diag_add(diags, at, "%s", line + used);
}

static void take_answer(char *text, size_t length, void (*route)(const char *label),
			struct diag_list *diags)
{
	char *line, *rest = text;

	text[length] = '\0';
	while ((line = strsep(&rest, "\n")))
		take_line(line, route, diags);
}

static void take_end(int status, struct diag_list *diags)
{
	if (WIFSIGNALED(status))
		diag_add(diags, (struct place){0},
			 "modules: loading them ended with signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) && !diags->count)
		diag_add(diags, (struct place){0}, "modules: loading them ended with status %d",
			 WEXITSTATUS(status));
}

static int read_child(pid_t child, int fd, void (*route)(const char *label),
		      struct diag_list *diags)
{
	char *text = malloc(ANSWER_BYTES + 1);
	ssize_t length = text ? read_answer(fd, text, ANSWER_BYTES) : -ENOMEM;
	int status = 0;

	if (length < 0)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (length < 0) {
		diag_add(diags, (struct place){0}, "modules: loading them: %s",
			 strerror((int)-length));
	} else {
		take_answer(text, (size_t)length, route, diags);
		take_end(status, diags);
	}
	free(text);
	return diags->count ? -EINVAL : 0;
}

int probe_modules(const struct app_config *config, void (*route)(const char *label),
		  struct diag_list *diags)
{
	int ends[2], err;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child) {
		close(ends[0]);
		run_child(config, ends[1]);
	}
	close(ends[1]);
	err = child < 0 ? -errno : read_child(child, ends[0], route, diags);
	close(ends[0]);
	return err;
}
