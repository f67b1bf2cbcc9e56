/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl: one command line.
 */
#include <stdio.h>

#include "commands.h"

int main(int argc, char **argv)
{
	struct invocation inv = {.out.stream = stdout};
	int code = command_parse(&inv, argc - 1, argv + 1);

	if (!code)
		code = command_run(&inv);
	command_fini(&inv);
	if (fflush(stdout) && !code)
		code = EXIT_FAILED;
	return code;
}
