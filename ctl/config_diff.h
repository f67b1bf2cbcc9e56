/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What differs between the configuration in force and another one, in the
 * words and the order of the cluster file.
 */
#ifndef SLUICE_CTL_CONFIG_DIFF_H
#define SLUICE_CTL_CONFIG_DIFF_H

#include "session.h"

/*
 * An array of {"change": "add"|"del"|"set", "path", "from", "to"}, null where
 * there is no value. NULL: out of memory.
 */
json_t *config_diff(const json_t *from, const json_t *to);

/*
 * Prints what would change on session's node, attachments included, if
 * `wanted` were applied. Returns an exit code.
 */
int config_diff_print(const struct invocation *inv, const struct session *session,
		      const struct cluster *wanted, bool *changes);

#endif /* SLUICE_CTL_CONFIG_DIFF_H */
