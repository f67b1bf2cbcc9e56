/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Timers are a binary min-heap of pointers; each timer knows its position, so
 * disarming costs O(log n) as arming does. loop_timer_arm() can only fail when
 * it has to grow the heap: a timer that re-arms itself never fails.
 */
#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LATE_NS (5 * NS_PER_MS)

uint64_t loop_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

int loop_init(struct loop *loop)
{
	*loop = (struct loop){.now_ns = loop_clock_ns()};
	loop->tasks_end = &loop->tasks;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_fini(struct loop *loop)
{
	close(loop->epoll_fd);
	free(loop->heap);
	*loop = (struct loop){.epoll_fd = -1};
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

/* --- timers -------------------------------------------------------------------- */

static void heap_put(struct loop *loop, size_t position, struct loop_timer *timer)
{
	loop->heap[position - 1] = timer;
	timer->position = position;
}

static void heap_rise(struct loop *loop, size_t position)
{
	struct loop_timer *timer = loop->heap[position - 1];

	while (position > 1 && loop->heap[position / 2 - 1]->due_ns > timer->due_ns) {
		heap_put(loop, position, loop->heap[position / 2 - 1]);
		position /= 2;
	}
	heap_put(loop, position, timer);
}

static void heap_sink(struct loop *loop, size_t position)
{
	struct loop_timer *timer = loop->heap[position - 1];

	for (size_t child = position * 2; child <= loop->heap_count; child = position * 2) {
		if (child < loop->heap_count &&
		    loop->heap[child]->due_ns < loop->heap[child - 1]->due_ns)
			child++;
		if (loop->heap[child - 1]->due_ns >= timer->due_ns)
			break;
		heap_put(loop, position, loop->heap[child - 1]);
		position = child;
	}
	heap_put(loop, position, timer);
}

static int heap_reserve(struct loop *loop)
{
	size_t size = loop->heap_size ? loop->heap_size * 2 : 64;
	struct loop_timer **heap;

	if (loop->heap_count < loop->heap_size)
		return 0;
	heap = reallocarray(loop->heap, size, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	loop->heap = heap;
	loop->heap_size = size;
	return 0;
}

int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns)
{
	int err;

	if (!timer->position) {
		err = heap_reserve(loop);
		if (err)
			return err;
		heap_put(loop, ++loop->heap_count, timer);
	}
	timer->due_ns = loop_clock_ns() + delay_ns;
	timer->later_ns = 0;
	heap_rise(loop, timer->position);
	heap_sink(loop, timer->position);
	return 0;
}

int loop_timer_extend(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns)
{
	if (!timer->position || timer->due_ns > loop->now_ns + delay_ns)
		return loop_timer_arm(loop, timer, delay_ns);
	timer->later_ns = loop->now_ns + delay_ns;
	return 0;
}

void loop_timer_disarm(struct loop *loop, struct loop_timer *timer)
{
	size_t position = timer->position;
	struct loop_timer *last;

	if (!position)
		return;
	last = loop->heap[--loop->heap_count];
	timer->position = 0;
	if (last == timer)
		return;
	heap_put(loop, position, last);
	heap_rise(loop, position);
	heap_sink(loop, last->position);
}

static void run_timers(struct loop *loop)
{
	/* A timer that re-arms itself with no delay waits for the next round. */
	uint64_t now = loop->now_ns;

	while (!loop->stopping && loop->heap_count && loop->heap[0]->due_ns <= now) {
		struct loop_timer *timer = loop->heap[0];

		if (timer->later_ns > now) {
			timer->due_ns = timer->later_ns;
			heap_sink(loop, 1);
			continue;
		}
		loop_timer_disarm(loop, timer);
		timer->expired(timer);
	}
}

/* Until the first timer is due, rounded up: woken early, the loop would spin. */
static int wait_ms(const struct loop *loop)
{
	uint64_t now, ms;

	if (loop->tasks)
		return 0;
	if (!loop->heap_count)
		return -1;
	now = loop_clock_ns();
	if (loop->heap[0]->due_ns <= now)
		return 0;
	ms = (loop->heap[0]->due_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* --- tasks --------------------------------------------------------------------- */

void loop_post(struct loop *loop, struct loop_task *task)
{
	if (task->link)
		return;
	task->next = NULL;
	task->link = loop->tasks_end;
	*loop->tasks_end = task;
	loop->tasks_end = &task->next;
}

void loop_post_cancel(struct loop *loop, struct loop_task *task)
{
	if (!task->link)
		return;
	*task->link = task->next;
	if (task->next)
		task->next->link = task->link;
	else
		loop->tasks_end = task->link;
	task->link = NULL;
}

/* Those that are posted meanwhile wait for the next round, or descriptors would starve. */
static void run_tasks(struct loop *loop)
{
	struct loop_task stop = {0};

	if (!loop->tasks)
		return;
	loop_post(loop, &stop);
	while (!loop->stopping && loop->tasks != &stop) {
		struct loop_task *task = loop->tasks;

		loop_post_cancel(loop, task);
		task->run(task);
	}
	loop_post_cancel(loop, &stop);
}

/* --- descriptors --------------------------------------------------------------- */

int loop_watch_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	watch->fd = fd;
	return 0;
}

int loop_watch_set(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) ? -errno : 0;
}

void loop_watch_del(struct loop *loop, struct loop_watch *watch)
{
	if (watch->fd == LOOP_NO_FD)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = LOOP_NO_FD;
	for (int i = loop->batch_next; i < loop->batch_count; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

static void run_watches(struct loop *loop)
{
	while (!loop->stopping && loop->batch_next < loop->batch_count) {
		struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct loop_watch *watch = event->data.ptr;

		if (watch)
			watch->ready(watch, event->events);
	}
}

/* Waiting is rounded to milliseconds; what is beyond that is time without a CPU. */
static void note_lateness(struct loop *loop)
{
	uint64_t due_ns = loop->heap_count ? loop->heap[0]->due_ns : loop->now_ns;

	if (loop->now_ns > due_ns + LATE_NS)
		loop->lost_ns += loop->now_ns - due_ns;
}

static int wait_for_events(struct loop *loop)
{
	int count;

	if (loop->busy_since_ns)
		*loop->busy_since_ns = 0;
	count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, wait_ms(loop));
	if (count < 0 && errno != EINTR)
		return -errno;
	loop->now_ns = loop_clock_ns();
	if (loop->busy_since_ns)
		*loop->busy_since_ns = loop->now_ns;
	loop->batch_count = count > 0 ? count : 0;
	loop->batch_next = 0;
	return 0;
}

int loop_run(struct loop *loop)
{
	loop->stopping = false;
	while (!loop->stopping) {
		int err = wait_for_events(loop);

		if (err)
			return err;
		note_lateness(loop);
		run_watches(loop);
		run_tasks(loop);
		run_timers(loop);
	}
	return 0;
}
