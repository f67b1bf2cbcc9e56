/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Diagnostics: mistakes found in a configuration, each with its place, the
 * value and what was expected. Collected, so that one run reports them all.
 */
#ifndef SLUICE_DIAG_H
#define SLUICE_DIAG_H

#include <stddef.h>

struct place {
	unsigned line; /* from 1; 0: not from a file */
	unsigned column;
};

struct diag {
	struct place at;
	char *text; /* without place or newline */
};

struct diag_list {
	const char *file; /* borrowed; NULL: no file, text is printed alone */
	struct diag *items;
	size_t count;
};

/* Appends one message. Out of memory is itself recorded as a message. */
void diag_add(struct diag_list *list, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts all messages behind the first `before` in the order of their places. */
void diag_sort(struct diag_list *list, size_t before);
void diag_fini(struct diag_list *list);

/*
 * The candidate nearest to `word` by edit distance, or NULL if none is near
 * enough to be meant. `candidates` ends with NULL.
 */
const char *diag_nearest(const char *word, const char *const *candidates);

#endif /* SLUICE_DIAG_H */
