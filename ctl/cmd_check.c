/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl check and diff: what is wrong with a file, and what applying it would
 * change on this node. Neither changes anything.
 */
#include "commands.h"
#include "config_diff.h"

struct file_args {
	const char *file;
};

static int run_check(struct invocation *inv)
{
	static const struct output_column line[] = {
		{"file", ""},
		{"nodes", "nodes"},
		{"services", "services"},
		{"policies", "policies"},
		{"rules", "rules"},
		{},
	};
	static const struct output_view view = {.line = line};
	const struct file_args *args = inv->args;
	struct cluster cluster;
	size_t rules = 0;
	int code = session_read_file(inv, args->file, &cluster), err;

	if (code)
		return code;
	for (size_t i = 0; i < cluster.policy_count; i++)
		rules += cluster.policies[i].rule_count;
	err = output_emit(&inv->out,
			  json_pack("{s:s, s:b, s:I, s:I, s:I, s:I}", "file", args->file, "valid",
				    1, "nodes", (json_int_t)cluster.node_count, "services",
				    (json_int_t)cluster.service_count, "policies",
				    (json_int_t)cluster.policy_count, "rules", (json_int_t)rules),
			  &view);
	model_fini(&cluster);
	return err ? session_failed(inv, err, "printing") : EXIT_OK;
}

static int diff(struct invocation *inv, const struct cluster *wanted)
{
	struct session session;
	bool changes = false;
	int code = session_open_if_present(&session, inv);

	if (!code)
		code = config_diff_print(inv, &session, wanted, &changes);
	session_close(&session);
	return code ? code : changes ? EXIT_CHANGES : EXIT_OK;
}

static int run_diff(struct invocation *inv)
{
	const struct file_args *args = inv->args;
	struct cluster wanted;
	int code = session_read_file(inv, args->file, &wanted);

	if (code)
		return code;
	code = diff(inv, &wanted);
	model_fini(&wanted);
	return code;
}

static const struct parameter file_parameters[] = {
	OPERAND(struct file_args, file, "FILE", type_file, "a cluster file; - is standard input"),
	{},
};

const struct command command_check = {
	.word = "check",
	.summary = "report every mistake of a cluster file",
	.parameters = file_parameters,
	.args_size = sizeof(struct file_args),
	.run = run_check,
};

const struct command command_diff = {
	.word = "diff",
	.summary = "compare what is in force on this node with a cluster file",
	.detail = "Exit status 3 if they differ. Programs that should be on an interface and are\n"
		  "not, or the other way round, are differences too.",
	.parameters = file_parameters,
	.args_size = sizeof(struct file_args),
	.run = run_diff,
};
