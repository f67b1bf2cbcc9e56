/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Positions of replication: what is read, what a server has, what is asked for.
 */
#include <errno.h>
#include <string.h>

#include "../../userspace/mysqlrouter/gtid.h"
#include "../support/unit.h"

#define UUID_A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define UUID_B "4E11FA47-71CA-11E1-9E33-C80AA9429562"

static struct span text(const char *from)
{
	return (struct span){from, strlen(from)};
}

static struct gtid_set position(enum gtid_flavour flavour, const char *from)
{
	struct gtid_set set;

	CU_ASSERT_EQUAL(gtid_parse(flavour, text(from), &set), 0);
	return set;
}

static bool has(enum gtid_flavour flavour, const char *applied, const char *written)
{
	struct gtid_set server = position(flavour, applied), session = {};

	CU_ASSERT_EQUAL(gtid_add_written(flavour, text(written), &session), 0);
	return gtid_contains(&server, &session);
}

static void mariadb_position_holds_all_up_to_it(void)
{
	CU_ASSERT_TRUE(has(GTID_MARIADB, "0-1-100", "0-1-100"));
	CU_ASSERT_TRUE(has(GTID_MARIADB, "0-2-101,7-1-5", "0-1-100"));
	CU_ASSERT_FALSE(has(GTID_MARIADB, "0-1-99", "0-1-100"));
	CU_ASSERT_FALSE(has(GTID_MARIADB, "7-1-500", "0-1-100"));
	CU_ASSERT_FALSE(has(GTID_MARIADB, "", "0-1-1"));
	CU_ASSERT_TRUE(has(GTID_MARIADB, "", ""));
	CU_ASSERT_TRUE(has(GTID_MARIADB, "1-1-18446744073709551615", "1-1-18446744073709551615"));
}

static void mysql_set_holds_its_intervals(void)
{
	CU_ASSERT_TRUE(has(GTID_MYSQL, UUID_A ":1-77", UUID_A ":77"));
	CU_ASSERT_TRUE(has(GTID_MYSQL, UUID_A ":1-5:7-9,\n" UUID_B ":1", UUID_A ":8-9"));
	CU_ASSERT_FALSE(has(GTID_MYSQL, UUID_A ":1-5:7-9", UUID_A ":6"));
	CU_ASSERT_FALSE(has(GTID_MYSQL, UUID_A ":1-5:7-9", UUID_A ":5-7"));
	CU_ASSERT_FALSE(has(GTID_MYSQL, UUID_A ":1-77", UUID_B ":1"));
}

static void what_is_none_is_refused(void)
{
	static const char *const mariadb[] = {"0-1",
					      "0-1-",
					      "0-1-x",
					      "-1-1-1",
					      "a",
					      "0-1-1;",
					      "4294967296-1-1",
					      "0-1-1 0-1-2",
					      "0-1-18446744073709551616"};
	static const char *const mysql[] = {"0-1-1",	   UUID_A,	UUID_A ":",  UUID_A ":0",
					    UUID_A ":5-4", UUID_A ":x", "3e11fa47:1"};
	struct gtid_set set;

	for (size_t i = 0; i < sizeof(mariadb) / sizeof(*mariadb); i++)
		CU_ASSERT_EQUAL(gtid_parse(GTID_MARIADB, text(mariadb[i]), &set), -EINVAL);
	for (size_t i = 0; i < sizeof(mysql) / sizeof(*mysql); i++)
		CU_ASSERT_EQUAL(gtid_parse(GTID_MYSQL, text(mysql[i]), &set), -EINVAL);
}

static void writes_are_kept_as_one_range_for_each_source(void)
{
	struct gtid_set written = {};
	char buf[GTID_TEXT_LEN];

	CU_ASSERT_EQUAL(gtid_add_written(GTID_MYSQL, text(UUID_A ":55"), &written), 0);
	CU_ASSERT_EQUAL(gtid_add_written(GTID_MYSQL, text(UUID_A ":57"), &written), 0);
	UNIT_ASSERT_TEXT(gtid_format(&written, buf), UUID_A ":55-57");
	written = (struct gtid_set){};
	CU_ASSERT_EQUAL(gtid_add_written(GTID_MARIADB, text("0-1-9"), &written), 0);
	CU_ASSERT_EQUAL(gtid_add_written(GTID_MARIADB, text("7-3-2"), &written), 0);
	CU_ASSERT_EQUAL(gtid_add_written(GTID_MARIADB, text("0-2-10"), &written), 0);
	CU_ASSERT_EQUAL(gtid_add_written(GTID_MARIADB, text("0-1-8"), &written), 0);
	UNIT_ASSERT_TEXT(gtid_format(&written, buf), "0-2-10,7-3-2");
}

static void more_sources_than_fit_are_told(void)
{
	struct gtid_set set, written = {};
	char list[1024] = "", one[32];

	for (unsigned i = 0; i < GTID_MAX_RANGES + 1; i++) {
		snprintf(one, sizeof(one), "%s%u-1-1", i ? "," : "", i);
		strcat(list, one);
	}
	CU_ASSERT_EQUAL(gtid_parse(GTID_MARIADB, text(list), &set), 0);
	CU_ASSERT_TRUE(set.truncated);
	CU_ASSERT_EQUAL(gtid_add_written(GTID_MARIADB, text(list), &written), -ENOSPC);
	CU_ASSERT_EQUAL(written.count, 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(mariadb_position_holds_all_up_to_it),
		UNIT_TEST(mysql_set_holds_its_intervals),
		UNIT_TEST(what_is_none_is_refused),
		UNIT_TEST(writes_are_kept_as_one_range_for_each_source),
		UNIT_TEST(more_sources_than_fit_are_told),
		{},
	};

	return unit_run("mysql gtid", tests);
}
