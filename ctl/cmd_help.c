/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl help [OBJECT [COMMAND]], and the man page.
 */
#include "commands.h"
#include "help.h"

#include <string.h>

struct help_args {
	const char *words[COMMAND_DEPTH];
};

static int run_help(struct invocation *inv)
{
	const struct help_args *args = inv->args;
	struct invocation about = {0};
	char help[] = "--help", *argv[COMMAND_DEPTH + 1];
	int argc = 0, code;

	if (args->words[0] && !strcmp(args->words[0], "man")) {
		help_print_man(stdout);
		return EXIT_OK;
	}
	argv[argc++] = help;
	for (size_t i = 0; i < COMMAND_DEPTH && args->words[i]; i++)
		argv[argc++] = (char *)args->words[i];
	code = command_parse(&about, argc, argv);
	if (!code)
		help_print(&about, stdout);
	command_fini(&about);
	return code;
}

static const struct parameter help_parameters[] = {
	OPERAND_OPTIONAL(struct help_args, words[0], "OBJECT", type_command,
			 "object, or \"man\" for the man page of all, in roff"),
	OPERAND_OPTIONAL(struct help_args, words[1], "COMMAND", type_command, "a command of it"),
	OPERAND_OPTIONAL(struct help_args, words[2], "COMMAND", type_command,
			 "a command below that"),
	{},
};

const struct command command_help = {
	.word = "help",
	.summary = "explain an object or a command, or print the man page",
	.parameters = help_parameters,
	.args_size = sizeof(struct help_args),
	.run = run_help,
};
