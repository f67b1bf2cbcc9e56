/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The shop's cart: its text goes to the session and into statements, so what is
 * read back is what was written, or nothing.
 */
#include <errno.h>

#include "../../userspace/apps/foobar/cart.h"
#include "../support/unit.h"

static void lines_are_kept_in_the_order_of_products(void)
{
	struct cart cart = {0};
	char text[CART_TEXT_MAX];

	CU_ASSERT_EQUAL(cart_set(&cart, 7, 3), 0);
	CU_ASSERT_EQUAL(cart_set(&cart, 2, 1), 0);
	CU_ASSERT_EQUAL(cart_set(&cart, 5, 20), 0);
	cart_write(&cart, text);
	UNIT_ASSERT_TEXT(text, "[[2,1],[5,20],[7,3]]");
	CU_ASSERT_EQUAL(cart_pieces(&cart), 24);
	CU_ASSERT_EQUAL(cart_quantity(&cart, 5), 20);
	CU_ASSERT_EQUAL(cart_quantity(&cart, 6), 0);
}

static void a_quantity_is_replaced_and_zero_removes(void)
{
	struct cart cart = {0};
	char text[CART_TEXT_MAX];

	CU_ASSERT_EQUAL(cart_set(&cart, 1, 1), 0);
	CU_ASSERT_EQUAL(cart_set(&cart, 2, 2), 0);
	CU_ASSERT_EQUAL(cart_set(&cart, 2, 5), 0);
	CU_ASSERT_EQUAL(cart_set(&cart, 1, 0), 0);
	CU_ASSERT_EQUAL(cart_set(&cart, 9, 0), 0);
	cart_write(&cart, text);
	UNIT_ASSERT_TEXT(text, "[[2,5]]");
	CU_ASSERT_EQUAL(cart_set(&cart, 2, 0), 0);
	cart_write(&cart, text);
	UNIT_ASSERT_TEXT(text, "[]");
}

static void limits_hold(void)
{
	struct cart cart = {0};

	CU_ASSERT_EQUAL(cart_set(&cart, 1, CART_QUANTITY_MAX + 1), -ERANGE);
	for (uint32_t i = 0; i < CART_LINES_MAX; i++)
		CU_ASSERT_EQUAL(cart_set(&cart, 100 + i, 1), 0);
	CU_ASSERT_EQUAL(cart_set(&cart, 1, 1), -ENOSPC);
	CU_ASSERT_EQUAL(cart_set(&cart, 100, 2), 0);
	CU_ASSERT_EQUAL(cart.count, CART_LINES_MAX);
}

static void the_largest_cart_survives_its_text(void)
{
	struct cart cart = {0}, again;
	char text[CART_TEXT_MAX];

	for (uint32_t i = 0; i < CART_LINES_MAX; i++)
		CU_ASSERT_EQUAL(cart_set(&cart, UINT32_MAX - i, CART_QUANTITY_MAX), 0);
	cart_write(&cart, text);
	CU_ASSERT_EQUAL(cart_read(&again, text), 0);
	CU_ASSERT_EQUAL(again.count, CART_LINES_MAX);
	CU_ASSERT_EQUAL(cart_quantity(&again, UINT32_MAX), CART_QUANTITY_MAX);
}

static void text_that_is_no_cart_is_an_empty_one(void)
{
	static const char *const wrong[] = {
		"",
		"null",
		"{}",
		"7",
		"[7]",
		"[[1]]",
		"[[1,2,3]]",
		"[[1,0]]",
		"[[1,21]]",
		"[[0,1]]",
		"[[-1,1]]",
		"[[1,-1]]",
		"[[1,1.5]]",
		"[[1,\"1\"]]",
		"[[4294967296,1]]",
		"[[1,1],]",
		"[[1,1]]x",
		"[[1,1],[1,1]]",
		"[[2,1],[1,1]]",
		"[[1,1],null]",
		"[[1,1],[]]",
	};
	struct cart cart;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cart.count = 99;
		CU_ASSERT_EQUAL(cart_read(&cart, wrong[i]), -EINVAL);
		CU_ASSERT_EQUAL(cart.count, 0);
	}
	CU_ASSERT_EQUAL(cart_read(&cart, NULL), 0);
	CU_ASSERT_EQUAL(cart.count, 0);
	CU_ASSERT_EQUAL(cart_read(&cart, "[]"), 0);
	CU_ASSERT_EQUAL(cart.count, 0);
}

static void too_many_lines_are_no_cart(void)
{
	char text[32 * (CART_LINES_MAX + 1)];
	struct cart cart;
	size_t used = 0;

	for (int i = 1; i <= CART_LINES_MAX + 1; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s[%d,1]",
					 i == 1 ? "[" : ",", i);
	snprintf(text + used, sizeof(text) - used, "]");
	CU_ASSERT_EQUAL(cart_read(&cart, text), -EINVAL);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(lines_are_kept_in_the_order_of_products),
		UNIT_TEST(a_quantity_is_replaced_and_zero_removes),
		UNIT_TEST(limits_hold),
		UNIT_TEST(the_largest_cart_survives_its_text),
		UNIT_TEST(text_that_is_no_cart_is_an_empty_one),
		UNIT_TEST(too_many_lines_are_no_cart),
		{},
	};

	return unit_run("shop_cart", tests);
}
