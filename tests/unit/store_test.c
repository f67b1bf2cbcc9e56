/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The store of generations: what is put is got, what is damaged is none, and no more are
 * kept than are to be.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "../support/unit.h"

static char root[64];

static void start(void)
{
	strcpy(root, "/tmp/sluice-store.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	setenv("SLUICE_STATE_ROOT", root, 1);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void put(unsigned number, enum store_state state, const char *text)
{
	struct stored one = {.number = number, .state = state, .unix_s = 1000 + number};

	strcpy(one.by, "lbctl apply -f a\nb");
	CU_ASSERT_EQUAL_FATAL(store_put("lb1", &one, text, strlen(text)), 0);
}

static void damage(unsigned number, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/lb1/generation-%u.yaml", root, number);
	file = fopen(path, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static void generation_is_got_as_it_was_put(void)
{
	struct stored one;
	char *text;
	size_t length;

	start();
	put(7, STORE_PENDING, "sluice: 1\n# of the text\n");
	CU_ASSERT_EQUAL_FATAL(store_get("lb1", 7, &one, &text, &length), 0);
	CU_ASSERT_STRING_EQUAL(text, "sluice: 1\n# of the text\n");
	CU_ASSERT_EQUAL(length, strlen(text));
	CU_ASSERT_EQUAL(one.number, 7);
	CU_ASSERT_EQUAL(one.state, STORE_PENDING);
	CU_ASSERT_EQUAL(one.unix_s, 1007);
	CU_ASSERT_STRING_EQUAL(one.by, "lbctl apply -f a b");
	CU_ASSERT_EQUAL(strlen(one.hash), STORE_HASH_LEN - 1);
	free(text);
	CU_ASSERT_EQUAL(store_mark("lb1", 7, STORE_CONFIRMED), 0);
	CU_ASSERT_EQUAL(store_get("lb1", 7, &one, NULL, NULL), 0);
	CU_ASSERT_EQUAL(one.state, STORE_CONFIRMED);
	CU_ASSERT_EQUAL(one.unix_s, 1007);
	end();
}

static void what_is_not_there_or_damaged_is_none(void)
{
	struct stored one, *list;
	size_t count;

	start();
	CU_ASSERT_EQUAL(store_get("lb1", 1, &one, NULL, NULL), -ENOENT);
	CU_ASSERT_EQUAL(store_list("lb1", &list, &count), 0);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT_EQUAL(store_last_number("lb1"), 0);
	put(1, STORE_CONFIRMED, "sluice: 1\n");
	put(2, STORE_CONFIRMED, "sluice: 1\n");
	damage(1, "cluster: other\n");
	CU_ASSERT_EQUAL(store_get("lb1", 1, &one, NULL, NULL), -EBADMSG);
	CU_ASSERT_EQUAL_FATAL(store_list("lb1", &list, &count), 0);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(list[0].number, 2);
	free(list);
	end();
}

static void oldest_generations_are_forgotten(void)
{
	struct stored *list;
	size_t count;

	start();
	for (unsigned i = 1; i <= STORE_KEEP + 3; i++)
		put(i, STORE_CONFIRMED, "sluice: 1\n");
	CU_ASSERT_EQUAL_FATAL(store_list("lb1", &list, &count), 0);
	CU_ASSERT_EQUAL(count, STORE_KEEP);
	CU_ASSERT_EQUAL(list[0].number, 4);
	CU_ASSERT_EQUAL(store_last_number("lb1"), STORE_KEEP + 3);
	free(list);
	end();
}

static void line_that_was_cut_off_spoils_no_other(void)
{
	char *text;
	size_t length;

	start();
	CU_ASSERT_EQUAL(store_write_file("lb1", STORE_BLOCKS, "\nblock 10.0.0.0/8\nblo", 21), 0);
	CU_ASSERT_EQUAL(store_append_line("lb1", STORE_BLOCKS, "block 192.0.2.1/32"), 0);
	CU_ASSERT_EQUAL_FATAL(store_read_file("lb1", STORE_BLOCKS, &text, &length), 0);
	CU_ASSERT_STRING_EQUAL(text, "\nblock 10.0.0.0/8\nblo\nblock 192.0.2.1/32");
	free(text);
	end();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(generation_is_got_as_it_was_put),
		UNIT_TEST(what_is_not_there_or_damaged_is_none),
		UNIT_TEST(oldest_generations_are_forgotten),
		UNIT_TEST(line_that_was_cut_off_spoils_no_other),
		{NULL, NULL},
	};

	return unit_run("store", tests);
}
