/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is below `lbctl fw`, and what its parts share. */
#ifndef SLUICE_CTL_FW_COMMANDS_H
#define SLUICE_CTL_FW_COMMANDS_H

#include "session.h"

extern const struct command command_fw_rule, command_fw_policy, command_fw_block, command_fw_allow,
	command_fw_unblock, command_fw_blocks;

/* The policy of that name, or NULL, printed. */
struct policy *fw_find_policy(const struct session *session, const char *name);

/* Prints one policy, or all with NULL. Returns an exit code. */
int fw_show(const struct invocation *inv, const char *policy);

#endif /* SLUICE_CTL_FW_COMMANDS_H */
