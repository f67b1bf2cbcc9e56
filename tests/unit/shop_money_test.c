/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Cents as text, and what a delivery costs. */
#include "../../userspace/apps/foobar/money.h"
#include "../support/unit.h"

static void cents_have_two_digits_and_thousands_a_comma(void)
{
	static const struct {
		int64_t cents;
		const char *text;
	} cases[] = {
		{0, "€0.00"},
		{5, "€0.05"},
		{99, "€0.99"},
		{100, "€1.00"},
		{14900, "€149.00"},
		{99999, "€999.99"},
		{100000, "€1,000.00"},
		{123456789, "€1,234,567.89"},
		{-5, "-€0.05"},
		{-123450, "-€1,234.50"},
		{INT64_MAX, "€92,233,720,368,547,758.07"},
		{INT64_MIN, "-€92,233,720,368,547,758.08"},
	};
	char text[MONEY_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		UNIT_ASSERT_TEXT(money_format(cases[i].cents, text), cases[i].text);
}

static void delivery_is_free_from_the_limit_on(void)
{
	CU_ASSERT_EQUAL(money_delivery(1), MONEY_DELIVERY_CENTS);
	CU_ASSERT_EQUAL(money_delivery(MONEY_FREE_FROM_CENTS - 1), MONEY_DELIVERY_CENTS);
	CU_ASSERT_EQUAL(money_delivery(MONEY_FREE_FROM_CENTS), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(cents_have_two_digits_and_thousands_a_comma),
		UNIT_TEST(delivery_is_free_from_the_limit_on),
		{},
	};

	return unit_run("shop_money", tests);
}
