/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What templates make of data, above all: what they escape; and what they refuse. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/appserver/template.h"
#include "../support/unit.h"

struct text_output {
	struct template_output output;
	char text[4096];
	size_t length;
	size_t limit; /* write() fails behind it */
};

static int collect(struct template_output *output, const char *text, size_t length)
{
	struct text_output *out = (struct text_output *)output;

	if (out->length + length > out->limit)
		return -ECANCELED;
	memcpy(out->text + out->length, text, length);
	out->length += length;
	return 0;
}

static const char *lookup(struct template_output *output, const char *name)
{
	(void)output;
	return strcmp(name, "outside") ? NULL : "<o>";
}

static struct text_output out;

static int render_named(const struct template_set *set, const char *name, const char *data)
{
	json_t *json = json_loads(data, 0, NULL);
	int err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	out = (struct text_output){.output = {collect, lookup}, .limit = sizeof(out.text) - 1};
	err = template_render(template_find(set, name), json, &out.output);
	json_decref(json);
	return err;
}

static const char *render(const char *text, const char *data)
{
	struct diag_list diags = {0};
	struct template_set *set;

	if (template_set_parse(text, strlen(text), &set, &diags)) {
		snprintf(out.text, sizeof(out.text), "%s", diags.items[0].text);
		diag_fini(&diags);
		return out.text;
	}
	CU_ASSERT_EQUAL(render_named(set, "main", data), 0);
	template_set_free(set);
	return out.text;
}

static void values_are_escaped_unless_raw(void)
{
	const char *data = "{\"x\": \"<a href=\\\"'&\\u00fc\", \"outside2\": 1}";

	UNIT_ASSERT_TEXT(render("{{x}}", data), "&lt;a href=&quot;&#39;&amp;ü");
	UNIT_ASSERT_TEXT(render("[{{ x }}]", data), "[&lt;a href=&quot;&#39;&amp;ü]");
	UNIT_ASSERT_TEXT(render("{{{x}}}{{&x}}", data), "<a href=\"'&ü<a href=\"'&ü");
	UNIT_ASSERT_TEXT(render("{{outside}} {{{outside}}}", data), "&lt;o&gt; <o>");
	UNIT_ASSERT_TEXT(render("a < b & {c} }} {", data), "a < b & {c} }} {");
}

static void values_of_all_kinds_have_a_text(void)
{
	const char *data = "{\"i\": -7, \"r\": 0.1, \"s\": 1e300, \"t\": true, \"f\": false,"
			   " \"n\": null, \"l\": [1], \"o\": {\"in\": {\"deep\": \"d\"}}}";

	UNIT_ASSERT_TEXT(render("{{i}} {{r}} {{s}} {{t}} {{f}} [{{n}}{{l}}{{o}}{{none}}]", data),
			 "-7 0.1 1e+300 true false []");
	UNIT_ASSERT_TEXT(render("{{o.in.deep}} [{{o.in.other}}{{o.no.deep}}{{i.x}}]", data),
			 "d []");
}

static void sections_repeat_and_decide(void)
{
	const char *data = "{\"list\": [{\"n\": 1}, {\"n\": 2, \"title\": \"in\"}], \"title\": "
			   "\"out\", \"words\": [\"a\", \"<\"], \"none\": [], \"zero\": 0,"
			   " \"object\": {\"n\": 9}}";

	UNIT_ASSERT_TEXT(render("{{#list}}{{n}}{{title}},{{/list}}", data), "1out,2in,");
	UNIT_ASSERT_TEXT(render("{{#words}}{{.}};{{/words}}", data), "a;&lt;;");
	UNIT_ASSERT_TEXT(render("{{#object}}{{n}}{{/object}}", data), "9");
	UNIT_ASSERT_TEXT(render("{{#none}}x{{/none}}{{^none}}empty{{/none}}", data), "empty");
	UNIT_ASSERT_TEXT(
		render("{{#zero}}x{{/zero}}{{^zero}}no{{/zero}}{{^title}}x{{/title}}", data), "no");
	UNIT_ASSERT_TEXT(render("{{#outside}}yes {{title}}{{/outside}}", data), "yes out");
}

static void a_tag_with_a_line_of_its_own_leaves_no_line(void)
{
	const char *data = "{\"l\": [1, 2]}";

	UNIT_ASSERT_TEXT(render("a\n  {{#l}}  \n- {{.}}\n  {{/l}}\nb\n", data), "a\n- 1\n- 2\nb\n");
	UNIT_ASSERT_TEXT(render("a\n{{! comment\nof two lines }}\nb", data), "a\nb");
	UNIT_ASSERT_TEXT(render("a {{! beside }}\nb", data), "a \nb");
	UNIT_ASSERT_TEXT(render("{{#l}}\r\nx\r\n{{/l}}", data), "x\r\nx\r\n");
}

