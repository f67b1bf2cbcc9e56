/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tasks: what a wait on the loop returns, and that none is ever left behind. */
#include <errno.h>
#include <string.h>

#include "../../userspace/appserver/task.h"
#include "../support/unit.h"

static struct loop loop;
static struct coroutine_pool coroutines;

/* A task, what it does, and what has become of it. */
struct job {
	struct task task;
	uint64_t deadline_ms; /* of each wait; 0: none */
	int waits, results[4];
	bool ended;
};

static unsigned running; /* jobs; the loop stops with the last */

static void work(struct task *task)
{
	struct job *job = container_of(task, struct job, task);

	for (int i = 0; i < job->waits; i++)
		job->results[i] = task_wait(
			task,
			job->deadline_ms ? loop_clock_ns() + job->deadline_ms * NS_PER_MS : 0);
}

static void ended(struct task *task)
{
	container_of(task, struct job, task)->ended = true;
	if (!--running)
		loop_stop(&loop);
}

static void begin(struct job *job)
{
	CU_ASSERT_EQUAL_FATAL(task_start(&job->task, &loop, &coroutines, work, ended), 0);
	running++;
}

/* What happens to the job under test, 5 ms after the start and each 5 ms from then on. */
static struct job subject;
static void (*happen)(struct job *job);

static void on_timer(struct loop_timer *timer)
{
	if (happen)
		happen(&subject);
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, timer, 5 * NS_PER_MS), 0);
}

static void run(int waits, uint64_t deadline_ms, void (*meanwhile)(struct job *job))
{
	struct loop_timer timer = {.expired = on_timer};

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	coroutine_pool_init(&coroutines, 64u << 10, 8);
	happen = meanwhile;
	subject = (struct job){.waits = waits, .deadline_ms = deadline_ms};
	begin(&subject);
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &timer, 5 * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT(subject.ended);
	CU_ASSERT_EQUAL(coroutines.in_use, 0);
	loop_fini(&loop);
	coroutine_pool_fini(&coroutines);
}

static void wake(struct job *job)
{
	task_wake(&job->task);
	task_wake(&job->task); /* once is enough */
}

static void cancel(struct job *job)
{
	task_cancel(&job->task, -ECANCELED);
	task_cancel(&job->task, -ETIMEDOUT);
}

static void a_wait_ends_when_it_is_woken(void)
{
	run(2, 0, wake);
	CU_ASSERT_EQUAL(subject.results[0], 0);
	CU_ASSERT_EQUAL(subject.results[1], 0);
}

static void a_wait_ends_at_its_deadline(void)
{
	run(2, 2, NULL);
	CU_ASSERT_EQUAL(subject.results[0], -ETIME);
	CU_ASSERT_EQUAL(subject.results[1], -ETIME);
}

static void a_cancelled_task_does_not_wait_any_more(void)
{
	run(3, 0, cancel);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(subject.results[i], -ECANCELED);
}

/* Computes for a while, giving way where it may. */
static void compute(struct task *task)
{
	struct job *job = container_of(task, struct job, task);
	uint64_t end_ns = loop_clock_ns() + 40 * NS_PER_MS;

	while (loop_clock_ns() < end_ns)
		task_breathe(task, loop_clock_ns());
	job->results[0] = job->waits;
}

static void count_turns(struct job *job)
{
	job->waits++;
}

static void a_long_computation_lets_others_run(void)
{
	struct loop_timer timer = {.expired = on_timer};

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	coroutine_pool_init(&coroutines, 64u << 10, 8);
	happen = count_turns;
	subject = (struct job){0};
	CU_ASSERT_EQUAL_FATAL(task_start(&subject.task, &loop, &coroutines, compute, ended), 0);
	running = 1;
	CU_ASSERT_EQUAL(loop_timer_arm(&loop, &timer, 5 * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT(subject.results[0] >= 2);
	loop_fini(&loop);
	coroutine_pool_fini(&coroutines);
}

static void more_tasks_than_stacks_are_refused(void)
{
	struct job jobs[3] = {{.deadline_ms = 1, .waits = 1}, {.deadline_ms = 1, .waits = 1}};

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	coroutine_pool_init(&coroutines, 64u << 10, 2);
	begin(&jobs[0]);
	begin(&jobs[1]);
	CU_ASSERT_EQUAL(task_start(&jobs[2].task, &loop, &coroutines, work, ended), -EAGAIN);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	CU_ASSERT(jobs[0].ended && jobs[1].ended);
	loop_fini(&loop);
	coroutine_pool_fini(&coroutines);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(a_wait_ends_when_it_is_woken),
		UNIT_TEST(a_wait_ends_at_its_deadline),
		UNIT_TEST(a_cancelled_task_does_not_wait_any_more),
		UNIT_TEST(a_long_computation_lets_others_run),
		UNIT_TEST(more_tasks_than_stacks_are_refused),
		{0},
	};

	return unit_run("app_task", tests);
}
