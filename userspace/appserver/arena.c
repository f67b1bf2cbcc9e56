/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A list of chunks, the newest in front. What needs more than a quarter of a chunk gets one of its
 * own, so that little room is lost.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* with this head */
	alignas(max_align_t) char bytes[];
};

#define CHUNK_ROOM (ARENA_CHUNK_BYTES - sizeof(struct arena_chunk))

void arena_pool_fini(struct arena_pool *pool)
{
	while (pool->free) {
		struct arena_chunk *chunk = pool->free;

		pool->free = chunk->next;
		free(chunk);
	}
	pool->free_count = 0;
}

void arena_init(struct arena *arena, struct arena_pool *pool, size_t limit)
{
	*arena = (struct arena){.pool = pool, .limit = limit};
}

static void chunk_put(struct arena_pool *pool, struct arena_chunk *chunk)
{
	if (chunk->size != ARENA_CHUNK_BYTES || pool->free_count >= ARENA_KEEP) {
		free(chunk);
		return;
	}
	chunk->next = pool->free;
	pool->free = chunk;
	pool->free_count++;
}

void arena_fini(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		chunk_put(arena->pool, chunk);
	}
	arena->at = arena->end = NULL;
	arena->used = 0;
}

static struct arena_chunk *chunk_get(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->pool->free;

	if (size > arena->limit - arena->used)
		return NULL;
	if (size == ARENA_CHUNK_BYTES && chunk) {
		arena->pool->free = chunk->next;
		arena->pool->free_count--;
	} else {
		chunk = malloc(size);
		if (!chunk)
			return NULL;
	}
	chunk->size = size;
	arena->used += size;
	return chunk;
}

/* A chunk for one piece goes behind the newest, whose room stays in use. */
static void *alloc_alone(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk, **place = arena->chunks ? &arena->chunks->next : &arena->chunks;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = chunk_get(arena, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->next = *place;
	*place = chunk;
	return memset(chunk->bytes, 0, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + !size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct arena_chunk *chunk;
	void *piece;

	if (size > CHUNK_ROOM / 4)
		return alloc_alone(arena, size);
	if (rounded > (size_t)(arena->end - arena->at)) {
		chunk = chunk_get(arena, ARENA_CHUNK_BYTES);
		if (!chunk)
			return NULL;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		arena->at = chunk->bytes;
		arena->end = chunk->bytes + CHUNK_ROOM;
	}
	piece = arena->at;
	arena->at += rounded;
	return memset(piece, 0, size);
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
	char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1) : NULL;

	return copy ? memcpy(copy, text, length) : NULL;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text = NULL;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length >= 0)
		text = arena_alloc(arena, (size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}
