/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The event loop of every daemon: one thread, epoll, timers.
 *
 * Watches and timers are embedded in the structures that they serve, so that
 * nothing is allocated per event; container_of() leads back. A callback may
 * remove or free any watch or timer, its own too: an event that was already
 * fetched for a removed watch is not delivered.
 */
#ifndef SLUICE_LOOP_H
#define SLUICE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "compiler.h"

#define LOOP_BATCH 64 /* events fetched at a time */
#define NS_PER_MS  1000000ull
#define NS_PER_SEC 1000000000ull
#define LOOP_NO_FD (-1)

struct loop_watch {
	int fd; /* LOOP_NO_FD: not watched */
	/* `events` as epoll reports them: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP. */
	void (*ready)(struct loop_watch *watch, uint32_t events);
};

struct loop_timer {
	uint64_t due_ns;   /* CLOCK_MONOTONIC */
	uint64_t later_ns; /* not before this either: loop_timer_extend() */
	size_t position;   /* in the heap, from 1; 0: not armed */
	void (*expired)(struct loop_timer *timer);
};

/* Something to be done once the events at hand have been delivered. */
struct loop_task {
	struct loop_task *next, **link; /* link is NULL: not posted */
	void (*run)(struct loop_task *task);
};

struct loop {
	int epoll_fd;
	bool stopping;
	uint64_t now_ns;  /* CLOCK_MONOTONIC at the last wake-up */
	uint64_t lost_ns; /* by how much timers were called late, in all: this process had no CPU */
	struct loop_timer **heap;
	size_t heap_count, heap_size;
	struct loop_task *tasks, **tasks_end;
	/* If set: when the current round of callbacks began, 0 while waiting. For a watchdog. */
	volatile uint64_t *busy_since_ns;
	struct epoll_event batch[LOOP_BATCH];
	int batch_count, batch_next;
};

int loop_init(struct loop *loop) __must_check;
/* Watches and timers that are still registered are forgotten; their fds stay open. */
void loop_fini(struct loop *loop);

/* Runs until loop_stop(). 0, or -errno when the kernel refuses to wait. */
int loop_run(struct loop *loop) __must_check;
/* Returns from loop_run() once the current callback is done. */
void loop_stop(struct loop *loop);

/* Calls watch->ready when `fd` has one of `events` (EPOLLIN, EPOLLOUT). */
int loop_watch_add(struct loop *loop, struct loop_watch *watch, int fd,
		   uint32_t events) __must_check;
int loop_watch_set(struct loop *loop, struct loop_watch *watch, uint32_t events) __must_check;
/* Harmless on a watch that is not registered. Call it before closing the fd. */
void loop_watch_del(struct loop *loop, struct loop_watch *watch);

/* Arms, or arms anew: timer->expired is called once, `delay_ns` from now. */
int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns) __must_check;
/* Harmless on a timer that is not armed. */
void loop_timer_disarm(struct loop *loop, struct loop_timer *timer);

/*
 * The same for a deadline that is moved often: while the timer is armed only a
 * later time is noted, counted from loop->now_ns, and the heap is left alone. It never fires early.
 */
int loop_timer_extend(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns) __must_check;

/* Runs the task after the events at hand, before waiting for others; harmless if it is posted. */
void loop_post(struct loop *loop, struct loop_task *task);
void loop_post_cancel(struct loop *loop, struct loop_task *task);

/* CLOCK_MONOTONIC now. */
uint64_t loop_clock_ns(void);

#endif /* SLUICE_LOOP_H */
