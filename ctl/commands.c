/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The root of the command tree: the objects, in the order of the help.
 */
#include "commands.h"

static const struct command *const objects[] = {
	&command_attach,
	&command_detach,
	&command_status,
	&command_drops,
	&command_check,
	&command_diff,
	&command_apply,
	&command_show,
	&command_host,
	&command_help,
	NULL,
};

const struct command command_root = {
	.summary = "control Sluice: firewalls and load balancing in XDP",
	.detail = "The state lives in the kernel: no daemon is needed, and each change is seen by\n"
		  "packets all at once. \"lbctl help OBJECT [COMMAND]\" says more; so does --help.",
	.commands = objects,
};
