/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Tasks are resumed by the loop alone, never from within the call that wakes
 * them: that may come from another task's stack, or from their own.
 */
#include "task.h"

#include <errno.h>

static void resume(struct task *task)
{
	struct coroutine *coroutine = task->coroutine;

	task->resumed_ns = loop_clock_ns();
	coroutine_resume(coroutine);
	if (!task->coroutine)
		task->ended(task);
}

static void resume_posted(struct loop_task *posted)
{
	resume(container_of(posted, struct task, resume));
}

static void expired(struct loop_timer *timer)
{
	struct task *task = container_of(timer, struct task, timer);

	task->late = true;
	task_wake(task);
}

static void begin(void *argument)
{
	struct task *task = argument;

	task->run(task);
	task->coroutine = NULL;
}

int task_start(struct task *task, struct loop *loop, struct coroutine_pool *pool,
	       void (*run)(struct task *task), void (*ended)(struct task *task))
{
	*task = (struct task){
		.loop = loop,
		.run = run,
		.ended = ended,
		.resume = {.run = resume_posted},
		.timer = {.expired = expired},
	};
	task->coroutine = coroutine_create(pool, begin, task);
	if (!task->coroutine)
		return -errno;
	loop_post(loop, &task->resume);
	return 0;
}

int task_wait(struct task *task, uint64_t deadline_ns)
{
	uint64_t now_ns = task->loop->now_ns;
	int err = 0;

	if (task->cancelled)
		return task->cancelled;
	if (deadline_ns && deadline_ns <= now_ns)
		return -ETIME;
	if (deadline_ns)
		err = loop_timer_arm(task->loop, &task->timer, deadline_ns - now_ns);
	if (err)
		return err;
	task->late = false;
	task->waiting = true;
	coroutine_yield();
	loop_timer_disarm(task->loop, &task->timer);
	if (task->cancelled)
		return task->cancelled;
	return task->late ? -ETIME : 0;
}

void task_breathe(struct task *task, uint64_t now_ns)
{
	if (now_ns - task->resumed_ns < TASK_SLICE_NS)
		return;
	loop_post(task->loop, &task->resume);
	coroutine_yield();
}

void task_wake(struct task *task)
{
	if (!task->waiting)
		return;
	task->waiting = false;
	loop_post(task->loop, &task->resume);
}

void task_cancel(struct task *task, int reason)
{
	if (task->cancelled)
		return;
	task->cancelled = reason;
	task_wake(task);
}
