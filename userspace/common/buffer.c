/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A buffer that is not in use holds the link to the next one in its own first
 * bytes. A few of them are kept, the others go back to the allocator: a burst
 * does not stay in memory.
 */
#include "buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FREE_KEPT 64

struct buffer_chunk {
	struct buffer_chunk *next;
};

void buffer_pool_init(struct buffer_pool *pool, size_t limit)
{
	*pool = (struct buffer_pool){.limit = limit};
}

void buffer_pool_fini(struct buffer_pool *pool)
{
	while (pool->free) {
		struct buffer_chunk *chunk = pool->free;

		pool->free = chunk->next;
		free(chunk);
	}
	pool->free_count = 0;
}

static void *take_free(struct buffer_pool *pool)
{
	struct buffer_chunk *chunk = pool->free;

	pool->free = chunk->next;
	pool->free_count--;
	return chunk;
}

int buffer_get(struct buffer_pool *pool, struct buffer *buffer)
{
	char *base;

	if (buffer->base)
		return 0;
	if (pool->in_use >= pool->limit)
		return -ENOBUFS;
	base = pool->free ? take_free(pool) : malloc(BUFFER_SIZE);
	if (!base)
		return -ENOMEM;
	pool->in_use++;
	*buffer = (struct buffer){.base = base};
	return 0;
}

void buffer_put(struct buffer_pool *pool, struct buffer *buffer)
{
	struct buffer_chunk *chunk = (struct buffer_chunk *)buffer->base;

	if (!chunk)
		return;
	*buffer = (struct buffer){0};
	pool->in_use--;
	if (pool->free_count >= FREE_KEPT) {
		free(chunk);
		return;
	}
	chunk->next = pool->free;
	pool->free = chunk;
	pool->free_count++;
}

void buffer_put_if_empty(struct buffer_pool *pool, struct buffer *buffer)
{
	if (buffer->start == buffer->end)
		buffer_put(pool, buffer);
}

void buffer_compact(struct buffer *buffer)
{
	size_t length = buffer_length(buffer);

	if (!buffer->start)
		return;
	memmove(buffer->base, buffer_data(buffer), length);
	buffer->start = 0;
	buffer->end = (uint32_t)length;
}

size_t buffer_append(struct buffer *buffer, const void *data, size_t length)
{
	size_t space = buffer_space(buffer);

	if (length > space)
		length = space;
	if (length)
		memcpy(buffer_tail(buffer), data, length);
	buffer_fill(buffer, length);
	return length;
}
