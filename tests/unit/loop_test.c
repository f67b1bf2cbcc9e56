/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The event loop: timers in order, and callbacks that remove what was about to
 * be called.
 */
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"
#include "../support/unit.h"

#define TIMERS 500

static struct loop loop;

/* --- timers ---------------------------------------------------------------------------- */

struct numbered {
	struct loop_timer timer;
	uint64_t delay_ns;
};

static struct numbered numbered[TIMERS];
static uint64_t last_due_ns;
static size_t fired, out_of_order, expected;

static void on_numbered(struct loop_timer *timer)
{
	out_of_order += timer->due_ns < last_due_ns;
	last_due_ns = timer->due_ns;
	if (++fired == expected)
		loop_stop(&loop);
}

static void timers_fire_in_order_of_their_time(void)
{
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	srand(1);
	fired = out_of_order = last_due_ns = 0;
	for (size_t i = 0; i < TIMERS; i++) {
		numbered[i] = (struct numbered){.timer = {.expired = on_numbered}};
		CU_ASSERT_EQUAL(
			loop_timer_arm(&loop, &numbered[i].timer, (uint64_t)rand() % 5 * NS_PER_MS),
			0);
	}
	/* A third are armed anew, a third are taken out. */
	for (size_t i = 0; i < TIMERS; i += 3) {
		CU_ASSERT_EQUAL(loop_timer_arm(&loop, &numbered[i].timer, 2 * NS_PER_MS), 0);
		if (i + 1 < TIMERS)
			loop_timer_disarm(&loop, &numbered[i + 1].timer);
	}
	expected = loop.heap_count;
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT_EQUAL(fired, expected);
	CU_ASSERT_EQUAL(out_of_order, 0);
	CU_ASSERT_EQUAL(loop.heap_count, 0);
	loop_fini(&loop);
}

static struct loop_timer busy, stopper;
static unsigned rounds;

static void on_busy(struct loop_timer *timer)
{
	rounds++;
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, timer, 0), 0);
}

static void on_stopper(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(&loop);
}

static void timer_that_rearms_itself_starves_nobody(void)
{
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	busy = (struct loop_timer){.expired = on_busy};
	stopper = (struct loop_timer){.expired = on_stopper};
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &busy, 0), 0);
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &stopper, 5 * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT(rounds > 1);
	loop_fini(&loop);
}

/* --- deadlines that move ---------------------------------------------------------------- */

struct moving {
	struct loop_timer timer;
	uint64_t fired_ns;
};

static void on_moving(struct loop_timer *timer)
{
	container_of(timer, struct moving, timer)->fired_ns = loop_clock_ns();
	loop_stop(&loop);
}

static struct moving moving;

static void on_extend(struct loop_timer *timer)
{
	(void)timer;
	CU_ASSERT_EQUAL(loop_timer_extend(&loop, &moving.timer, 20 * NS_PER_MS), 0);
}

static void extended_timer_fires_once_and_not_early(void)
{
	struct loop_timer extender = {.expired = on_extend};
	uint64_t started;

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	moving = (struct moving){.timer.expired = on_moving};
	started = loop_clock_ns();
	CU_ASSERT_EQUAL(loop_timer_extend(&loop, &moving.timer, 10 * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &extender, 5 * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT(moving.fired_ns - started >= 25 * NS_PER_MS);
	CU_ASSERT_EQUAL(loop.heap_count, 0);
	loop_fini(&loop);
}

/* An earlier time is not a matter of noting it. */
static void timer_extended_to_an_earlier_time_fires_then(void)
{
	uint64_t started;

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	moving = (struct moving){.timer.expired = on_moving};
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &moving.timer, 3600 * NS_PER_SEC), 0);
	started = loop_clock_ns();
	CU_ASSERT_EQUAL(loop_timer_extend(&loop, &moving.timer, NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT(moving.fired_ns - started < 1800 * NS_PER_SEC);
	loop_fini(&loop);
}

/* --- tasks ------------------------------------------------------------------------------ */

static unsigned task_runs;
static struct loop_task cancelled;

static void on_task(struct loop_task *task)
{
	if (++task_runs < 3)
		loop_post(&loop, task);
	loop_post_cancel(&loop, &cancelled);
}

static void on_cancelled(struct loop_task *task)
{
	(void)task;
	CU_FAIL("a task that was cancelled runs");
}

static void task_runs_once_for_each_post(void)
{
	struct loop_task task = {.run = on_task};

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	cancelled = (struct loop_task){.run = on_cancelled};
	stopper = (struct loop_timer){.expired = on_stopper};
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &stopper, 5 * NS_PER_MS), 0);
	loop_post(&loop, &task);
	loop_post(&loop, &task);
	loop_post(&loop, &cancelled);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT_EQUAL(task_runs, 3);
	CU_ASSERT_PTR_NULL(loop.tasks);
	loop_fini(&loop);
}

/* --- watches --------------------------------------------------------------------------- */

struct pair {
	struct loop_watch watch;
	int fds[2];
};

static struct pair pairs[2];
static unsigned calls;

/* Whichever is called first removes both. */
static void on_pair(struct loop_watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	calls++;
	loop_watch_del(&loop, &pairs[0].watch);
	loop_watch_del(&loop, &pairs[1].watch);
	loop_stop(&loop);
}

static void removed_watch_is_not_called_for_an_event_already_fetched(void)
{
	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	for (size_t i = 0; i < 2; i++) {
		pairs[i].watch = (struct loop_watch){.fd = LOOP_NO_FD, .ready = on_pair};
		CU_ASSERT_EQUAL_FATAL(pipe(pairs[i].fds), 0);
		CU_ASSERT_EQUAL_FATAL(write(pairs[i].fds[1], "x", 1), 1);
		CU_ASSERT_EQUAL_FATAL(
			loop_watch_add(&loop, &pairs[i].watch, pairs[i].fds[0], EPOLLIN), 0);
	}
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	/* The loop goes on with the rest of the batch only after a stop is taken back. */
	stopper = (struct loop_timer){.expired = on_stopper};
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &stopper, NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT_EQUAL(calls, 1);
	loop_watch_del(&loop, &pairs[0].watch);
	for (size_t i = 0; i < 2; i++) {
		close(pairs[i].fds[0]);
		close(pairs[i].fds[1]);
	}
	loop_fini(&loop);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(timers_fire_in_order_of_their_time),
		UNIT_TEST(timer_that_rearms_itself_starves_nobody),
		UNIT_TEST(extended_timer_fires_once_and_not_early),
		UNIT_TEST(timer_extended_to_an_earlier_time_fires_then),
		UNIT_TEST(task_runs_once_for_each_post),
		UNIT_TEST(removed_watch_is_not_called_for_an_event_already_fetched),
		{},
	};

	return unit_run("loop", tests);
}
