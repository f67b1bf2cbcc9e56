/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl batch: commands from a file, one a line.
 */
#include "batch.h"
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct batch_args {
	const char *file;
	bool force;
};

static int run_batch(struct invocation *inv)
{
	const struct batch_args *args = inv->args;
	struct batch batch = {.inv = inv, .file = args->file, .force = args->force};
	char *text = NULL;
	size_t length;
	int code = EXIT_USAGE, err = session_read_text(args->file, &text, &length);

	if (err)
		command_error(inv, "%s: %s", args->file, strerror(-err));
	else if (strlen(text) != length)
		command_error(inv, "%s: expected text, without NUL bytes", args->file);
	else
		code = batch_run(&batch, text);
	free(text);
	return code;
}

static const struct parameter batch_parameters[] = {
	OPERAND(struct batch_args, file, "FILE", type_file, "the commands; - is standard input"),
	SWITCH(struct batch_args, force, "-force", "go on behind a line that fails, without it"),
	{},
};

const struct command command_batch = {
	.word = "batch",
	.summary = "run commands from a file, one a line",
	.detail = "Lines are as behind lbctl; words with blanks stand in quotes, # begins a "
		  "comment.\n"
		  "Changes that follow each other are put in force together, under one lock: "
		  "packets\n"
		  "see all of them or none. It stops at the first line that fails, and then the\n"
		  "changes of its row are not made; its number is told, and its exit status kept.",
	.parameters = batch_parameters,
	.args_size = sizeof(struct batch_args),
	.run = run_batch,
};
