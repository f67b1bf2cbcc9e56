/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Diagnostics: what is collected, and which word is taken for the one meant.
 */
#include "diag.h"
#include "../support/unit.h"

static const char *const keys[] = {"vips", "proto", "forward", "backends", "check", "hash", NULL};

static void messages_keep_their_order_and_place(void)
{
	struct diag_list list = {.file = "site.yaml"};

	diag_add(&list, (struct place){3, 7}, "vip \"%s\": no", "www");
	diag_add(&list, (struct place){}, "%d rules", 5000);
	CU_ASSERT_EQUAL_FATAL(list.count, 2);
	CU_ASSERT_EQUAL(list.items[0].at.line, 3);
	CU_ASSERT_EQUAL(list.items[0].at.column, 7);
	UNIT_ASSERT_TEXT(list.items[0].text, "vip \"www\": no");
	UNIT_ASSERT_TEXT(list.items[1].text, "5000 rules");
	diag_fini(&list);
	CU_ASSERT_EQUAL(list.count, 0);
	diag_fini(&list);
}

static void swapped_missing_and_extra_letters_are_near(void)
{
	UNIT_ASSERT_TEXT(diag_nearest("hsah", keys), "hash");
	UNIT_ASSERT_TEXT(diag_nearest("froward", keys), "forward");
	UNIT_ASSERT_TEXT(diag_nearest("bakends", keys), "backends");
	UNIT_ASSERT_TEXT(diag_nearest("protoo", keys), "proto");
	UNIT_ASSERT_TEXT(diag_nearest("vip", keys), "vips");
}

static void nearest_of_several_wins(void)
{
	static const char *const names[] = {"web10", "web2", "web1", NULL};

	UNIT_ASSERT_TEXT(diag_nearest("web11", names), "web10");
	UNIT_ASSERT_TEXT(diag_nearest("web1", names), "web1");
}

static void other_words_are_not_guessed(void)
{
	CU_ASSERT_PTR_NULL(diag_nearest("quota", keys));
	CU_ASSERT_PTR_NULL(diag_nearest("x", keys));
	CU_ASSERT_PTR_NULL(diag_nearest("", keys));
	CU_ASSERT_PTR_NULL(diag_nearest(
		"hashhashhashhashhashhashhashhashhashhashhashhashhashhashhashhashhash", keys));
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(messages_keep_their_order_and_place),
		UNIT_TEST(swapped_missing_and_extra_letters_are_near),
		UNIT_TEST(nearest_of_several_wins),
		UNIT_TEST(other_words_are_not_guessed),
		{},
	};

	return unit_run("diag", tests);
}
