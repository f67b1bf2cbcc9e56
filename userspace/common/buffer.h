/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Linear byte buffers of one size, taken from a worker's pool when there is
 * something to hold and given back when there is not: an idle connection owns
 * none, and a worker's memory is bounded by the pool's limit.
 *
 *   base ... [start ... end) ... size
 */
#ifndef SLUICE_BUFFER_H
#define SLUICE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

#define BUFFER_SIZE (32u << 10) /* a head of HTTP_HEAD_MAX, and a TLS record behind it */

struct buffer_pool {
	struct buffer_chunk *free;
	size_t free_count;
	size_t in_use, limit; /* buffers */
};

struct buffer {
	char *base; /* NULL: none is held */
	uint32_t start, end;
};

void buffer_pool_init(struct buffer_pool *pool, size_t limit);
/* Every buffer must have been put back. */
void buffer_pool_fini(struct buffer_pool *pool);

/* Makes `buffer` hold an empty one, unless it holds one. -ENOBUFS: the pool's limit; -ENOMEM. */
int buffer_get(struct buffer_pool *pool, struct buffer *buffer) __must_check;
/* Gives it back with whatever is in it; harmless when none is held. */
void buffer_put(struct buffer_pool *pool, struct buffer *buffer);
/* Gives it back if nothing is in it. */
void buffer_put_if_empty(struct buffer_pool *pool, struct buffer *buffer);

static inline char *buffer_data(const struct buffer *buffer)
{
	return buffer->base + buffer->start;
}

static inline size_t buffer_length(const struct buffer *buffer)
{
	return buffer->end - buffer->start;
}

/* Where the next bytes go, and how many fit behind what is there. */
static inline char *buffer_tail(const struct buffer *buffer)
{
	return buffer->base + buffer->end;
}

static inline size_t buffer_space(const struct buffer *buffer)
{
	return buffer->base ? BUFFER_SIZE - buffer->end : 0;
}

/* `length` bytes were written at the tail. */
static inline void buffer_fill(struct buffer *buffer, size_t length)
{
	buffer->end += (uint32_t)length;
}

/* `length` bytes at the start are done with. */
static inline void buffer_consume(struct buffer *buffer, size_t length)
{
	buffer->start += (uint32_t)length;
	if (buffer->start == buffer->end)
		buffer->start = buffer->end = 0;
}

/* Moves what is there to the front. */
void buffer_compact(struct buffer *buffer);
/* Copies as much as fits behind what is there; returns how much. */
size_t buffer_append(struct buffer *buffer, const void *data, size_t length);

#endif /* SLUICE_BUFFER_H */
