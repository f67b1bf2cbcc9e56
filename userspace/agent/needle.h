/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Looks for bytes in a stream that comes in pieces, however it is cut (Knuth,
 * Morris, Pratt): nothing of the stream is kept.
 */
#ifndef SLUICE_AGENT_NEEDLE_H
#define SLUICE_AGENT_NEEDLE_H

#include <stdbool.h>

#include "model.h"

struct needle {
	const struct check_bytes *wanted; /* borrowed */
	unsigned char matched;		  /* bytes of it that the stream ends with */
	/* Of the first i + 1 bytes: how many at their end are its beginning as well. */
	unsigned char back[CHECK_BYTES_MAX];
};

void needle_init(struct needle *needle, const struct check_bytes *wanted);
/* True as soon as it was found; always true if nothing is wanted. */
bool needle_find(struct needle *needle, const void *bytes, size_t count);

#endif /* SLUICE_AGENT_NEEDLE_H */
