/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Stacks of coroutines: mapped when first needed, kept for the next, so that a
 * request costs no system call. Memory is taken as far as a stack has been used.
 */
#include "coroutine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "coroutine_switch.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

static struct coroutine *current;
static void *loop_pointer; /* the stack of the event loop, while a coroutine runs */

/* --- what the address sanitizer must know of a change of stacks --------------------- */

#ifdef SANITIZED
static const void *loop_bottom;
static size_t loop_size;
static void *loop_fake_stack;

static void announce_coroutine(struct coroutine *to)
{
	__sanitizer_start_switch_fiber(&loop_fake_stack, to->base + sysconf(_SC_PAGESIZE),
				       to->pool->stack_bytes);
}

static void arrive_in_coroutine(struct coroutine *here)
{
	__sanitizer_finish_switch_fiber(here->fake_stack, &loop_bottom, &loop_size);
}

static void announce_loop(struct coroutine *from)
{
	__sanitizer_start_switch_fiber(from->ended ? NULL : &from->fake_stack, loop_bottom,
				       loop_size);
}

static void arrive_in_loop(void)
{
	__sanitizer_finish_switch_fiber(loop_fake_stack, NULL, NULL);
}

static void forget_frames(struct coroutine *coroutine)
{
	coroutine->fake_stack = NULL;
	__asan_unpoison_memory_region(coroutine->base + sysconf(_SC_PAGESIZE),
				      coroutine->pool->stack_bytes);
}
#else
static void announce_coroutine(struct coroutine *to)
{
	(void)to;
}

static void arrive_in_coroutine(struct coroutine *here)
{
	(void)here;
}

static void announce_loop(struct coroutine *from)
{
	(void)from;
}

static void arrive_in_loop(void)
{
}

static void forget_frames(struct coroutine *coroutine)
{
	(void)coroutine;
}
#endif

/* --- stacks ------------------------------------------------------------------------- */

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void coroutine_pool_init(struct coroutine_pool *pool, size_t stack_bytes, size_t limit)
{
	size_t page = page_bytes();

	*pool = (struct coroutine_pool){
		.stack_bytes = (stack_bytes + page - 1) / page * page,
		.limit = limit,
	};
}

static void stack_unmap(struct coroutine *coroutine)
{
	munmap(coroutine->base, page_bytes() + coroutine->pool->stack_bytes);
	free(coroutine);
}

void coroutine_pool_fini(struct coroutine_pool *pool)
{
	while (pool->free) {
		struct coroutine *coroutine = pool->free;

		pool->free = coroutine->next;
		stack_unmap(coroutine);
	}
	pool->idle = 0;
}

static struct coroutine *stack_map(struct coroutine_pool *pool)
{
	struct coroutine *coroutine = calloc(1, sizeof(*coroutine));
	size_t size = page_bytes() + pool->stack_bytes;

	if (!coroutine)
		return NULL;
	coroutine->pool = pool;
	coroutine->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (coroutine->base == MAP_FAILED) {
		free(coroutine);
		return NULL;
	}
	if (mprotect(coroutine->base, page_bytes(), PROT_NONE)) {
		stack_unmap(coroutine);
		return NULL;
	}
	return coroutine;
}

static struct coroutine *stack_get(struct coroutine_pool *pool)
{
	struct coroutine *coroutine = pool->free;

	if (!coroutine)
		return stack_map(pool);
	pool->free = coroutine->next;
	pool->idle--;
	return coroutine;
}

static void stack_put(struct coroutine *coroutine)
{
	struct coroutine_pool *pool = coroutine->pool;

	pool->in_use--;
	if (pool->idle >= COROUTINE_KEEP) {
		stack_unmap(coroutine);
		return;
	}
	coroutine->next = pool->free;
	pool->free = coroutine;
	pool->idle++;
}

/* --- running ------------------------------------------------------------------------ */

static void entry(void)
{
	struct coroutine *here = current;

	arrive_in_coroutine(here);
	here->run(here->argument);
	here->ended = true;
	announce_loop(here);
	coroutine_switch(&here->stack_pointer, loop_pointer);
	__builtin_unreachable();
}

struct coroutine *coroutine_create(struct coroutine_pool *pool, void (*run)(void *argument),
				   void *argument)
{
	struct coroutine *coroutine;

	if (pool->in_use >= pool->limit) {
		errno = EAGAIN;
		return NULL;
	}
	coroutine = stack_get(pool);
	if (!coroutine) {
		errno = ENOMEM;
		return NULL;
	}
	pool->in_use++;
	forget_frames(coroutine);
	coroutine->run = run;
	coroutine->argument = argument;
	coroutine->ended = false;
	coroutine->stack_pointer =
		coroutine_prepare(coroutine->base + page_bytes(), pool->stack_bytes, entry);
	return coroutine;
}

void coroutine_resume(struct coroutine *coroutine)
{
	current = coroutine;
	announce_coroutine(coroutine);
	coroutine_switch(&loop_pointer, coroutine->stack_pointer);
	arrive_in_loop();
	current = NULL;
	if (coroutine->ended)
		stack_put(coroutine);
}

void coroutine_yield(void)
{
	struct coroutine *here = current;

	announce_loop(here);
	coroutine_switch(&here->stack_pointer, loop_pointer);
	arrive_in_coroutine(here);
}

struct coroutine *coroutine_current(void)
{
	return current;
}

bool coroutine_overflows_at(const void *address)
{
	const char *at = address;

	return current && at >= current->base && at < current->base + page_bytes();
}
