/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Making a node what a whole configuration says: shared by apply, rollback and restore.
 */
#ifndef SLUICE_CTL_APPLY_H
#define SLUICE_CTL_APPLY_H

#include "session.h"

/*
 * From what is in force in `session`, opened for writing, to `wanted`, which is consumed:
 * published, interfaces attached, and told. All of it or nothing.
 */
int apply_cluster(struct session *session, struct cluster *wanted);

/* What that would change. */
int apply_dry_run(const struct invocation *inv, const struct cluster *wanted);

#endif /* SLUICE_CTL_APPLY_H */
