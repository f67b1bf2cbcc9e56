/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The commands below `lbctl show` that are not in cmd_show.c. */
#ifndef SLUICE_CTL_SHOW_COMMANDS_H
#define SLUICE_CTL_SHOW_COMMANDS_H

#include "command.h"

extern const struct command command_show_generations;

#endif /* SLUICE_CTL_SHOW_COMMANDS_H */
