/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What may be said of every command that changes the configuration in force: the last rows
 * of its parameter table, bound to the member `change` of its arguments.
 */
#ifndef SLUICE_CTL_CHANGE_H
#define SLUICE_CTL_CHANGE_H

#include "command.h"

struct change_args {
	bool ephemeral;
	unsigned confirm_s; /* 0: at once, for good */
};

#define CHANGE_EPHEMERAL "--ephemeral"
#define CHANGE_CONFIRM	 "--confirm"

#define CHANGE_PARAMETERS(args)                                                                    \
	SWITCH(args, change.ephemeral, CHANGE_EPHEMERAL, "not to outlive a reboot"),               \
		OPTION(args, change.confirm_s, CHANGE_CONFIRM, "SEC", type_seconds,                \
		       "undo it after so many seconds, unless \"lbctl confirm\" comes before")

#endif /* SLUICE_CTL_CHANGE_H */
