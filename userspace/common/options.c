/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_option(const char *word, const struct option *names)
{
	size_t length = strcspn(word, "=");

	for (; names->name; names++)
		if (strlen(names->name) == length && !strncmp(word, names->name, length))
			return true;
	return false;
}

int options_refuse_abbreviations(const char *program, char **argv, const struct option *names)
{
	for (char **word = argv + 1; *word && strcmp(*word, "--"); word++) {
		if (strncmp(*word, "--", 2) || is_option(*word + 2, names))
			continue;
		fprintf(stderr, "%s: unknown option \"%s\" (--help lists them)\n", program, *word);
		return -EINVAL;
	}
	return 0;
}

void options_default_node(char *node, size_t size)
{
	const char *chosen = getenv("SLUICE_NODE");
	char name[256] = "";

	if (!chosen && !gethostname(name, sizeof(name) - 1))
		name[strcspn(name, ".")] = '\0';
	snprintf(node, size, "%s", chosen ? chosen : name);
}
