/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "toy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "sandbox.h"
#include "toy_private.h"

#define WAIT_S	 10
#define ANSWER_S 5

static char directory[64];
static pid_t master;

void toy_sleep_ms(unsigned ms)
{
	struct timespec delay = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&delay, NULL);
}

/* --- the directory --------------------------------------------------------------------- */

void toy_enter(void)
{
	const char *base = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	snprintf(directory, sizeof(directory), "%s/toy.XXXXXX", base ? base : "/tmp");
	if ((!geteuid() && sandbox_enter()) || !mkdtemp(directory) || chmod(directory, 0755)) {
		perror("toy");
		exit(EXIT_FAILURE);
	}
}

void toy_leave(void)
{
	char command[128];

	if (!geteuid())
		sandbox_leave();
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	if (system(command))
		perror(directory);
}

const char *toy_path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

void toy_configure(const char *format, ...)
{
	FILE *file = fopen(toy_path("new.yaml"), "we");
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const char *next = text; *next; next++)
		if (*next == '@')
			fputs(directory, file);
		else
			fputc(*next, file);
	fclose(file);
	if (rename(toy_path("new.yaml"), toy_path("toy.yaml")))
		perror("toy.yaml");
}

/* --- the daemon -------------------------------------------------------------------------- */

static unsigned times_logged(const char *text)
{
	FILE *file = fopen(toy_path("log"), "re");
	char line[2048];
	unsigned count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return count;
}

bool toy_logged(const char *text, unsigned times)
{
	for (unsigned i = 0; i < WAIT_S * 100; i++) {
		if (times_logged(text) >= times)
			return true;
		toy_sleep_ms(10);
	}
	return false;
}

static void run(void)
{
	int log = open(toy_path("log"), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	char config[128];
	char *argv[] = {"sluice-toy", "--config", config, NULL};

	strcpy(config, toy_path("toy.yaml"));
	dup2(log, STDERR_FILENO);
	close(log);
	exit(process_main(&toy_daemon, 3, argv));
}

bool toy_start(void)
{
	unlink(toy_path("log"));
	fflush(NULL);
	master = fork();
	if (!master)
		run();
	for (unsigned i = 0; i < WAIT_S * 100; i++) {
		if (times_logged("event=serving"))
			return true;
		if (!toy_is_running())
			return false;
		toy_sleep_ms(10);
	}
	return false;
}

pid_t toy_master(void)
{
	return master;
}

void toy_signal(int signal)
{
	kill(master, signal);
}

bool toy_is_running(void)
{
	siginfo_t info = {0};

	return master > 0 && !waitid(P_PID, (id_t)master, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       !info.si_pid;
}

int toy_wait(void)
{
	int status;

	for (unsigned i = 0; i < WAIT_S * 100 && toy_is_running(); i++)
		toy_sleep_ms(10);
	if (toy_is_running())
		return -1000;
	waitpid(master, &status, 0);
	if (times_logged("Sanitizer") || times_logged("runtime error"))
		return -2000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int toy_stop(void)
{
	int code;

	toy_signal(SIGTERM);
	code = toy_wait();
	if (code == -1000)
		kill(master, SIGKILL);
	return code;
}

/* --- the client --------------------------------------------------------------------------- */

static int connect_to(const void *address, socklen_t length, int family)
{
	struct timeval limit = {.tv_sec = ANSWER_S};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(fd, address, length))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int toy_connect(unsigned port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return connect_to(&to, sizeof(to), AF_INET);
}

int toy_connect_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	return connect_to(&to, sizeof(to), AF_UNIX);
}

void toy_send(int fd, const char *command)
{
	char line[300];
	int length = snprintf(line, sizeof(line), "%s\n", command);

	if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length)
		perror("send");
}

const char *toy_ask(int fd, const char *command)
{
	static char line[300];
	size_t length = 0;

	toy_send(fd, command);
	while (length < sizeof(line) - 1 && recv(fd, line + length, 1, 0) == 1)
		if (line[length++] == '\n') {
			line[length - 1] = '\0';
			return line;
		}
	return NULL;
}

const char *toy_ask_once(unsigned port, const char *command)
{
	int fd = toy_connect(port);
	const char *line;

	if (fd < 0)
		return NULL;
	line = toy_ask(fd, command);
	close(fd);
	return line;
}

bool toy_is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

char *toy_get(unsigned port, const char *path)
{
	char request[256], *text = calloc(1, 1 << 20);
	size_t length = 0;
	ssize_t got = 1;
	int fd = toy_connect(port);

	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: monitor\r\nConnection: close\r\n\r", path);
	if (fd < 0)
		return text;
	toy_send(fd, request);
	while (got > 0 && length < (1 << 20) - 1) {
		got = recv(fd, text + length, (1 << 20) - 1 - length, 0);
		length += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return text;
}

double toy_metric(unsigned port, const char *sample)
{
	char *text = toy_get(port, "/metrics"), line[256];
	const char *found;
	double value = -1;

	snprintf(line, sizeof(line), "\n%s ", sample);
	found = strstr(text, line);
	if (found)
		value = strtod(found + strlen(line), NULL);
	free(text);
	return value;
}

bool toy_metric_reaches(unsigned port, const char *sample, double value)
{
	for (unsigned i = 0; i < WAIT_S * 100; i++) {
		if (toy_metric(port, sample) >= value)
			return true;
		toy_sleep_ms(10);
	}
	return false;
}
