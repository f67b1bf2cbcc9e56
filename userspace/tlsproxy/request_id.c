/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Ids that name a request on every tier. Random bytes are fetched many at a
 * time; a child forked later has fetched none, as only workers do.
 */
#include <stdint.h>
#include <sys/random.h>

#include "tlsproxy.h"

#define UUID_BYTES 16
#define IDS_AHEAD  16 /* 256 bytes: getrandom(2) gives all or nothing, uninterrupted */

static const unsigned char *random_bytes(void)
{
	static unsigned char pool[IDS_AHEAD][UUID_BYTES];
	static size_t left;

	if (!left) {
		ssize_t got;

		do
			got = getrandom(pool, sizeof(pool), 0);
		while (got != sizeof(pool));
		left = IDS_AHEAD;
	}
	return pool[--left];
}

void request_id_make(char id[static REQUEST_ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = random_bytes();

	for (unsigned i = 0; i < UUID_BYTES; i++) {
		unsigned byte = bytes[i];

		if (i == 6)
			byte = (byte & 0x0f) | 0x40; /* version 4 */
		if (i == 8)
			byte = (byte & 0x3f) | 0x80; /* variant */
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*id++ = '-';
		*id++ = digits[byte >> 4];
		*id++ = digits[byte & 15];
	}
	*id = '\0';
}
