/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Weighted Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4). Every
 * backend walks its own permutation of the ring and takes the first free entry
 * at each of its turns. Turns are dealt out by weight: in each round a backend
 * of weight w gets a turn when w/heaviest adds up to one more whole, so shares
 * are as even at every moment as they are at the end. Backends take turns in
 * the order of their identities, whatever order they were given in.
 */
#include "maglev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct walker {
	const struct maglev_backend *backend;
	uint64_t position; /* next entry of its permutation */
	uint64_t step;
	uint64_t credit; /* of turns; one costs the heaviest weight */
};

/* FNV-1a, then the finaliser of MurmurHash3: neighbouring names land far apart. */
static uint64_t hash_identity(const char *identity, uint64_t seed)
{
	uint64_t hash = 0xcbf29ce484222325 ^ seed;

	for (; *identity; identity++)
		hash = (hash ^ (unsigned char)*identity) * 0x100000001b3;
	hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
	hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
	return hash ^ (hash >> 33);
}

static int by_identity(const void *a, const void *b)
{
	return strcmp(((const struct walker *)a)->backend->identity,
		      ((const struct walker *)b)->backend->identity);
}

static size_t init_walkers(struct walker *walkers, const struct maglev_backend *backends,
			   size_t count, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (!backends[i].weight)
			continue;
		walkers[used++] = (struct walker){
			.backend = &backends[i],
			.position = hash_identity(backends[i].identity, 0) % size,
			.step = hash_identity(backends[i].identity, 1) % (size - 1) + 1,
		};
	}
	qsort(walkers, used, sizeof(*walkers), by_identity);
	return used;
}

static unsigned heaviest(const struct walker *walkers, size_t count)
{
	unsigned max = 0;

	for (size_t i = 0; i < count; i++)
		if (walkers[i].backend->weight > max)
			max = walkers[i].backend->weight;
	return max;
}

static void take_free_entry(struct walker *walker, uint32_t *ring, unsigned char *taken,
			    size_t size)
{
	uint64_t entry = walker->position;

	while (taken[entry]) {
		entry += walker->step;
		if (entry >= size)
			entry -= size;
	}
	taken[entry] = 1;
	ring[entry] = walker->backend->value;
	walker->position = entry;
}

static void fill(struct walker *walkers, size_t count, uint32_t *ring, unsigned char *taken,
		 size_t size)
{
	unsigned turn = heaviest(walkers, count);
	size_t filled = 0;

	while (filled < size) {
		for (size_t i = 0; i < count && filled < size; i++) {
			walkers[i].credit += walkers[i].backend->weight;
			if (walkers[i].credit < turn)
				continue;
			walkers[i].credit -= turn;
			take_free_entry(&walkers[i], ring, taken, size);
			filled++;
		}
	}
}

int maglev_build(const struct maglev_backend *backends, size_t count, uint32_t *ring, size_t size)
{
	struct walker *walkers = calloc(count + 1, sizeof(*walkers));
	unsigned char *taken = calloc(size, 1);
	int err = -ENOMEM;
	size_t used;

	if (!walkers || !taken)
		goto out;
	for (size_t i = 0; i < size; i++)
		ring[i] = SLUICE_NONE;
	used = init_walkers(walkers, backends, count, size);
	if (used)
		fill(walkers, used, ring, taken, size);
	err = 0;
out:
	free(taken);
	free(walkers);
	return err;
}
