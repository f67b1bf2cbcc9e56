/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Accepting connections in a child. Few at a time, so that those that run are
 * served in between and the other workers of a UNIX socket get theirs. At the
 * limit of connections, or of descriptors, connections wait in the kernel.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "process_private.h"

#define BATCH	       16
#define RETRY_DELAY_NS (100 * NS_PER_MS)

static void count(struct acceptors *all, enum board_counter counter)
{
	container_of(all, struct process_child, acceptors)->slot->values[counter]++;
}

static void watch_all(struct acceptors *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct acceptor *acceptor = &all->items[i];
		/* Of all workers that share a socket only some are to wake up. */
		uint32_t events = EPOLLIN | (acceptor->is_unix ? EPOLLEXCLUSIVE : 0);
		int err =
			loop_watch_add(&all->worker->loop, &acceptor->watch, acceptor->fd, events);

		if (err)
			log_error("process", "event=cannot-accept error=%d", -err);
	}
}

static void unwatch_all(struct acceptors *all)
{
	for (size_t i = 0; i < all->count; i++)
		loop_watch_del(&all->worker->loop, &all->items[i].watch);
}

static void pause_accepting(struct acceptors *all, enum board_counter why)
{
	if (all->paused)
		return;
	all->paused = true;
	count(all, why);
	unwatch_all(all);
	if (why == BOARD_PAUSES_FILES &&
	    loop_timer_arm(&all->worker->loop, &all->retry, RETRY_DELAY_NS))
		all->paused = false; /* rather busy than deaf */
	if (!all->paused)
		watch_all(all);
}

static void continue_accepting(struct acceptors *all)
{
	if (!all->paused || !all->started)
		return;
	all->paused = false;
	watch_all(all);
}

static void on_retry(struct loop_timer *timer)
{
	continue_accepting(container_of(timer, struct acceptors, retry));
}

void acceptors_resume(struct acceptors *all)
{
	if (all->paused && !all->retry.position && all->worker->connections < all->connections_max)
		continue_accepting(all);
}

/* --- accepting -------------------------------------------------------------------------- */

static void hand_over(struct acceptors *all, const struct acceptor *acceptor, int fd,
		      const struct sockaddr_storage *peer)
{
	struct process_child *child = container_of(all, struct process_child, acceptors);
	int on = 1;

	if (!acceptor->is_unix)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	child->slot->values[BOARD_ACCEPTED]++;
	child->slot->connections = ++all->worker->connections;
	all->accepted(all->worker, fd, &all->listeners[acceptor->listener], peer);
}

static bool is_out_of_resources(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM;
}

/* 0: a connection was accepted, or was gone already; else -errno. */
static int accept_one(struct acceptors *all, const struct acceptor *acceptor)
{
	struct sockaddr_storage peer = {0};
	socklen_t length = sizeof(peer);
	int fd = accept4(acceptor->fd, (struct sockaddr *)&peer, &length,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		hand_over(all, acceptor, fd, &peer);
		return 0;
	}
	/* Anything else is an error of that connection: accept(2). */
	return errno == EAGAIN || is_out_of_resources(-errno) || errno == EINVAL ? -errno : 0;
}

static void accept_some(struct acceptors *all, const struct acceptor *acceptor, unsigned most)
{
	int err = 0;

	while (!err && most-- && all->started) {
		if (all->worker->connections >= all->connections_max) {
			pause_accepting(all, BOARD_PAUSES_LIMIT);
			return;
		}
		err = accept_one(all, acceptor);
	}
	if (is_out_of_resources(err))
		pause_accepting(all, BOARD_PAUSES_FILES);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct acceptor *acceptor = container_of(watch, struct acceptor, watch);

	(void)events;
	accept_some(acceptor->all, acceptor, BATCH);
}

/* --- beginning and end ------------------------------------------------------------------ */

int acceptors_add(struct acceptors *all, int fd, unsigned listener, bool is_unix)
{
	struct acceptor *items = reallocarray(all->items, all->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	all->items = items;
	items[all->count++] = (struct acceptor){
		.watch = {.fd = LOOP_NO_FD, .ready = on_ready},
		.all = all,
		.fd = fd,
		.listener = listener,
		.is_unix = is_unix,
	};
	return 0;
}

void acceptors_start(struct acceptors *all)
{
	all->retry.expired = on_retry;
	all->started = true;
	watch_all(all);
}

void acceptors_finish(struct acceptors *all, uint64_t queues)
{
	loop_timer_disarm(&all->worker->loop, &all->retry);
	unwatch_all(all);
	for (size_t i = 0; i < all->count; i++)
		if (queues & (uint64_t)1 << all->items[i].listener)
			accept_some(all, &all->items[i], PROCESS_BACKLOG);
	/* Whoever accepted a connection may have closed another, or run out of descriptors. */
	loop_timer_disarm(&all->worker->loop, &all->retry);
	unwatch_all(all);
	for (size_t i = 0; i < all->count; i++)
		close(all->items[i].fd);
	all->started = false;
	all->count = 0;
}
