/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The difference of two configurations: each change once, at its path.
 */
#include <stdlib.h>

#include "../../ctl/config_diff.h"
#include "../support/unit.h"

static void check(const char *from, const char *to, const char *expected)
{
	json_t *before = json_loads(from, 0, NULL), *after = json_loads(to, 0, NULL);
	json_t *changes = config_diff(before, after);
	char *text = json_dumps(changes, JSON_COMPACT);

	UNIT_ASSERT_TEXT(text, expected);
	free(text);
	json_decref(changes);
	json_decref(before);
	json_decref(after);
}

static void equal_values_have_no_changes(void)
{
	check("{\"a\": {\"b\": [1, 2]}, \"c\": 1}", "{\"c\": 1, \"a\": {\"b\": [1, 2]}}", "[]");
}

static void member_that_changed_is_named_by_its_path(void)
{
	check("{\"services\": {\"www\": {\"backends\": {\"tls1\": {\"weight\": 100}}}}}",
	      "{\"services\": {\"www\": {\"backends\": {\"tls1\": {\"weight\": 50}}}}}",
	      "[{\"change\":\"set\",\"path\":\"services.www.backends.tls1.weight\",\"from\":100,"
	      "\"to\":50}]");
}

static void member_that_came_or_went_is_one_change(void)
{
	check("{\"a\": {\"x\": 1, \"y\": 2}}", "{\"b\": [1]}",
	      "[{\"change\":\"del\",\"path\":\"a\",\"from\":{\"x\":1,\"y\":2},\"to\":null},"
	      "{\"change\":\"add\",\"path\":\"b\",\"from\":null,\"to\":[1]}]");
}

static void rules_are_compared_by_name(void)
{
	check("{\"rules\": [{\"name\": \"a\", \"port\": 1}, {\"name\": \"b\"}]}",
	      "{\"rules\": [{\"name\": \"new\"}, {\"name\": \"a\", \"port\": 2}, {\"name\": "
	      "\"b\"}]}",
	      "[{\"change\":\"set\",\"path\":\"rules.a.port\",\"from\":1,\"to\":2},"
	      "{\"change\":\"add\",\"path\":\"rules.new\",\"from\":null,\"to\":{\"name\":"
	      "\"new\"}}]");
}

static void order_of_rules_matters(void)
{
	check("{\"rules\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}",
	      "{\"rules\": [{\"name\": \"b\"}, {\"name\": \"a\"}]}",
	      "[{\"change\":\"set\",\"path\":\"rules.(order)\",\"from\":[\"a\",\"b\"],"
	      "\"to\":[\"b\",\"a\"]}]");
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(equal_values_have_no_changes),
		UNIT_TEST(member_that_changed_is_named_by_its_path),
		UNIT_TEST(member_that_came_or_went_is_one_change),
		UNIT_TEST(rules_are_compared_by_name),
		UNIT_TEST(order_of_rules_matters),
		{},
	};

	return unit_run("lbctl_diff", tests);
}
