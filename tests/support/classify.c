/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One dimension after the other, as bpf/rules.h does it.
 */
#include <string.h>

#include "classify.h"

static __u64 word_of(const struct sluice_addr *addr, unsigned half)
{
	__u64 word = 0;

	for (unsigned i = 0; i < 8; i++)
		word = word << 8 | addr->bytes[half * 8 + i];
	return word;
}

/* The entry for that many bits of the address, or 0. */
static __u64 find4(const struct classifier *classifier, unsigned dimension, __u32 addr,
		   unsigned length)
{
	__u64 key = sluice_match4_key(addr & (__u32)(~0ULL << (32 - length)), dimension, length);
	const struct sluice_match4 *bucket =
		&classifier->match4[sluice_match4_bucket(key, classifier->head.shift[0])];

	for (unsigned i = 0; i < SLUICE_MATCH4_WAYS; i++)
		if (bucket->entries[i] >> 16 == key >> 16)
			return bucket->entries[i];
	return 0;
}

static __u64 find6(const struct classifier *classifier, unsigned dimension,
		   const struct sluice_addr *addr, unsigned length)
{
	struct sluice_addr mask = addr_mask(length), network = addr_and(addr, &mask);
	__u64 high = word_of(&network, 0), low = word_of(&network, 1);
	__u64 rest = SLUICE_MATCH_REST(dimension, length);
	const struct sluice_match6 *bucket =
		&classifier
			 ->match6[sluice_match6_bucket(high, low, rest, classifier->head.shift[1])];

	for (unsigned i = 0; i < SLUICE_MATCH6_WAYS; i++)
		if (bucket->high[i] == high && bucket->low[i] == low &&
		    bucket->rest[i] >> 16 == rest >> 16)
			return bucket->rest[i];
	return 0;
}

static unsigned class_of_address(const struct classifier *classifier, unsigned dimension,
				 const struct sluice_addr *addr)
{
	unsigned family = !addr_is_v4(addr), node = 1;
	unsigned class = classifier->head.base[dimension][family];
	const __u8 *lengths = classifier->head.lengths[dimension][family];

	while (node < SLUICE_LENGTH_NODES && lengths[node]) {
		__u64 found = family ? find6(classifier, dimension, addr, lengths[node])
				     : find4(classifier, dimension, (__u32)word_of(addr, 1),
					     lengths[node]);

		if (found)
			class = found & 0xffff;
		node = node * 2 + !!found;
	}
	return class;
}

static unsigned class_at(const struct classifier *classifier, unsigned at)
{
	return classifier->classes[at / SLUICE_CLASSES_PER_WORD].of[at % SLUICE_CLASSES_PER_WORD];
}

unsigned classify_count(const struct classifier *classifier, const struct classified *packet,
			size_t *first)
{
	const unsigned classes[SLUICE_DIM_COUNT] = {
		class_of_address(classifier, SLUICE_DIM_SRC, &packet->src),
		class_of_address(classifier, SLUICE_DIM_DST, &packet->dst),
		class_at(classifier, SLUICE_CLASS_SPORT + packet->sport),
		class_at(classifier, SLUICE_CLASS_DPORT + packet->dport),
		class_at(classifier, packet->kind),
		classifier->head.in[packet->in][packet->invalid],
	};
	unsigned count = 0;

	for (size_t rule = 0; rule < SLUICE_MAX_RULES; rule++) {
		bool all = true;

		for (unsigned i = 0; i < SLUICE_DIM_COUNT && all; i++)
			all = classifier->vectors[classes[i]].words[rule / 64] >> rule % 64 & 1;
		if (all && !count++)
			*first = rule;
	}
	return count;
}
