/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A file of command lines, run one after the other. Changes that follow each other are made
 * under one lock and put in force by one publication, with the command that ends their row.
 */
#ifndef SLUICE_CTL_BATCH_H
#define SLUICE_CTL_BATCH_H

#include "session.h"

struct batch {
	const struct invocation *inv; /* of `lbctl batch` */
	const char *file;
	bool force;	 /* a line that fails is left out, and the others go on */
	bool collecting; /* `session` is open and holds changes that are not in force */
	unsigned first_line, changes; /* of them */
	struct session session;
};

/* Runs the lines of `text`, which is changed; returns the exit code of the first failure. */
int batch_run(struct batch *batch, char *text);

/* session_edit() of a line: the change is made in the batch's session. */
int batch_edit(const struct invocation *inv, enum dataplane_access access,
	       int (*edit)(struct session *session));

/* Puts in force what was changed: called before any other session is opened. */
int batch_flush(struct batch *batch);

/*
 * Splits a line into words where blanks are, in place: "..." and '...' keep them, # begins a
 * comment. Returns their number, or -EINVAL for a quote without an end, -E2BIG for too many.
 */
int batch_split(char *line, char **words, int max);

#endif /* SLUICE_CTL_BATCH_H */
