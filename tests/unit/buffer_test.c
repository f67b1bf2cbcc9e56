/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Buffers: what is put in comes out, and the pool keeps its limit.
 */
#include <errno.h>
#include <string.h>

#include "buffer.h"
#include "../support/unit.h"

static struct buffer_pool pool;

static void buffer_gives_what_was_put_in(void)
{
	struct buffer buffer = {0};

	buffer_pool_init(&pool, 1);
	CU_ASSERT_EQUAL(buffer_space(&buffer), 0);
	CU_ASSERT_EQUAL_FATAL(buffer_get(&pool, &buffer), 0);
	CU_ASSERT_EQUAL(buffer_space(&buffer), BUFFER_SIZE);
	CU_ASSERT_EQUAL(buffer_append(&buffer, "abcdef", 6), 6);
	buffer_consume(&buffer, 2);
	CU_ASSERT_EQUAL(buffer_length(&buffer), 4);
	CU_ASSERT_EQUAL(memcmp(buffer_data(&buffer), "cdef", 4), 0);
	CU_ASSERT_EQUAL(buffer_space(&buffer), BUFFER_SIZE - 6);
	buffer_compact(&buffer);
	CU_ASSERT_EQUAL(buffer_space(&buffer), BUFFER_SIZE - 4);
	CU_ASSERT_EQUAL(memcmp(buffer_data(&buffer), "cdef", 4), 0);
	buffer_put(&pool, &buffer);
	buffer_pool_fini(&pool);
}

static void all_space_returns_when_all_is_consumed(void)
{
	struct buffer buffer = {0};

	buffer_pool_init(&pool, 1);
	CU_ASSERT_EQUAL_FATAL(buffer_get(&pool, &buffer), 0);
	CU_ASSERT_EQUAL(buffer_append(&buffer, "abc", 3), 3);
	buffer_consume(&buffer, 3);
	CU_ASSERT_EQUAL(buffer_space(&buffer), BUFFER_SIZE);
	buffer_put(&pool, &buffer);
	buffer_pool_fini(&pool);
}

static void append_takes_no_more_than_fits(void)
{
	static char data[BUFFER_SIZE + 1];
	struct buffer buffer = {0};

	buffer_pool_init(&pool, 1);
	CU_ASSERT_EQUAL(buffer_append(&buffer, data, 1), 0);
	CU_ASSERT_EQUAL_FATAL(buffer_get(&pool, &buffer), 0);
	CU_ASSERT_EQUAL(buffer_append(&buffer, data, sizeof(data)), BUFFER_SIZE);
	CU_ASSERT_EQUAL(buffer_append(&buffer, data, 1), 0);
	buffer_put(&pool, &buffer);
	buffer_pool_fini(&pool);
}

static void pool_gives_no_more_than_its_limit(void)
{
	struct buffer first = {0}, second = {0}, third = {0};

	buffer_pool_init(&pool, 2);
	CU_ASSERT_EQUAL(buffer_get(&pool, &first), 0);
	CU_ASSERT_EQUAL(buffer_get(&pool, &first), 0);
	CU_ASSERT_EQUAL(buffer_get(&pool, &second), 0);
	CU_ASSERT_EQUAL(buffer_get(&pool, &third), -ENOBUFS);
	CU_ASSERT_PTR_NULL(third.base);
	buffer_put(&pool, &first);
	CU_ASSERT_EQUAL(buffer_get(&pool, &third), 0);
	buffer_put(&pool, &second);
	buffer_put(&pool, &third);
	buffer_put(&pool, &third);
	CU_ASSERT_EQUAL(pool.in_use, 0);
	buffer_pool_fini(&pool);
}

static void only_an_empty_buffer_is_put_if_empty(void)
{
	struct buffer buffer = {0};

	buffer_pool_init(&pool, 1);
	CU_ASSERT_EQUAL_FATAL(buffer_get(&pool, &buffer), 0);
	CU_ASSERT_EQUAL(buffer_append(&buffer, "a", 1), 1);
	buffer_put_if_empty(&pool, &buffer);
	CU_ASSERT_PTR_NOT_NULL(buffer.base);
	buffer_consume(&buffer, 1);
	buffer_put_if_empty(&pool, &buffer);
	CU_ASSERT_PTR_NULL(buffer.base);
	buffer_pool_fini(&pool);
}

static void pool_keeps_few_of_many_buffers(void)
{
	static struct buffer buffers[500];

	buffer_pool_init(&pool, ARRAY_LEN(buffers));
	for (size_t i = 0; i < ARRAY_LEN(buffers); i++)
		CU_ASSERT_EQUAL_FATAL(buffer_get(&pool, &buffers[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(buffers); i++)
		buffer_put(&pool, &buffers[i]);
	CU_ASSERT_EQUAL(pool.in_use, 0);
	CU_ASSERT(pool.free_count <= 64);
	buffer_pool_fini(&pool);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(buffer_gives_what_was_put_in),
		UNIT_TEST(all_space_returns_when_all_is_consumed),
		UNIT_TEST(append_takes_no_more_than_fits),
		UNIT_TEST(pool_gives_no_more_than_its_limit),
		UNIT_TEST(only_an_empty_buffer_is_put_if_empty),
		UNIT_TEST(pool_keeps_few_of_many_buffers),
		{0},
	};

	return unit_run("buffer", tests);
}
