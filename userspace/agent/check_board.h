/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where the agent writes down how each check ended, for `lbctl status` and who
 * else looks at the node: the map sluice_checks.
 */
#ifndef SLUICE_AGENT_CHECK_BOARD_H
#define SLUICE_AGENT_CHECK_BOARD_H

#include "roster.h"

struct check_board {
	int fd; /* -1: there is none */
};

void check_board_init(struct check_board *board);
void check_board_fini(struct check_board *board);
/* Follows the data plane whose maps are there; takes off what the roster does not have. */
void check_board_open(struct check_board *board, const char *pin_dir, const struct roster *roster);
void check_board_write(const struct check_board *board, const struct backend_state *backend);

#endif /* SLUICE_AGENT_CHECK_BOARD_H */
