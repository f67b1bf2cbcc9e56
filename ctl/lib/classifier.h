/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From ordered rules to the classifier's tables (sluice/abi.h): no I/O, no kernel. A rule is
 * one bit, however many prefixes and ports it names: its set of them is in the classes.
 */
#ifndef SLUICE_CLASSIFIER_H
#define SLUICE_CLASSIFIER_H

#include "compile.h"

struct classifier {
	struct sluice_classifier head;
	struct sluice_class_word *classes; /* SLUICE_CLASS_WORDS */
	struct sluice_vector *vectors;
	size_t vector_count;
	struct sluice_match4 *match4; /* buckets; counts are powers of two */
	size_t match4_count;
	struct sluice_match6 *match6;
	size_t match6_count;
};

/*
 * Of compiled->rules. -ENOSPC, told in `diags`: more than SLUICE_MAX_CLASSES sets of rules
 * that some value matches. What is made is freed by classifier_fini(), on failure as well.
 */
int classifier_compile(const struct cluster *cluster, const struct compiled *compiled,
		       struct classifier *out, struct diag_list *diags) __must_check;
void classifier_fini(struct classifier *classifier);

/* --- between its files ------------------------------------------------------------ */

/* Rules by position. */
struct rule_bits {
	__u64 words[SLUICE_VECTOR_WORDS];
};

static inline void rule_bits_set(struct rule_bits *bits, size_t rule)
{
	bits->words[rule / 64] |= 1ULL << rule % 64;
}

static inline void rule_bits_clear(struct rule_bits *bits, size_t rule)
{
	bits->words[rule / 64] &= ~(1ULL << rule % 64);
}

/* The vectors so far, each once. */
struct vectors {
	struct sluice_vector *items;
	size_t count, room;
	unsigned *index; /* by hash: number of the vector + 1, 0: free */
	size_t index_size;
	size_t words; /* of a vector, that may have bits */
};

/* classifier_vectors.c. Class 0 is that of no rule. */
int vectors_init(struct vectors *vectors, size_t rules) __must_check;
void vectors_fini(struct vectors *vectors);
/* The class of just these rules: -ENOSPC if it were one too many. */
int vectors_intern(struct vectors *vectors, const struct rule_bits *bits,
		   __u16 *class) __must_check;

/* classifier_index.c: what is an index: ports, protocols with their details, interfaces. */
int classifier_index(const struct cluster *cluster, const struct compiled *compiled,
		     struct vectors *vectors, struct classifier *out) __must_check;
/* classifier_match.c: prefixes. */
int classifier_match(const struct cluster *cluster, const struct compiled *compiled,
		     struct vectors *vectors, struct classifier *out) __must_check;

#endif /* SLUICE_CLASSIFIER_H */
