/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Coroutines and the memory of requests: what they keep, where they stop, what they give back. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/appserver/arena.h"
#include "../../userspace/appserver/coroutine.h"
#include "../support/unit.h"

#define STACK (64u << 10)

struct counter {
	int from, to;
	int seen;
	double sum;
};

/* Has values in registers of both kinds while it is away. */
static void count(void *argument)
{
	struct counter *counter = argument;
	double sum = 0;

	for (int i = counter->from; i < counter->to; i++) {
		counter->seen = i;
		sum += 1.0 / (i + 1);
		coroutine_yield();
	}
	counter->sum = sum;
}

static void coroutines_keep_their_state_apart(void)
{
	struct counter counters[3] = {{.from = 0, .to = 5}, {.from = 10, .to = 13}, {.to = 0}};
	struct coroutine_pool pool;
	struct coroutine *running[2];

	coroutine_pool_init(&pool, STACK, 3);
	for (int i = 0; i < 2; i++)
		running[i] = coroutine_create(&pool, count, &counters[i]);
	coroutine_resume(coroutine_create(&pool, count, &counters[2])); /* ends at once */
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 2; i++) {
			coroutine_resume(running[i]);
			CU_ASSERT_EQUAL(counters[i].seen, counters[i].from + round);
			CU_ASSERT_PTR_NULL(coroutine_current());
		}
	coroutine_resume(running[1]);
	CU_ASSERT_EQUAL(pool.in_use, 1);
	for (int round = 0; round < 3; round++)
		coroutine_resume(running[0]);
	CU_ASSERT_EQUAL(pool.in_use, 0);
	CU_ASSERT_DOUBLE_EQUAL(counters[0].sum, 1.0 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4 + 1.0 / 5, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(counters[1].sum, 1.0 / 11 + 1.0 / 12 + 1.0 / 13, 1e-9);
	coroutine_pool_fini(&pool);
}

static void pool_has_a_limit_and_uses_stacks_again(void)
{
	struct counter counter = {.to = 1};
	struct coroutine_pool pool;
	struct coroutine *first, *second;

	coroutine_pool_init(&pool, STACK, 1);
	first = coroutine_create(&pool, count, &counter);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_PTR_NULL(coroutine_create(&pool, count, &counter));
	CU_ASSERT_EQUAL(errno, EAGAIN);
	coroutine_resume(first);
	coroutine_resume(first);
	second = coroutine_create(&pool, count, &counter);
	CU_ASSERT_PTR_EQUAL(second, first);
	coroutine_resume(second);
	coroutine_resume(second);
	coroutine_pool_fini(&pool);
}

static volatile bool endless = true;

static void report_overflow(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	_exit(coroutine_overflows_at(info->si_addr) ? 42 : 1);
}

static int __attribute__((noinline)) recurse(volatile char *above)
{
	volatile char frame[512];

	frame[0] = above ? above[0] : 1;
	return endless ? recurse(frame) + frame[0] : 0;
}

static void overflow(void *argument)
{
	(void)argument;
	recurse(NULL);
}

static void overflow_hits_the_guard_page(void)
{
	static char alternate[64 << 10];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction action = {.sa_sigaction = report_overflow,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct rlimit none = {0};
	struct coroutine_pool pool;
	int status = 0;
	pid_t child = fork();

	if (!child) {
		setrlimit(RLIMIT_CORE, &none);
		sigaltstack(&stack, NULL);
		sigaction(SIGSEGV, &action, NULL);
		coroutine_pool_init(&pool, STACK, 1);
		coroutine_resume(coroutine_create(&pool, overflow, NULL));
		_exit(0);
	}
	waitpid(child, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 42);
}

static void ten_thousand_coroutines_wait_at_once(void)
{
	enum { MANY = 10000 };
	static struct counter counters[MANY];
	static struct coroutine *running[MANY];
	struct coroutine_pool pool;
	long sum = 0;

	coroutine_pool_init(&pool, STACK, MANY);
	for (int i = 0; i < MANY; i++) {
		counters[i] = (struct counter){.from = i, .to = i + 1};
		running[i] = coroutine_create(&pool, count, &counters[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(running[i]);
		coroutine_resume(running[i]);
	}
	for (int i = 0; i < MANY; i++) {
		coroutine_resume(running[i]);
		sum += counters[i].seen;
	}
	CU_ASSERT_EQUAL(sum, (long)MANY * (MANY - 1) / 2);
	CU_ASSERT_EQUAL(pool.in_use, 0);
	CU_ASSERT_EQUAL(pool.idle, COROUTINE_KEEP);
	coroutine_pool_fini(&pool);
}

/* --- arena -------------------------------------------------------------------------- */

static void arena_pieces_are_zeroed_aligned_and_apart(void)
{
	struct arena_pool pool = {0};
	struct arena arena;

	for (int round = 0; round < 2; round++) {
		char *last = NULL;

		arena_init(&arena, &pool, 1 << 20);
		for (size_t size = 0; size < 3000; size += 7) {
			char *piece = arena_alloc(&arena, size);

			CU_ASSERT_PTR_NOT_NULL_FATAL(piece);
			CU_ASSERT_EQUAL((uintptr_t)piece % 16, 0);
			for (size_t i = 0; i < size; i++)
				CU_ASSERT_FATAL(piece[i] == 0);
			memset(piece, 0xff, size);
			CU_ASSERT_PTR_NOT_EQUAL(piece, last);
			last = piece;
		}
		arena_fini(&arena);
	}
	CU_ASSERT_TRUE(pool.free_count > 0);
	arena_pool_fini(&pool);
}

static void arena_stops_at_its_limit(void)
{
	struct arena_pool pool = {0};
	struct arena arena;

	arena_init(&arena, &pool, 10 * ARENA_CHUNK_BYTES);
	CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 8 * ARENA_CHUNK_BYTES));
	CU_ASSERT_PTR_NULL(arena_alloc(&arena, 2 * ARENA_CHUNK_BYTES));
	CU_ASSERT_PTR_NULL(arena_alloc(&arena, SIZE_MAX));
	CU_ASSERT_PTR_NULL(arena_alloc(&arena, SIZE_MAX - 8));
	UNIT_ASSERT_TEXT(arena_copy(&arena, "some text", 4), "some");
	arena_fini(&arena);
	arena_pool_fini(&pool);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(coroutines_keep_their_state_apart),
		UNIT_TEST(pool_has_a_limit_and_uses_stacks_again),
		UNIT_TEST(overflow_hits_the_guard_page),
		UNIT_TEST(ten_thousand_coroutines_wait_at_once),
		UNIT_TEST(arena_pieces_are_zeroed_aligned_and_apart),
		UNIT_TEST(arena_stops_at_its_limit),
		{0},
	};

	return unit_run("app_coroutine", tests);
}
