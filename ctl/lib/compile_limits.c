/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Limits by the numbers of what they are of: a service's index, a rule's id.
 */
#include "compile.h"

static void compile_policy_limits(const struct policy *policy, unsigned hz,
				  struct sluice_limit *by_rule)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->limit_count)
			by_rule[rule->id] = limit_compile(rule->limits, rule->limit_count, hz);
	}
}

void compile_limits(const struct cluster *cluster, unsigned hz, struct compiled *out)
{
	for (size_t i = 0; i < out->service_count; i++) {
		const struct service *service = out->services[i].service;

		out->limits[out->services[i].index] =
			limit_compile(service->limits, service->limit_count, hz);
	}
	for (size_t i = 0; i < cluster->policy_count; i++)
		compile_policy_limits(&cluster->policies[i], hz, out->limits + SLUICE_MAX_SERVICES);
}
