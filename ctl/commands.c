/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The root of the command tree: the objects, in the order of the help.
 */
#include "commands.h"

/* clang-format off */
static const struct command *const objects[] = {
	&command_status,
	&command_top,
	&command_rates,
	&command_watch,
	&command_drops,
	&command_flows,
	&command_trace,
	&command_capture,
	&command_vip,
	&command_backend,
	&command_fw,
	&command_doctor,
	&command_check,
	&command_diff,
	&command_apply,
	&command_confirm,
	&command_rollback,
	&command_show,
	&command_attach,
	&command_detach,
	&command_host,
	&command_batch,
	&command_complete,
	&command_restore,
	&command_help,
	NULL,
};
/* clang-format on */

const struct command command_root = {
	.summary = "control Sluice: firewalls and load balancing in XDP",
	.detail = "The state lives in the kernel: no daemon is needed, and each change is seen by\n"
		  "packets all at once. \"lbctl help OBJECT [COMMAND]\" says more; so does --help.",
	.commands = objects,
};
