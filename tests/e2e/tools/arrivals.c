/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Opens a new HTTPS connection every I ms, asks once and closes, until SIGTERM.
 * Prints one JSON line for each when it has ended: when it began, how long it
 * took, how it ended, which TLS proxy answered. Nothing is tried twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "client.h"

#define MAX_OPEN 1024
#define EVENTS	 64
#define TICK_MS	 2
#define MS_IN_NS 1000000ULL

struct arrival {
	struct https https; /* first: what epoll points to */
	bool used;
	uint64_t opened_ns;
	uint64_t unix_ms;
};

static uint64_t unix_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static void finish(struct arrival *arrival)
{
	const struct https *h = &arrival->https;

	printf("{\"at_ms\": %llu, \"took_ms\": %llu, \"end\": \"%s\", \"status\": %d, "
	       "\"tls\": \"%s\", \"port\": %u}\n",
	       (unsigned long long)arrival->unix_ms,
	       (unsigned long long)((https_now_ns() - arrival->opened_ns) / MS_IN_NS),
	       https_end_names[h->end], h->status, h->tls_node, h->local_port);
	fflush(stdout);
	arrival->used = false;
}

static int open_one(const struct client *client, struct arrival *arrivals, size_t turn)
{
	struct arrival *arrival = arrivals;
	int err;

	while (arrival < arrivals + MAX_OPEN && arrival->used)
		arrival++;
	if (arrival == arrivals + MAX_OPEN)
		return -EMFILE;
	arrival->used = true;
	arrival->opened_ns = https_now_ns();
	arrival->unix_ms = unix_now_ms();
	err = https_open(&arrival->https, client->epoll, client_site(client, turn));
	if (!err && arrival->https.phase == HTTPS_ENDED)
		finish(arrival);
	return err;
}

static void on_event(const struct client *client, struct arrival *arrival, enum https_event event)
{
	struct https *h = &arrival->https;

	if (event == HTTPS_READY)
		https_get(h, client_site(client, 0), client_path(client, 0));
	else if (event == HTTPS_ANSWERED)
		https_close(h, HTTPS_ENDED_BY_US);
	if (h->phase == HTTPS_ENDED)
		finish(arrival);
}

/* Ends what has waited too long; returns how many are still open. */
static unsigned on_tick(const struct client *client, struct arrival *arrivals)
{
	uint64_t now = https_now_ns();
	unsigned open = 0;

	for (size_t i = 0; i < MAX_OPEN; i++) {
		struct arrival *arrival = &arrivals[i];

		if (!arrival->used)
			continue;
		if (now - arrival->opened_ns < client->timeout_ms * MS_IN_NS) {
			open++;
			continue;
		}
		https_close(&arrival->https, HTTPS_ENDED_TIMEOUT);
		finish(arrival);
	}
	return open;
}

static int run(const struct client *client, struct arrival *arrivals)
{
	uint64_t next_ns = https_now_ns();
	struct epoll_event events[EVENTS];
	unsigned open = 0;
	size_t turn = 0;
	int count, err = 0;

	while (!err && (!client_stopping || open)) {
		if (!client_stopping && https_now_ns() >= next_ns) {
			next_ns += client->interval_ms * MS_IN_NS;
			err = open_one(client, arrivals, turn++);
		}
		count = epoll_wait(client->epoll, events, EVENTS, TICK_MS);
		for (int i = 0; i < count; i++)
			on_event(client, events[i].data.ptr, https_drive(events[i].data.ptr));
		open = on_tick(client, arrivals);
	}
	return err;
}

int main(int argc, char **argv)
{
	struct arrival *arrivals = calloc(MAX_OPEN, sizeof(*arrivals));
	struct client client;
	int code, err;

	code = client_init(&client, argc, argv);
	if (code || !arrivals)
		return code ? code : 2;
	err = run(&client, arrivals);
	if (err)
		fprintf(stderr, "arrivals: opening a connection: %s\n", strerror(-err));
	free(arrivals);
	client_fini(&client);
	return err ? 2 : 0;
}
