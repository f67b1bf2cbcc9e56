/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Readable memory of GUARD_MAX_BYTES, and behind it a page that is not. */
static char *map_guarded(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, GUARD_MAX_BYTES + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + GUARD_MAX_BYTES, page, PROT_NONE))
		abort();
	return memory;
}

char *guard_copy(const void *bytes, size_t len)
{
	static char *memory;
	char *copy;

	if (len > GUARD_MAX_BYTES)
		abort();
	if (!memory)
		memory = map_guarded();
	copy = memory + GUARD_MAX_BYTES - len;
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}
