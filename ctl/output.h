/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What lbctl says. A command collects its answer as one JSON value and
 * describes, in a constant table, how that value looks as text; so text never
 * says anything that JSON does not, and the keys are the same words.
 *
 * JSON has raw integers, units in the keys, and "schema" in the outermost
 * object.
 */
#ifndef SLUICE_CTL_OUTPUT_H
#define SLUICE_CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define OUTPUT_SCHEMA 1

enum output_format {
	OUTPUT_TEXT,
	OUTPUT_JSON,   /* one line */
	OUTPUT_PRETTY, /* JSON for people */
};

struct output {
	enum output_format format;
	FILE *stream;
};

struct output_column {
	const char *key;   /* in each row */
	const char *title; /* heading */
};

/* How an array of objects looks: a row for each, columns aligned. */
struct output_table {
	const char *key;		     /* of the array in the object above it */
	const char *heading;		     /* line above it; may be NULL */
	const char *empty;		     /* said if there is no row; NULL: nothing is printed */
	const struct output_column *columns; /* ends with {} */
	const struct output_table *below;    /* a table in each row, indented; may be NULL */
};

/* How an object looks: some of its members on one line, then tables. */
struct output_view {
	const struct output_column *line;  /* ends with {}; may be NULL */
	const struct output_table *tables; /* ends with {}; may be NULL */
};

/*
 * Prints `root` (an object, consumed even on error; NULL: out of memory) as
 * JSON, or as text through `view`. Returns 0 or -errno.
 */
int output_emit(const struct output *out, json_t *root, const struct output_view *view);

#endif /* SLUICE_CTL_OUTPUT_H */
