/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Stable rule ids. An id is the index of a rule's counters, so a rule keeps
 * its id over edits of the file, and a new rule takes over the id (and with it
 * the past) of one that was just deleted only when no other is left.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

enum use { UNUSED, USED_BEFORE, USED };

static void mark(unsigned char *uses, const struct cluster *cluster, enum use use)
{
	for (size_t p = 0; p < cluster->policy_count; p++) {
		const struct policy *policy = &cluster->policies[p];

		for (size_t r = 0; r < policy->rule_count; r++)
			if (policy->rules[r].id < SLUICE_MAX_RULES)
				uses[policy->rules[r].id] = (unsigned char)use;
	}
}

static unsigned id_before(const struct cluster *previous, const struct policy *policy,
			  const struct rule *rule)
{
	const struct policy *old_policy = model_policy(previous, policy->name);
	const struct rule *old = old_policy ? model_rule(old_policy, rule->name) : NULL;

	return old ? old->id : SLUICE_NONE;
}

static void keep_ids(struct cluster *cluster, const struct cluster *previous, unsigned char *uses)
{
	for (size_t p = 0; p < cluster->policy_count; p++) {
		struct policy *policy = &cluster->policies[p];

		for (size_t r = 0; r < policy->rule_count; r++) {
			struct rule *rule = &policy->rules[r];
			unsigned id = id_before(previous, policy, rule);

			if (rule->id != SLUICE_NONE || id >= SLUICE_MAX_RULES || uses[id] == USED)
				continue;
			rule->id = id;
			uses[id] = USED;
		}
	}
}

static unsigned lowest(const unsigned char *uses, enum use use)
{
	for (unsigned id = 0; id < SLUICE_MAX_RULES; id++)
		if (uses[id] == use)
			return id;
	return SLUICE_NONE;
}

static int give_ids(struct policy *policy, unsigned char *uses)
{
	for (size_t r = 0; r < policy->rule_count; r++) {
		struct rule *rule = &policy->rules[r];
		unsigned id;

		if (rule->id != SLUICE_NONE)
			continue;
		id = lowest(uses, UNUSED);
		if (id == SLUICE_NONE)
			id = lowest(uses, USED_BEFORE);
		if (id == SLUICE_NONE)
			return -ENOSPC;
		rule->id = id;
		uses[id] = USED;
	}
	return 0;
}

int model_assign_rule_ids(struct cluster *cluster, const struct cluster *previous)
{
	unsigned char *uses = calloc(SLUICE_MAX_RULES, 1);
	int err = 0;

	if (!uses)
		return -ENOMEM;
	if (previous)
		mark(uses, previous, USED_BEFORE);
	mark(uses, cluster, USED);
	if (previous)
		keep_ids(cluster, previous, uses);
	for (size_t p = 0; p < cluster->policy_count && !err; p++)
		err = give_ids(&cluster->policies[p], uses);
	free(uses);
	return err;
}

const char *model_rule_name(const struct cluster *cluster, unsigned id)
{
	for (size_t i = 0; i < cluster->policy_count; i++)
		for (size_t j = 0; j < cluster->policies[i].rule_count; j++)
			if (cluster->policies[i].rules[j].id == id)
				return cluster->policies[i].rules[j].name;
	return NULL;
}
