/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The objects of lbctl, one per cmd_*.c; commands.c puts them in order. */
#ifndef SLUICE_CTL_COMMANDS_H
#define SLUICE_CTL_COMMANDS_H

#include "command.h"

extern const struct command command_attach, command_detach, command_vip, command_backend,
	command_fw, command_status, command_drops, command_trace, command_capture, command_rates,
	command_doctor, command_check, command_diff, command_apply, command_show, command_host,
	command_batch, command_complete, command_rollback, command_confirm, command_restore,
	command_flows, command_top, command_watch, command_help;

#endif /* SLUICE_CTL_COMMANDS_H */
