/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The limits of services and of rules, below `lbctl vip` and `lbctl fw`. */
#ifndef SLUICE_CTL_LIMIT_COMMANDS_H
#define SLUICE_CTL_LIMIT_COMMANDS_H

#include "command.h"

extern const struct command command_vip_limit, command_fw_limit;

#endif /* SLUICE_CTL_LIMIT_COMMANDS_H */
