/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Coroutines: functions on stacks of their own that give way and are resumed,
 * within one thread. A guard page lies under each stack, so one that overflows
 * is a clean crash. Only the event loop resumes, never another coroutine.
 */
#ifndef SLUICE_COROUTINE_H
#define SLUICE_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

#define COROUTINE_KEEP 256 /* stacks kept ready when they are not used */

struct coroutine {
	void *stack_pointer; /* while it does not run */
	char *base;	     /* of the mapping; the guard page is first */
	void (*run)(void *argument);
	void *argument;
	struct coroutine_pool *pool;
	struct coroutine *next; /* free ones */
	bool ended;
	void *fake_stack; /* the address sanitizer's */
};

struct coroutine_pool {
	size_t stack_bytes; /* whole pages, without the guard */
	size_t limit;
	size_t in_use, idle;
	struct coroutine *free;
};

/* At most `limit` at a time, each with `stack_bytes` (rounded up to pages). */
void coroutine_pool_init(struct coroutine_pool *pool, size_t stack_bytes, size_t limit);
/* All must have ended. */
void coroutine_pool_fini(struct coroutine_pool *pool);

/*
 * Prepares run(argument); it begins with the first resume. NULL: errno is
 * EAGAIN at the limit, or ENOMEM.
 */
struct coroutine *coroutine_create(struct coroutine_pool *pool, void (*run)(void *argument),
				   void *argument) __must_check;
/* Runs it until it yields or ends; when it has ended it is gone. */
void coroutine_resume(struct coroutine *coroutine);
/* Goes back to whoever resumed the current coroutine. */
void coroutine_yield(void);
/* The one that runs, or NULL. */
struct coroutine *coroutine_current(void);

/* Whether this address is in the guard page of the one that runs. For a signal handler. */
bool coroutine_overflows_at(const void *address);

#endif /* SLUICE_COROUTINE_H */