static void mistakes_are_told_by_line(void)
{
	UNIT_ASSERT_TEXT(render("a\n{{#x}}\n", "{}"), "main:2: {{x}}: is never closed");
	UNIT_ASSERT_TEXT(render("{{#x}}\n\n{{/y}}", "{}"),
			 "main:3: {{/y}}: \"x\" of line 1 is to be closed first");
	UNIT_ASSERT_TEXT(render("{{/y}}", "{}"), "main:1: {{/y}}: nothing is open here");
	UNIT_ASSERT_TEXT(render("\n{{x", "{}"), "main:2: {{x}}: the tag is not closed");
	UNIT_ASSERT_TEXT(render("{{}}", "{}"), "main:1: {{}}: not a name");
	UNIT_ASSERT_TEXT(render("{{a..b}}", "{}"), "main:1: {{a..b}}: not a name");
	UNIT_ASSERT_TEXT(render("{{a b}}", "{}"), "main:1: {{a b}}: not a name");
	UNIT_ASSERT_TEXT(render("{{=<% %>=}}", "{}"),
			 "main:1: {{=<% %>=}}: delimiters cannot be changed");
	UNIT_ASSERT_TEXT(render("{{>other}}", "{}"), "main:1: \"other\": no such template");
}

static void endless_templates_end(void)
{
	struct diag_list diags = {0};
	struct template_set *set;
	const char *text = "x{{>main}}{{>main}}";

	CU_ASSERT_EQUAL_FATAL(template_set_parse(text, strlen(text), &set, &diags), 0);
	CU_ASSERT_EQUAL(render_named(set, "main", "{}"), -ELOOP);
	template_set_free(set);
}

static void an_output_that_fails_ends_rendering(void)
{
	struct diag_list diags = {0};
	struct template_set *set;
	json_t *data = json_pack("{s:s}", "x", "<<<");

	CU_ASSERT_EQUAL_FATAL(template_set_parse("abc{{x}}def", 11, &set, &diags), 0);
	out = (struct text_output){.output = {collect, NULL}, .limit = 8};
	CU_ASSERT_EQUAL(template_render(template_find(set, "main"), data, &out.output), -ECANCELED);
	UNIT_ASSERT_TEXT(out.text, "abc&lt;");
	template_set_free(set);
	json_decref(data);
}

/* --- directories -------------------------------------------------------------------- */

static char directory[] = "/tmp/app_template_XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static void remove_all(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void layouts_take_blocks_from_pages(void)
{
	struct diag_list diags = {0};
	struct template_set *set;
	char path[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/parts", directory);
	mkdir(path, 0700);
	put("base.html",
	    "<{{$title}}Shop{{/title}}|{{$main}}nothing{{/main}}|{{>parts/foot.html}}>");
	put("wide.html", "{{<base.html}}{{$main}}[{{$inner}}{{/inner}}]{{/main}}{{/base.html}}");
	put("page.html", "{{<wide.html}}lost{{$title}}{{t}}{{/title}}{{$inner}}in{{/inner}}"
			 "{{/wide.html}}");
	put("plain.html", "{{<base.html}}{{/base.html}}");
	put("parts/foot.html", "{{$title}}foot{{/title}}{{#csrf}}{{/csrf}}");
	put("lone.html", "csrf {{csrf.x}}");
	put(".hidden", "{{broken");
	put("backup~", "{{broken");
	CU_ASSERT_EQUAL_FATAL(template_set_load(directory, &set, &diags), 0);
	CU_ASSERT_EQUAL(render_named(set, "page.html", "{\"t\": \"<T>\"}"), 0);
	UNIT_ASSERT_TEXT(out.text, "<&lt;T&gt;|[in]|foot>");
	CU_ASSERT(template_shows_token(template_find(set, "page.html")));
	CU_ASSERT(template_shows_token(template_find(set, "parts/foot.html")));
	CU_ASSERT_FALSE(template_shows_token(template_find(set, "lone.html")));
	CU_ASSERT_EQUAL(render_named(set, "plain.html", "{}"), 0);
	UNIT_ASSERT_TEXT(out.text, "<Shop|nothing|foot>");
	CU_ASSERT_PTR_NULL(template_find(set, "none.html"));
	CU_ASSERT_PTR_NULL(template_find(set, ".hidden"));
	template_set_free(set);

	put("bad.html", "{{#a}}");
	put("worse.html", "\n{{>none.html}}{{a");
	CU_ASSERT_EQUAL(template_set_load(directory, &set, &diags), -EINVAL);
	CU_ASSERT_EQUAL(diags.count, 2);
	diag_fini(&diags);
	remove_all();
	diags = (struct diag_list){0};
	CU_ASSERT_EQUAL(template_set_load(directory, &set, &diags), -EINVAL);
	CU_ASSERT_EQUAL(diags.count, 1);
	diag_fini(&diags);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(values_are_escaped_unless_raw),
		UNIT_TEST(values_of_all_kinds_have_a_text),
		UNIT_TEST(sections_repeat_and_decide),
		UNIT_TEST(a_tag_with_a_line_of_its_own_leaves_no_line),
		UNIT_TEST(mistakes_are_told_by_line),
		UNIT_TEST(endless_templates_end),
		UNIT_TEST(an_output_that_fails_ends_rendering),
		UNIT_TEST(layouts_take_blocks_from_pages),
		{0},
	};

	return unit_run("app_template", tests);
}
