/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl fw: policies, their rules, and the block set.
 */
#include "commands.h"
#include "fw_commands.h"
#include "limit_commands.h"

static const struct command *const fw_commands[] = {
	&command_fw_rule,  &command_fw_policy,	&command_fw_limit,  &command_fw_block,
	&command_fw_allow, &command_fw_unblock, &command_fw_blocks, NULL,
};

const struct command command_fw = {
	.word = "fw",
	.summary = "firewall policies, their rules and limits, and the block set",
	.commands = fw_commands,
};
