/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of policies and their rules, and of what they compile to.
 */
#include "model_validator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rules name sets by the thousand: these are looked up in order of name. */
struct set_index {
	const struct address_set **sets;
	size_t count;
};

static int by_set_name(const void *a, const void *b)
{
	const struct address_set *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static int set_index_init(struct set_index *index, const struct cluster *cluster)
{
	index->count = cluster->set_count;
	index->sets = calloc(index->count + 1, sizeof(*index->sets));
	if (!index->sets)
		return -ENOMEM;
	for (size_t i = 0; i < index->count; i++)
		index->sets[i] = &cluster->sets[i];
	qsort(index->sets, index->count, sizeof(*index->sets), by_set_name);
	return 0;
}

static int compare_set_name(const void *name, const void *set)
{
	return strcmp(name, (*(const struct address_set *const *)set)->name);
}

static const struct address_set *find_set(const struct set_index *index, const char *name)
{
	const struct address_set **found =
		bsearch(name, index->sets, index->count, sizeof(*index->sets), compare_set_name);

	return found ? *found : NULL;
}

static bool node_uses_policy(const struct node *node, const char *policy)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (!strcmp(node->interfaces[i].policy, policy))
			return true;
	return false;
}

/* --- one rule --------------------------------------------------------------------- */

static void check_ingress(struct validator *v, const struct policy *policy, const struct rule *rule)
{
	const struct cluster *cluster = v->cluster;
	bool used = false;

	if (!rule->in[0])
		return;
	for (size_t i = 0; i < cluster->node_count; i++) {
		if (!node_uses_policy(&cluster->nodes[i], policy->name))
			continue;
		used = true;
		if (model_interface(&cluster->nodes[i], rule->in))
			return;
	}
	if (used)
		validator_report(v, rule->at, "in",
				 "policy \"%s\": rule \"%s\": in \"%s\": no node that uses the "
				 "policy has this interface",
				 policy->name, rule->name, rule->in);
}

static void check_set_names(struct validator *v, const struct set_index *index,
			    const struct policy *policy, const struct rule *rule,
			    const struct rule_addresses *addresses, const char *key)
{
	const struct cluster *cluster = v->cluster;

	for (size_t i = 0; i < addresses->set_count; i++) {
		const char *name = addresses->sets[i];
		struct nearest_name nearest = {};

		if (find_set(index, name))
			continue;
		if (cluster->set_count)
			nearest = validator_nearest(v, name, cluster->sets->name,
						    sizeof(*cluster->sets), cluster->set_count);
		validator_report(v, rule->at, "",
				 "policy \"%s\": rule \"%s\": %s \"%s\": neither a network nor the "
				 "name of a set%s",
				 policy->name, rule->name, key, name, nearest.text);
	}
}

/* How many prefixes of each family the addresses stand for. */
struct families {
	size_t v4, v6;
};

static void count_prefixes(struct families *count, const struct prefix *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addr_is_v4(&prefixes[i].addr))
			count->v4++;
		else
			count->v6++;
}

static struct families count_families(const struct set_index *index,
				      const struct rule_addresses *addresses)
{
	struct families count = {};

	count_prefixes(&count, addresses->prefixes, addresses->prefix_count);
	for (size_t i = 0; i < addresses->set_count; i++) {
		const struct address_set *set = find_set(index, addresses->sets[i]);

		if (set)
			count_prefixes(&count, set->prefixes, set->prefix_count);
	}
	return count;
}

static bool has_common_family(const struct set_index *index, const struct rule *rule)
{
	struct families from = count_families(index, &rule->from);
	struct families to = count_families(index, &rule->to);
	bool any_from = !from.v4 && !from.v6, any_to = !to.v4 && !to.v6;

	return any_from || any_to || (from.v4 && to.v4) || (from.v6 && to.v6);
}

/* A file cannot say these; a command could, and then the file could not be read again. */
static void check_networks(struct validator *v, const struct policy *policy,
			   const struct rule *rule, const struct rule_addresses *addresses,
			   const char *key)
{
	for (size_t i = 0; i < addresses->prefix_count; i++) {
		struct prefix network = addresses->prefixes[i];
		struct sluice_addr mask = addr_mask(network.bits);
		char given[PREFIX_TEXT_LEN], meant[PREFIX_TEXT_LEN];

		network.addr = addr_and(&network.addr, &mask);
		if (!addr_cmp(&network.addr, &addresses->prefixes[i].addr))
			continue;
		validator_report(
			v, rule->at, key,
			"policy \"%s\": rule \"%s\": %s \"%s\": bits behind the prefix are "
			"set, expected the network %s",
			policy->name, rule->name, key,
			prefix_format(&addresses->prefixes[i], given),
			prefix_format(&network, meant));
	}
}

static void check_ports(struct validator *v, const struct policy *policy, const struct rule *rule,
			const struct port_range *ranges, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (!ranges[i].min || ranges[i].min > ranges[i].max)
			validator_report(
				v, rule->at, key,
				"policy \"%s\": rule \"%s\": %s %u-%u: expected 1 to 65535, "
				"the lower one first",
				policy->name, rule->name, key, ranges[i].min, ranges[i].max);
}

