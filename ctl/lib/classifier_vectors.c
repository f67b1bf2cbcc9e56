/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The classes: each set of rules that some value of some dimension matches, once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"

#define FIRST_ROOM 64

static __u64 hash_bits(const struct vectors *vectors, const __u64 *words)
{
	__u64 hash = 0;

	for (size_t i = 0; i < vectors->words; i++)
		hash = sluice_mix(hash ^ words[i]);
	return hash;
}

static unsigned *find_place(const struct vectors *vectors, const __u64 *words)
{
	size_t mask = vectors->index_size - 1, at = hash_bits(vectors, words) & mask;

	while (vectors->index[at] && memcmp(vectors->items[vectors->index[at] - 1].words, words,
					    vectors->words * sizeof(*words)) != 0)
		at = (at + 1) & mask;
	return &vectors->index[at];
}

/* The index is four times as large as the vectors that it has room for. */
static int grow(struct vectors *vectors)
{
	size_t room = vectors->room ? vectors->room * 2 : FIRST_ROOM;
	struct sluice_vector *items = realloc(vectors->items, room * sizeof(*items));
	unsigned *index = calloc(room * 4, sizeof(*index));

	if (items)
		vectors->items = items;
	if (!items || !index) {
		free(index);
		return -ENOMEM;
	}
	free(vectors->index);
	vectors->index = index;
	vectors->index_size = room * 4;
	vectors->room = room;
	for (size_t i = 0; i < vectors->count; i++)
		*find_place(vectors, items[i].words) = (unsigned)i + 1;
	return 0;
}

static void fill(struct sluice_vector *vector, const struct rule_bits *bits)
{
	memset(vector->summary, 0, sizeof(vector->summary));
	memcpy(vector->words, bits->words, sizeof(vector->words));
	for (size_t i = 0; i < SLUICE_VECTOR_WORDS; i++)
		if (bits->words[i])
			vector->summary[i / 64] |= 1ULL << i % 64;
}

int vectors_intern(struct vectors *vectors, const struct rule_bits *bits, __u16 *class)
{
	unsigned *place;
	int err;

	if (vectors->count == vectors->room) {
		err = grow(vectors);
		if (err)
			return err;
	}
	place = find_place(vectors, bits->words);
	if (!*place) {
		if (vectors->count == SLUICE_MAX_CLASSES)
			return -ENOSPC;
		fill(&vectors->items[vectors->count++], bits);
		*place = (unsigned)vectors->count;
	}
	*class = (__u16)(*place - 1);
	return 0;
}

int vectors_init(struct vectors *vectors, size_t rules)
{
	static const struct rule_bits none;
	__u16 class;

	*vectors = (struct vectors){.words = (rules + 63) / 64};
	return vectors_intern(vectors, &none, &class);
}

void vectors_fini(struct vectors *vectors)
{
	free(vectors->items);
	free(vectors->index);
	*vectors = (struct vectors){0};
}
