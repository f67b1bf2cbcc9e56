/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl show config: what is in force, or what a file says, as a cluster file
 * in canonical form, which `apply` reads back, or as JSON.
 */
#include "commands.h"
#include "model_json.h"
#include "session.h"
#include "show_commands.h"

#include <errno.h>
#include <stdlib.h>

struct show_args {
	const char *file;
};

static int print_config(const struct invocation *inv, const struct cluster *cluster)
{
	static const struct output_view none = {0}; /* its text is not a table */
	char *text = NULL;
	size_t length = 0;
	int err;

	if (inv->out.format != OUTPUT_TEXT) {
		err = output_emit(&inv->out, model_json(cluster), &none);
	} else {
		err = config_write(cluster, &text, &length);
		if (!err && fwrite(text, 1, length, inv->out.stream) != length)
			err = -EIO;
		free(text);
	}
	return err ? session_failed(inv, err, "printing the configuration") : EXIT_OK;
}

static int show_config_of_node(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, NULL);

	if (!code)
		code = print_config(inv, &session.cluster);
	session_close(&session);
	return code;
}

static int run_show_config(struct invocation *inv)
{
	const struct show_args *args = inv->args;
	struct cluster cluster;
	int code;

	if (!args->file)
		return show_config_of_node(inv);
	code = session_read_file(inv, args->file, &cluster);
	if (code)
		return code;
	code = print_config(inv, &cluster);
	model_fini(&cluster);
	return code;
}

static const struct parameter show_config_parameters[] = {
	OPTION(struct show_args, file, "file", "FILE", type_file,
	       "a cluster file, instead of what is in force; - is standard input"),
	{},
};

static const struct command show_config = {
	.word = "config",
	.summary = "print the configuration in force, as a cluster file",
	.parameters = show_config_parameters,
	.args_size = sizeof(struct show_args),
	.run = run_show_config,
};

static const struct command *const show_commands[] = {&show_config, &command_show_generations,
						      NULL};

const struct command command_show = {
	.word = "show",
	.summary = "print the configuration, and those before it",
	.commands = show_commands,
};
