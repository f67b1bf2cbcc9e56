/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the processes of a daemon tell each other in shared memory: a slot for
 * each child, with its counters and gauges, and the master's own figures.
 *
 * When a child has died, the master adds its counters to those of all that
 * died before and clears the slot. A sequence, odd meanwhile, lets the monitor
 * see that it has read half of that: its sums neither lose nor double.
 */
#ifndef SLUICE_PROCESS_BOARD_H
#define SLUICE_PROCESS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "process.h"

/* Those of the process model itself. They come before the daemon's. */
enum board_counter {
	BOARD_ACCEPTED,
	BOARD_PAUSES_LIMIT,
	BOARD_PAUSES_FILES,
	BOARD_CONNECTIONS_CUT,
	BOARD_LOG_LOST,
	BOARD_COUNTERS
};

/* Written by its child, but for what the master says who that is. */
struct board_slot {
	volatile uint64_t busy_since_ns; /* struct loop */
	uint64_t connections;		 /* open now */
	pid_t pid;			 /* 0: the slot is free, or its child has died */
	unsigned generation, index;
	bool monitor;
	bool ready;
	bool taken;
	uint64_t values[]; /* counters, then gauges */
};

/* Written by the master alone. */
struct board_master {
	uint64_t sequence; /* odd: `retired` and a slot are being changed */
	uint64_t generation, workers;
	uint64_t restarts, crashes, watchdog_kills;
	uint64_t reloads, reloads_failed;
	bool last_reload_ok;
	bool ending;
	uint64_t retired[]; /* counters of children that are gone */
};

struct board {
	struct board_master *master;
	char *slots;
	size_t stride, bytes;
	size_t counters, gauges; /* with those of the process model */
};

int board_create(struct board *board, size_t counters, size_t gauges) __must_check;
void board_destroy(struct board *board);

/* A cleared slot, or NULL: as many children as there can be. */
struct board_slot *board_take(struct board *board);
/* Its child has died: keeps the counters and clears the slot for the next. */
void board_retire(struct board *board, struct board_slot *slot);
void board_give_back(struct board *board, struct board_slot *slot);

/* The slots that are taken, one after the other; NULL: there are no more. */
struct board_slot *board_next(const struct board *board, struct board_slot *slot);

static inline uint64_t *board_counters(struct board_slot *slot)
{
	return slot->values + BOARD_COUNTERS;
}

static inline uint64_t *board_gauges(const struct board *board, struct board_slot *slot)
{
	return slot->values + board->counters;
}

/* Sums of all there ever were, and of all that live: board->counters and board->gauges values. */
void board_sum(const struct board *board, uint64_t *counters, uint64_t *gauges);

#endif /* SLUICE_PROCESS_BOARD_H */
