/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Weighted Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4). Every
 * backend walks its own permutation of the ring and takes the first free entry
 * at each of its turns. Turns are dealt out by weight: turn k of a backend of
 * weight w comes at the time k / w, so shares are as even at every moment as
 * they are at the end, and a weight that changes leaves the others' turns where
 * they were: dealing in rounds of the heaviest moves three times as much. Turns of one
 * time go in the order of identities, whatever order backends were given in.
 */
#include "maglev.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct walker {
	const struct maglev_backend *backend;
	uint64_t position; /* next entry of its permutation */
	uint64_t step;
	uint64_t turn; /* its next; the first is 1 */
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
			.turn = 1,
		};
	}
	qsort(walkers, used, sizeof(*walkers), by_identity);
	return used;
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

/* Whether a's next turn comes before b's. Walkers lie in the order of their identities. */
static bool is_before(const struct walker *a, const struct walker *b)
{
	uint64_t a_time = a->turn * b->backend->weight, b_time = b->turn * a->backend->weight;

	return a_time == b_time ? a < b : a_time < b_time;
}

/* Lets the walker at `at` sink to its place in a heap whose first has the next turn. */
static void sift_down(struct walker **heap, size_t count, size_t at)
{
	struct walker *walker = heap[at];

	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], walker))
			break;
		heap[at] = heap[child];
	}
	heap[at] = walker;
}

static void fill(struct walker **heap, size_t count, uint32_t *ring, unsigned char *taken,
		 size_t size)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(heap, count, i);
	for (size_t filled = 0; filled < size; filled++) {
		take_free_entry(heap[0], ring, taken, size);
		heap[0]->turn++;
		sift_down(heap, count, 0);
	}
}

int maglev_build(const struct maglev_backend *backends, size_t count, uint32_t *ring, size_t size)
{
	struct walker *walkers = calloc(count + 1, sizeof(*walkers));
	struct walker **heap = calloc(count + 1, sizeof(struct walker *));
	unsigned char *taken = calloc(size, 1);
	int err = -ENOMEM;
	size_t used;

	if (!walkers || !heap || !taken)
		goto out;
	for (size_t i = 0; i < size; i++)
		ring[i] = SLUICE_NONE;
	used = init_walkers(walkers, backends, count, size);
	for (size_t i = 0; i < used; i++)
		heap[i] = &walkers[i];
	if (used)
		fill(heap, used, ring, taken, size);
	err = 0;
out:
	free(taken);
	free(heap);
	free(walkers);
	return err;
}
