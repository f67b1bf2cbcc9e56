/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "needle.h"

/* How much is matched once `byte` has come behind `matched` bytes that were. */
static unsigned char advance(const struct needle *needle, unsigned char matched, unsigned char byte)
{
	const unsigned char *wanted = needle->wanted->bytes;

	while (matched && wanted[matched] != byte)
		matched = needle->back[matched - 1];
	return wanted[matched] == byte ? matched + 1 : 0;
}

void needle_init(struct needle *needle, const struct check_bytes *wanted)
{
	*needle = (struct needle){.wanted = wanted};
	for (unsigned i = 1; i < wanted->length; i++)
		needle->back[i] = advance(needle, needle->back[i - 1], wanted->bytes[i]);
}

bool needle_find(struct needle *needle, const void *bytes, size_t count)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < count && needle->matched < needle->wanted->length; i++)
		needle->matched = advance(needle, needle->matched, at[i]);
	return needle->matched == needle->wanted->length;
}
