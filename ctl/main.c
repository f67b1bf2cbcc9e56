/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl: the root of the command tree, and the run through it.
 */
#include <stdio.h>

#include "commands.h"
#include "help.h"

static int run(struct invocation *inv)
{
	if (inv->version) {
		puts("lbctl " LBCTL_VERSION);
		return EXIT_OK;
	}
	if (inv->help || !inv->args) {
		help_print(inv, stdout);
		return EXIT_OK;
	}
	return inv->path[inv->depth - 1]->run(inv);
}

int main(int argc, char **argv)
{
	struct invocation inv = {.out.stream = stdout};
	int code = command_parse(&inv, argc - 1, argv + 1);

	if (!code)
		code = run(&inv);
	command_fini(&inv);
	if (fflush(stdout) && !code)
		code = EXIT_FAILED;
	return code;
}
