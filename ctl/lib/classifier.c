/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The classifier as a whole: its dimensions one after the other, and the digest that tells
 * whether two of them do the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"

static __u64 digest_words(__u64 digest, const void *data, size_t bytes)
{
	const char *at = data;

	for (size_t i = 0; i + sizeof(__u64) <= bytes; i += sizeof(__u64)) {
		__u64 word;

		memcpy(&word, at + i, sizeof(word));
		digest = sluice_mix(digest ^ word);
	}
	return digest;
}

/* Never 0, which is that of a slot nothing was published in. */
static __u64 digest(const struct compiled *compiled, const struct classifier *classifier)
{
	__u64 sum = 1;

	sum = digest_words(sum, &classifier->head, sizeof(classifier->head));
	sum = digest_words(sum, compiled->rules, compiled->rule_count * sizeof(struct sluice_rule));
	sum = digest_words(sum, classifier->classes,
			   SLUICE_CLASS_WORDS * sizeof(struct sluice_class_word));
	sum = digest_words(sum, classifier->vectors,
			   classifier->vector_count * sizeof(struct sluice_vector));
	sum = digest_words(sum, classifier->match4,
			   classifier->match4_count * sizeof(struct sluice_match4));
	sum = digest_words(sum, classifier->match6,
			   classifier->match6_count * sizeof(struct sluice_match6));
	return sum ? sum : 1;
}

int classifier_compile(const struct cluster *cluster, const struct compiled *compiled,
		       struct classifier *out, struct diag_list *diags)
{
	struct vectors vectors;
	int err = vectors_init(&vectors, compiled->rule_count);

	*out = (struct classifier){0};
	if (!err)
		err = classifier_index(cluster, compiled, &vectors, out);
	if (!err)
		err = classifier_match(cluster, compiled, &vectors, out);
	if (err == -ENOSPC)
		diag_add(diags, (struct place){0},
			 "the rules divide addresses and ports into more than %d classes",
			 SLUICE_MAX_CLASSES);
	if (!err) {
		out->vectors = vectors.items;
		out->vector_count = vectors.count;
		vectors.items = NULL;
		out->head.digest = digest(compiled, out);
	}
	vectors_fini(&vectors);
	return err;
}

void classifier_fini(struct classifier *classifier)
{
	free(classifier->classes);
	free(classifier->vectors);
	free(classifier->match4);
	free(classifier->match6);
	*classifier = (struct classifier){0};
}