static void check_rule(struct validator *v, const struct set_index *index,
		       const struct policy *policy, const struct rule *rule)
{
	bool has_ports = rule->sport_count || rule->dport_count;

	if (!model_name_is_valid(rule->name))
		validator_report(v, rule->at, "name",
				 "policy \"%s\": rule \"%s\": not a valid name", policy->name,
				 rule->name);
	check_ingress(v, policy, rule);
	check_set_names(v, index, policy, rule, &rule->from, "from");
	check_set_names(v, index, policy, rule, &rule->to, "to");
	check_networks(v, policy, rule, &rule->from, "from");
	check_networks(v, policy, rule, &rule->to, "to");
	check_ports(v, policy, rule, rule->dports, rule->dport_count, "port");
	check_ports(v, policy, rule, rule->sports, rule->sport_count, "sport");
	validate_rule_limits(v, policy, rule);
	if (has_ports && rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP)
		validator_report(v, rule->at, "proto",
				 "policy \"%s\": rule \"%s\": ports need proto tcp or udp",
				 policy->name, rule->name);
	if (rule->flags.mask && rule->proto != IPPROTO_TCP)
		validator_report(v, rule->at, "proto",
				 "policy \"%s\": rule \"%s\": flags need proto tcp", policy->name,
				 rule->name);
	if (rule->icmp.given && rule->proto != IPPROTO_ICMP && rule->proto != IPPROTO_ICMPV6)
		validator_report(v, rule->at, "proto",
				 "policy \"%s\": rule \"%s\": icmp needs proto icmp or icmpv6",
				 policy->name, rule->name);
	if (!has_common_family(index, rule))
		validator_report(
			v, rule->at, "from to",
			"policy \"%s\": rule \"%s\": from and to have no address family in "
			"common: it matches nothing",
			policy->name, rule->name);
}

/* --- uniqueness ------------------------------------------------------------------- */

struct rule_ref {
	const struct policy *policy;
	const struct rule *rule;
	size_t order;
};

static int by_order(const struct rule_ref *a, const struct rule_ref *b)
{
	return a->order < b->order ? -1 : a->order > b->order;
}

static int by_name(const void *left, const void *right)
{
	const struct rule_ref *a = left, *b = right;
	int order = strcmp(a->rule->name, b->rule->name);

	return order ? order : by_order(a, b);
}

static int by_id(const void *left, const void *right)
{
	const struct rule_ref *a = left, *b = right;

	if (a->rule->id != b->rule->id)
		return a->rule->id < b->rule->id ? -1 : 1;
	return by_order(a, b);
}

static void check_unique_names(struct validator *v, struct rule_ref *refs, size_t count)
{
	qsort(refs, count, sizeof(*refs), by_name);
	for (size_t i = 1; i < count; i++)
		if (refs[i].rule->name[0] && !strcmp(refs[i].rule->name, refs[i - 1].rule->name))
			validator_report(
				v, refs[i].rule->at, "name",
				"policy \"%s\": rule \"%s\": the policy has a rule of this "
				"name already",
				refs[i].policy->name, refs[i].rule->name);
}

static void check_unique_ids(struct validator *v, struct rule_ref *refs, size_t count)
{
	qsort(refs, count, sizeof(*refs), by_id);
	for (size_t i = 0; i < count && refs[i].rule->id != SLUICE_NONE; i++) {
		const struct rule *rule = refs[i].rule;

		if (rule->id >= SLUICE_MAX_RULES)
			validator_report(
				v, rule->at, "id",
				"policy \"%s\": rule \"%s\": id \"%u\": expected at most %u",
				refs[i].policy->name, rule->name, rule->id, SLUICE_MAX_RULES - 1);
		else if (i && rule->id == refs[i - 1].rule->id)
			validator_report(v, rule->at, "id",
					 "policy \"%s\": rule \"%s\": id \"%u\" is that of rule "
					 "\"%s\" of policy \"%s\" already",
					 refs[i].policy->name, rule->name, rule->id,
					 refs[i - 1].rule->name, refs[i - 1].policy->name);
	}
}

static size_t list_rules(const struct policy *policy, struct rule_ref *refs)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		refs[i] = (struct rule_ref){policy, &policy->rules[i], i};
	return policy->rule_count;
}

static void check_unique_rules(struct validator *v, size_t rules)
{
	struct rule_ref *refs = calloc(rules + 1, sizeof(*refs));
	size_t count = 0;

	if (!refs) {
		v->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < v->cluster->policy_count; i++) {
		const struct policy *policy = &v->cluster->policies[i];

		check_unique_names(v, refs, list_rules(policy, refs));
	}
	for (size_t i = 0; i < v->cluster->policy_count; i++)
		count += list_rules(&v->cluster->policies[i], refs + count);
	for (size_t i = 0; i < count; i++)
		refs[i].order = i;
	check_unique_ids(v, refs, count);
	free(refs);
}

/* --- the whole -------------------------------------------------------------------- */

static void check_policy(struct validator *v, const struct set_index *index,
			 const struct policy *policy)
{
	if (!model_name_is_valid(policy->name))
		validator_report(v, policy->at, "", "policy \"%s\": not a valid name",
				 policy->name);
	if (policy->default_action == SLUICE_ACTION_ACCEPT_STATELESS)
		validator_report(v, policy->at, "default",
				 "policy \"%s\": default \"accept-stateless\": expected drop or "
				 "accept",
				 policy->name);
	for (size_t i = 0; i < policy->rule_count; i++)
		check_rule(v, index, policy, &policy->rules[i]);
}

static void check_policies(struct validator *v)
{
	const struct cluster *cluster = v->cluster;
	struct set_index index = {};

	if (set_index_init(&index, cluster))
		v->out_of_memory = true;
	else
		for (size_t i = 0; i < cluster->policy_count; i++)
			check_policy(v, &index, &cluster->policies[i]);
	free(index.sets);
}

void validate_policies(struct validator *v)
{
	size_t rules = 0;

	for (size_t i = 0; i < v->cluster->policy_count; i++) {
		const struct policy *policy = &v->cluster->policies[i];

		rules += policy->rule_count;
		if (validator_limit(v, policy->at, "rules up to here", rules, SLUICE_MAX_RULES))
			return;
	}
	check_policies(v);
	check_unique_rules(v, rules);
}
