/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Wrong cluster files: each case of data/mistakes.txt must give exactly the
 * messages that stand there, at their places, and no model.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "../support/unit.h"

#define MAX_CASES 400

struct mistakes_case {
	char *name, *text, *expected;
};

static struct mistakes_case cases[MAX_CASES];
static struct unit_test tests[MAX_CASES + 1];
static size_t case_count, next_case;

static char *print_diags(const struct diag_list *diags)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < diags->count; i++)
		fprintf(out, "=> %u:%u: %s\n", diags->items[i].at.line, diags->items[i].at.column,
			diags->items[i].text);
	return fclose(out) ? NULL : text;
}

/* CUnit runs the tests in the order of the cases. */
static void run_case(void)
{
	const struct mistakes_case *c = &cases[next_case++];
	struct diag_list diags = {};
	struct cluster cluster;
	char *printed;

	CU_ASSERT_EQUAL(config_read(c->text, strlen(c->text), &cluster, &diags), -EINVAL);
	printed = print_diags(&diags);
	UNIT_ASSERT_TEXT(printed, c->expected);
	CU_ASSERT_EQUAL(cluster.node_count + cluster.service_count + cluster.set_count, 0);
	free(printed);
	diag_fini(&diags);
	model_fini(&cluster);
}

static void append(char **text, const char *line)
{
	size_t length = *text ? strlen(*text) : 0;
	char *grown = realloc(*text, length + strlen(line) + 1);

	if (!grown)
		exit(EXIT_FAILURE);
	strcpy(grown + length, line);
	*text = grown;
}

static void take_line(const char *line)
{
	struct mistakes_case *c;

	if (!strncmp(line, "## ", 3)) {
		c = &cases[case_count++];
		append(&c->name, line + 3);
		c->name[strcspn(c->name, "\n")] = '\0';
		append(&c->text, "");
		append(&c->expected, "");
	} else if (case_count && strcmp(line, "\n")) {
		c = &cases[case_count - 1];
		append(strncmp(line, "=> ", 3) ? &c->text : &c->expected, line);
	}
}

static int load_cases(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!file) {
		fprintf(stderr, "%s: %s (run from the top of the tree)\n", path, strerror(errno));
		return -1;
	}
	while (case_count < MAX_CASES && getline(&line, &size, file) > 0)
		take_line(line);
	free(line);
	fclose(file);
	return 0;
}

int main(void)
{
	int status;

	if (load_cases("tests/unit/data/mistakes.txt"))
		return EXIT_FAILURE;
	for (size_t i = 0; i < case_count; i++)
		tests[i] = (struct unit_test){cases[i].name, run_case};
	status = unit_run("config_mistakes", tests);
	for (size_t i = 0; i < case_count; i++) {
		free(cases[i].name);
		free(cases[i].text);
		free(cases[i].expected);
	}
	return status;
}
