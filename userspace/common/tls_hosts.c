/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Names of hosts in a hash table with open addressing. It is filled once, from
 * certificates; what clients ask for is only looked up, so nobody can make chains long.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tls_private.h"

#define FIRST_SIZE 64

/* FNV-1a */
static size_t hash(const char *name)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; *name; name++)
		value = (value ^ (unsigned char)*name) * 0x100000001b3;
	return (size_t)(value ^ value >> 32);
}

/* Where the name is, or the free slot where it would be. */
static struct tls_host *slot_of(const struct tls_hosts *hosts, const char *name)
{
	size_t i = hash(name) & (hosts->size - 1);

	while (hosts->slots[i].name && strcmp(hosts->slots[i].name, name))
		i = (i + 1) & (hosts->size - 1);
	return &hosts->slots[i];
}

static bool grow(struct tls_hosts *hosts)
{
	struct tls_hosts larger = {.count = hosts->count,
				   .size = hosts->size ? hosts->size * 2 : FIRST_SIZE};

	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < hosts->size; i++)
		if (hosts->slots[i].name)
			*slot_of(&larger, hosts->slots[i].name) = hosts->slots[i];
	free(hosts->slots);
	*hosts = larger;
	return true;
}

struct tls_host *tls_hosts_add(struct tls_hosts *hosts, const char *name)
{
	struct tls_host *slot;

	if (hosts->count * 2 >= hosts->size && !grow(hosts))
		return NULL;
	slot = slot_of(hosts, name);
	if (slot->name)
		return slot;
	slot->name = strdup(name);
	if (!slot->name)
		return NULL;
	hosts->count++;
	return slot;
}

static const struct tls_host *find_exactly(const struct tls_hosts *hosts, const char *name)
{
	const struct tls_host *slot = slot_of(hosts, name);

	return slot->name ? slot : NULL;
}

const struct tls_host *tls_hosts_find(const struct tls_hosts *hosts, const char *name)
{
	size_t length = strlen(name);
	const struct tls_host *found;
	char lower[TLS_NAME_LEN];
	char *dot;

	if (!hosts->size || !length || length >= sizeof(lower))
		return NULL;
	for (size_t i = 0; i <= length; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	found = find_exactly(hosts, lower);
	dot = strchr(lower, '.');
	if (found || !dot || dot == lower)
		return found;
	dot[-1] = '*';
	return find_exactly(hosts, dot - 1);
}

void tls_hosts_fini(struct tls_hosts *hosts)
{
	for (size_t i = 0; i < hosts->size; i++)
		free(hosts->slots[i].name);
	free(hosts->slots);
	*hosts = (struct tls_hosts){0};
}
