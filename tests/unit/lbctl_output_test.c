/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl's answers: the exact text of tables, and JSON that says the same.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../ctl/output.h"
#include "../support/unit.h"

static const struct output_column inner_columns[] = {{"name", "name"}, {"count", "count"}, {}};
static const struct output_table inner = {.key = "parts", .columns = inner_columns};
static const struct output_column columns[] = {
	{"name", "name"}, {"size", "size"}, {"tags", "tags"}, {"note", "note"}, {}};
static const struct output_column line[] = {{"node", "node"}, {"absent", "absent"}, {}};

static char *render(enum output_format format, const char *json, const struct output_view *view)
{
	struct output out = {.format = format};
	char *text = NULL;
	size_t size;

	out.stream = open_memstream(&text, &size);
	CU_ASSERT_EQUAL(output_emit(&out, json_loads(json, 0, NULL), view), 0);
	fclose(out.stream);
	return text;
}

static void check(const char *json, const struct output_table *table, const char *expected)
{
	const struct output_table tables[] = {*table, {}};
	const struct output_view view = {.line = line, .tables = tables};
	char *text = render(OUTPUT_TEXT, json, &view);

	UNIT_ASSERT_TEXT(text, expected);
	free(text);
}

static void numbers_go_to_the_right_and_words_to_the_left(void)
{
	check("{\"node\": \"lb1\", \"rows\": ["
	      "{\"name\": \"a\", \"size\": 5, \"tags\": [\"x\", \"y\"], \"note\": \"first\"},"
	      "{\"name\": \"longer\", \"size\": 123456, \"tags\": [], \"note\": null}]}",
	      &(struct output_table){.key = "rows", .heading = "things", .columns = columns},
	      "node lb1\n\nthings\n"
	      "  name      size  tags  note\n"
	      "  a            5  x,y   first\n"
	      "  longer  123456  -     -\n");
}

static void rows_below_align_over_all_rows_above(void)
{
	check("{\"node\": \"lb1\", \"rows\": ["
	      "{\"name\": \"a\", \"parts\": [{\"name\": \"p\", \"count\": 1}]},"
	      "{\"name\": \"b\", \"parts\": [{\"name\": \"quite long\", \"count\": 22}]},"
	      "{\"name\": \"c\", \"parts\": []}]}",
	      &(struct output_table){.key = "rows", .columns = inner_columns, .below = &inner},
	      "node lb1\n\n"
	      "name  count\n"
	      "a     -\n"
	      "  name        count\n"
	      "  p               1\n"
	      "b     -\n"
	      "  name        count\n"
	      "  quite long     22\n"
	      "c     -\n");
}

static void table_without_rows_says_so_or_nothing(void)
{
	check("{\"node\": \"lb1\", \"rows\": []}",
	      &(struct output_table){.key = "rows", .empty = "none", .columns = columns},
	      "node lb1\n\nnone\n");
	check("{\"node\": \"lb1\", \"rows\": []}",
	      &(struct output_table){.key = "rows", .columns = columns}, "node lb1\n");
}

static void lines_do_not_end_in_blanks(void)
{
	check("{\"node\": \"lb1\", \"rows\": ["
	      "{\"name\": \"a\", \"size\": 1, \"tags\": \"long tag\", \"note\": \"\"},"
	      "{\"name\": \"b\", \"size\": 1, \"tags\": \"t\", \"note\": \"\"}]}",
	      &(struct output_table){.key = "rows", .columns = columns},
	      "node lb1\n\n"
	      "name  size  tags      note\n"
	      "a        1  long tag\n"
	      "b        1  t\n");
}

static void control_characters_do_not_reach_the_terminal(void)
{
	check("{\"node\": \"l\\u001b[31mb\\n1\"}",
	      &(struct output_table){.key = "rows", .columns = columns}, "node l?[31mb?1\n");
}

static void json_has_schema_and_raw_values(void)
{
	static const struct output_view view = {.line = line};
	char *text = render(OUTPUT_JSON, "{\"rx_packets\": 12345678901, \"up\": true}", &view);

	UNIT_ASSERT_TEXT(text, "{\"rx_packets\":12345678901,\"up\":true,\"schema\":1}\n");
	free(text);
}

static void answer_that_found_no_memory_is_an_error(void)
{
	static const struct output_view view = {.line = line};
	struct output out = {.format = OUTPUT_JSON, .stream = stdout};

	CU_ASSERT_EQUAL(output_emit(&out, NULL, &view), -ENOMEM);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(numbers_go_to_the_right_and_words_to_the_left),
		UNIT_TEST(rows_below_align_over_all_rows_above),
		UNIT_TEST(table_without_rows_says_so_or_nothing),
		UNIT_TEST(lines_do_not_end_in_blanks),
		UNIT_TEST(control_characters_do_not_reach_the_terminal),
		UNIT_TEST(json_has_schema_and_raw_values),
		UNIT_TEST(answer_that_found_no_memory_is_an_error),
		{},
	};

	return unit_run("lbctl_output", tests);
}
