/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The figures in shared memory: sums that are read while counters of the dead
 * are put away neither lose nor double.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_board.h"
#include "../support/unit.h"

#define COUNTERS 200
#define DEATHS	 3000
#define MINE	 (BOARD_COUNTERS + COUNTERS - 1) /* the last: put away last */

static struct board board;
static uint64_t sums[BOARD_COUNTERS + COUNTERS], gauges[1];

static void new_board(void)
{
	CU_ASSERT_EQUAL_FATAL(board_create(&board, COUNTERS, 1), 0);
}

static void counters_stay_and_gauges_go_with_their_child(void)
{
	struct board_slot *a, *b;

	new_board();
	a = board_take(&board);
	b = board_take(&board);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	board_counters(a)[0] = 5;
	board_counters(b)[0] = 7;
	*board_gauges(&board, a) = 3;
	*board_gauges(&board, b) = 4;
	a->values[BOARD_ACCEPTED] = 9;
	board_sum(&board, sums, gauges);
	CU_ASSERT_EQUAL(sums[BOARD_COUNTERS], 12);
	CU_ASSERT_EQUAL(sums[BOARD_ACCEPTED], 9);
	CU_ASSERT_EQUAL(gauges[0], 7);
	board_retire(&board, a);
	board_give_back(&board, b);
	board_sum(&board, sums, gauges);
	CU_ASSERT_EQUAL(sums[BOARD_COUNTERS], 12);
	CU_ASSERT_EQUAL(sums[BOARD_ACCEPTED], 9);
	CU_ASSERT_EQUAL(gauges[0], 0);
	CU_ASSERT_PTR_EQUAL(board_next(&board, NULL), a);
	CU_ASSERT_PTR_NULL(board_next(&board, a));
	board_destroy(&board);
}

static void slots_are_bounded_and_used_again(void)
{
	struct board_slot *slot, *last;
	unsigned count = 1;

	new_board();
	last = board_take(&board);
	for (; (slot = board_take(&board)); count++)
		last = slot;
	CU_ASSERT(count >= 2 * (PROCESS_MAX_WORKERS + 1));
	board_give_back(&board, last);
	CU_ASSERT_PTR_EQUAL(board_take(&board), last);
	CU_ASSERT_PTR_NULL(board_take(&board));
	board_destroy(&board);
}

/* Children that count to 1 and die, one after the other. */
static void live_and_die(void)
{
	struct board_slot *slot = board_take(&board);

	for (unsigned i = 0; i < DEATHS; i++) {
		__atomic_store_n(&slot->values[MINE], 1, __ATOMIC_RELAXED);
		board_retire(&board, slot);
	}
	_exit(0);
}

static void sums_never_go_back_while_children_die(void)
{
	uint64_t last = 0, backwards = 0;
	int status = 0;
	pid_t pid;

	new_board();
	pid = fork();
	if (!pid)
		live_and_die();
	while (!waitpid(pid, &status, WNOHANG)) {
		board_sum(&board, sums, gauges);
		backwards += sums[MINE] < last;
		last = sums[MINE];
	}
	CU_ASSERT_EQUAL(status, 0);
	board_sum(&board, sums, gauges);
	CU_ASSERT_EQUAL(sums[MINE], DEATHS);
	CU_ASSERT_EQUAL(backwards, 0);
	board_destroy(&board);
}

static void master_that_died_in_between_does_not_hang_the_monitor(void)
{
	new_board();
	board.master->sequence = 1;
	board.master->retired[0] = 4;
	board_sum(&board, sums, gauges);
	CU_ASSERT_EQUAL(sums[0], 4);
	board_destroy(&board);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(counters_stay_and_gauges_go_with_their_child),
		UNIT_TEST(slots_are_bounded_and_used_again),
		UNIT_TEST(sums_never_go_back_while_children_die),
		UNIT_TEST(master_that_died_in_between_does_not_hang_the_monitor),
		{},
	};

	return unit_run("process_board", tests);
}
