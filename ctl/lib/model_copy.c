/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Deep copy of a model. Each array is first copied flat, then every pointer in
 * its elements is replaced by a copy, or by an empty array when memory runs
 * out: the result can always be freed.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t capacity(size_t count)
{
	size_t power = 1;

	while (power < count)
		power *= 2;
	return power;
}

static void *copy_array(const void *array, size_t *count, size_t size, bool *failed)
{
	void *copy;

	if (!*count)
		return NULL;
	copy = reallocarray(NULL, capacity(*count), size);
	if (!copy) {
		*count = 0;
		*failed = true;
		return NULL;
	}
	return memcpy(copy, array, *count * size);
}

static void copy_rule_addresses(struct rule_addresses *to, bool *failed)
{
	to->prefixes = copy_array(to->prefixes, &to->prefix_count, sizeof(*to->prefixes), failed);
	to->sets = copy_array(to->sets, &to->set_count, sizeof(*to->sets), failed);
}

static void copy_rule(struct rule *to, bool *failed)
{
	copy_rule_addresses(&to->from, failed);
	copy_rule_addresses(&to->to, failed);
	to->sports = copy_array(to->sports, &to->sport_count, sizeof(*to->sports), failed);
	to->dports = copy_array(to->dports, &to->dport_count, sizeof(*to->dports), failed);
	to->limits = copy_array(to->limits, &to->limit_count, sizeof(*to->limits), failed);
}

static void copy_policy(struct policy *to, bool *failed)
{
	to->rules = copy_array(to->rules, &to->rule_count, sizeof(*to->rules), failed);
	for (size_t i = 0; i < to->rule_count; i++)
		copy_rule(&to->rules[i], failed);
}

static void copy_service(struct service *to, bool *failed)
{
	to->vips = copy_array(to->vips, &to->vip_count, sizeof(*to->vips), failed);
	to->backends = copy_array(to->backends, &to->backend_count, sizeof(*to->backends), failed);
	to->limits = copy_array(to->limits, &to->limit_count, sizeof(*to->limits), failed);
}

static void copy_interface(struct interface *to, bool *failed)
{
	to->addresses =
		copy_array(to->addresses, &to->address_count, sizeof(*to->addresses), failed);
}

static void copy_node(struct node *to, bool *failed)
{
	struct agent_config *agent = &to->agent;

	to->interfaces =
		copy_array(to->interfaces, &to->interface_count, sizeof(*to->interfaces), failed);
	for (size_t i = 0; i < to->interface_count; i++)
		copy_interface(&to->interfaces[i], failed);
	to->routes = copy_array(to->routes, &to->route_count, sizeof(*to->routes), failed);
	agent->announce = copy_array(agent->announce, &agent->announce_count,
				     sizeof(*agent->announce), failed);
}

int model_copy(struct cluster *to, const struct cluster *from)
{
	bool failed = false;

	*to = *from;
	to->sets = copy_array(to->sets, &to->set_count, sizeof(*to->sets), &failed);
	for (size_t i = 0; i < to->set_count; i++)
		to->sets[i].prefixes = copy_array(to->sets[i].prefixes, &to->sets[i].prefix_count,
						  sizeof(*to->sets[i].prefixes), &failed);
	to->services = copy_array(to->services, &to->service_count, sizeof(*to->services), &failed);
	for (size_t i = 0; i < to->service_count; i++)
		copy_service(&to->services[i], &failed);
	to->policies = copy_array(to->policies, &to->policy_count, sizeof(*to->policies), &failed);
	for (size_t i = 0; i < to->policy_count; i++)
		copy_policy(&to->policies[i], &failed);
	to->nodes = copy_array(to->nodes, &to->node_count, sizeof(*to->nodes), &failed);
	for (size_t i = 0; i < to->node_count; i++)
		copy_node(&to->nodes[i], &failed);
	if (failed)
		model_fini(to);
	return failed ? -ENOMEM : 0;
}
