/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "process_board.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS	  (4 * (PROCESS_MAX_WORKERS + 1)) /* one generation that serves, three that drain */
#define SUM_TRIES 1000 /* a master that was killed leaves an odd sequence */

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

int board_create(struct board *board, size_t counters, size_t gauges)
{
	size_t head;
	void *memory;

	board->counters = BOARD_COUNTERS + counters;
	board->gauges = gauges;
	head = whole_pages(sizeof(*board->master) + board->counters * sizeof(uint64_t));
	/* A page of its own for each child: no two write to one cache line. */
	board->stride = whole_pages(sizeof(struct board_slot) +
				    (board->counters + gauges) * sizeof(uint64_t));
	board->bytes = head + SLOTS * board->stride;
	memory =
		mmap(NULL, board->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	board->master = memory;
	board->slots = (char *)memory + head;
	return 0;
}

void board_destroy(struct board *board)
{
	munmap(board->master, board->bytes);
	board->master = NULL;
}

static struct board_slot *slot_at(const struct board *board, size_t i)
{
	return (struct board_slot *)(board->slots + i * board->stride);
}

struct board_slot *board_take(struct board *board)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct board_slot *slot = slot_at(board, i);

		if (slot->taken)
			continue;
		slot->taken = true;
		return slot;
	}
	return NULL;
}

struct board_slot *board_next(const struct board *board, struct board_slot *slot)
{
	size_t i = slot ? (size_t)((char *)slot - board->slots) / board->stride + 1 : 0;

	for (; i < SLOTS; i++)
		if (slot_at(board, i)->taken)
			return slot_at(board, i);
	return NULL;
}

void board_retire(struct board *board, struct board_slot *slot)
{
	uint64_t *sequence = &board->master->sequence;

	__atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (size_t i = 0; i < board->counters; i++)
		board->master->retired[i] += slot->values[i];
	memset(slot->values, 0, (board->counters + board->gauges) * sizeof(uint64_t));
	slot->busy_since_ns = slot->connections = 0;
	slot->pid = 0;
	slot->ready = false;
	__atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELEASE);
}

void board_give_back(struct board *board, struct board_slot *slot)
{
	board_retire(board, slot);
	slot->taken = false;
}

static void add(uint64_t *sums, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sums[i] += __atomic_load_n(&values[i], __ATOMIC_RELAXED);
}

static void sum_once(const struct board *board, uint64_t *counters, uint64_t *gauges)
{
	memset(counters, 0, board->counters * sizeof(*counters));
	memset(gauges, 0, board->gauges * sizeof(*gauges));
	add(counters, board->master->retired, board->counters);
	for (struct board_slot *slot = NULL; (slot = board_next(board, slot));) {
		add(counters, slot->values, board->counters);
		add(gauges, board_gauges(board, slot), board->gauges);
	}
}

void board_sum(const struct board *board, uint64_t *counters, uint64_t *gauges)
{
	const uint64_t *sequence = &board->master->sequence;

	for (unsigned i = 0; i < SUM_TRIES; i++) {
		uint64_t before = __atomic_load_n(sequence, __ATOMIC_ACQUIRE);

		sum_once(board, counters, gauges);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(before & 1) && __atomic_load_n(sequence, __ATOMIC_RELAXED) == before)
			return;
		sched_yield();
	}
}
