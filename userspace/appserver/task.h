/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A coroutine that waits on the event loop. Whatever it waits for, it can be
 * told to stop: every wait, that one and all later ones, then returns the
 * reason, so that it unwinds in its own order.
 */
#ifndef SLUICE_TASK_H
#define SLUICE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "coroutine.h"
#include "loop.h"

#define TASK_SLICE_NS (5 * NS_PER_MS)

struct task {
	struct loop *loop;
	struct coroutine *coroutine; /* NULL: it has ended */
	void (*run)(struct task *task);
	void (*ended)(struct task *task); /* on the loop's stack; may free the task */
	struct loop_task resume;
	struct loop_timer timer;
	bool waiting;
	bool late; /* the wait's deadline has come */
	uint64_t resumed_ns;
	int cancelled; /* 0 or -errno */
};

/* Runs task->run soon, on a stack of the pool. -EAGAIN: none is free; -ENOMEM. */
int task_start(struct task *task, struct loop *loop, struct coroutine_pool *pool,
	       void (*run)(struct task *task), void (*ended)(struct task *task)) __must_check;

/* In the task: until task_wake(). 0; -ETIME: `deadline_ns` (0: none); or the reason to stop. */
int task_wait(struct task *task, uint64_t deadline_ns) __must_check;
/* In the task: lets others run, if it has run for long without a wait. */
void task_breathe(struct task *task, uint64_t now_ns);
/* Harmless if it does not wait. */
void task_wake(struct task *task);
/* Only the first reason counts. */
void task_cancel(struct task *task, int reason);

#endif /* SLUICE_TASK_H */
