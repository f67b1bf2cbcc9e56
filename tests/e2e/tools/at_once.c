/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * at_once PORT COUNT PATH: sends COUNT requests to 127.0.0.1 at once, each on a
 * connection of its own, then waits for all. Prints how many answers came with which
 * status, and the milliseconds from the first request to the last answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 60000

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_one(in_port_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("at_once: connect");
		exit(2);
	}
	return fd;
}

/* The status of the answer, or 0 if there is none. */
static int read_status(int fd)
{
	char text[4096] = "";
	int status = 0;

	if (recv(fd, text, sizeof(text) - 1, 0) <= 0 || sscanf(text, "HTTP/1.1 %d", &status) != 1)
		return 0;
	return status;
}

static void print(const int *statuses, long took_ms)
{
	for (int status = 0; status < 600; status++)
		if (statuses[status])
			printf("%d of %d, ", statuses[status], status);
	printf("%ld ms\n", took_ms);
}

int main(int argc, char **argv)
{
	static int statuses[600];
	struct rlimit files = {20000, 20000};
	size_t count, left;
	struct pollfd *fds;
	char request[512];
	long started;

	if (argc != 4) {
		fprintf(stderr, "usage: at_once PORT COUNT PATH\n");
		return 1;
	}
	left = count = strtoul(argv[2], NULL, 10);
	setrlimit(RLIMIT_NOFILE, &files);
	fds = calloc(count, sizeof(*fds));
	if (!fds)
		return 2;
	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){open_one((in_port_t)atoi(argv[1])), POLLIN, 0};
	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", argv[3]);
	started = now_ms();
	for (size_t i = 0; i < count; i++)
		if (send(fds[i].fd, request, strlen(request), MSG_NOSIGNAL) < 0)
			perror("at_once: send");
	while (left && now_ms() - started < TIMEOUT_MS && poll(fds, count, 1000) >= 0)
		for (size_t i = 0; i < count; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			statuses[read_status(fds[i].fd) % 600]++;
			close(fds[i].fd);
			fds[i].fd = -1;
			left--;
		}
	print(statuses, now_ms() - started);
	free(fds);
	return left ? 2 : 0;
}
