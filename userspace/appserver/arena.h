/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memory of one request: taken piece by piece, freed at once. The first piece
 * of most requests comes from the chunks that earlier ones have left.
 */
#ifndef SLUICE_ARENA_H
#define SLUICE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "compiler.h"

#define ARENA_CHUNK_BYTES 4096
#define ARENA_KEEP	  256 /* free chunks kept by a pool */

struct arena_chunk;

/* One for each worker. */
struct arena_pool {
	struct arena_chunk *free;
	size_t free_count;
};

struct arena {
	struct arena_pool *pool;
	struct arena_chunk *chunks;
	char *at, *end;	    /* free room in the newest chunk */
	size_t used, limit; /* bytes, of whole chunks */
};

void arena_pool_fini(struct arena_pool *pool);

void arena_init(struct arena *arena, struct arena_pool *pool, size_t limit);
void arena_fini(struct arena *arena);

/* Zeroed, aligned for any type. NULL: the limit, or out of memory. */
void *arena_alloc(struct arena *arena, size_t size) __must_check;
/* A copy of `length` bytes with NUL behind them. */
char *arena_copy(struct arena *arena, const char *text, size_t length) __must_check;
char *arena_vprintf(struct arena *arena, const char *format, va_list args) __must_check;

#endif /* SLUICE_ARENA_H */
