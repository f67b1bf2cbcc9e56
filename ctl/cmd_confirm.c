/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl confirm: the change that waits is to stay.
 */
#include "commands.h"
#include "confirmation.h"
#include "session.h"

static int run_confirm(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_WRITE, 0);

	if (!code)
		code = confirmation_give(&session);
	session_close(&session);
	return code;
}

const struct command command_confirm = {
	.word = "confirm",
	.summary = "keep the change that was made with --confirm",
	.detail = "Without it the kernel itself turns the change back when its time is over, and "
		  "the\n"
		  "programs of interfaces with it, whatever became of lbctl and the agent. Until\n"
		  "then no other change is made; \"lbctl rollback\" turns this one back at once.",
	.run = run_confirm,
};
