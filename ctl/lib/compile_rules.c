/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Policies as packets read them: the rules of the model in the order of the file, each with
 * its id. What they match is compiled from here (classifier.h). Interfaces with the same
 * policy share its rules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"

struct output {
	struct compiled *to;
	struct diag_list *diags;
	const struct policy *policy;
};

static int emit_rule(struct output *out, const struct rule *rule, unsigned in)
{
	struct compiled *to = out->to;

	if (to->rule_count == SLUICE_MAX_RULES) {
		diag_add(out->diags, rule->at, "policy \"%s\": rule \"%s\": more than %d rules",
			 out->policy->name, rule->name, SLUICE_MAX_RULES);
		return -EINVAL;
	}
	to->sources[to->rule_count] = (struct compiled_source){rule, (__u8)in};
	to->rules[to->rule_count++] = (struct sluice_rule){
		.id = rule->id,
		.action = (__u8)rule->action,
		.limited = rule->limit_count > 0,
	};
	return 0;
}

static unsigned port_slot(const struct compiled *compiled, const char *ifname)
{
	unsigned slot = 0;

	while (slot < SLUICE_MAX_PORTS &&
	       !(compiled->ports[slot].roles && !strcmp(compiled->ports[slot].ifname, ifname)))
		slot++;
	return slot;
}

/* A rule for an interface that this node does not have can match nothing here. */
static int emit_policy(struct output *out)
{
	int err = 0;

	for (size_t i = 0; i < out->policy->rule_count && !err; i++) {
		const struct rule *rule = &out->policy->rules[i];
		unsigned in = *rule->in ? port_slot(out->to, rule->in) : SLUICE_RULE_ANY_PORT;

		if (in != SLUICE_MAX_PORTS)
			err = emit_rule(out, rule, in);
	}
	return err;
}

static const struct sluice_port *port_with_policy(const struct node *node, size_t before,
						  const char *policy,
						  const struct compiled *compiled)
{
	for (size_t i = 0; i < before; i++) {
		const struct interface *interface = &node->interfaces[i];

		if (interface->roles & SLUICE_ROLE_FIREWALL && !strcmp(interface->policy, policy))
			return &compiled->ports[port_slot(compiled, interface->name)];
	}
	return NULL;
}

static int compile_policy(const struct cluster *cluster, const struct node *node, size_t index,
			  struct compiled *out, struct diag_list *diags)
{
	const struct interface *interface = &node->interfaces[index];
	struct output output = {
		.to = out, .diags = diags, .policy = model_policy(cluster, interface->policy)};
	struct sluice_port *port = &out->ports[port_slot(out, interface->name)];
	const struct sluice_port *same;
	int err = 0;

	if (!output.policy) {
		diag_add(diags, interface->at, "interface \"%s\": no policy \"%s\"",
			 interface->name, interface->policy);
		return -EINVAL;
	}
	port->default_action = (__u8)output.policy->default_action;
	port->strict = output.policy->strict;
	same = port_with_policy(node, index, interface->policy, out);
	port->first_rule = same ? same->first_rule : (__u32)out->rule_count;
	if (!same)
		err = emit_policy(&output);
	port->rule_count = same ? same->rule_count : (__u32)out->rule_count - port->first_rule;
	return err;
}

int compile_rules(const struct cluster *cluster, const struct node *node, struct compiled *out,
		  struct diag_list *diags)
{
	int err = 0;

	for (size_t i = 0; i < node->interface_count && !err; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_FIREWALL)
			err = compile_policy(cluster, node, i, out, diags);
	return err;
}

/* --- ids -------------------------------------------------------------------- */

static unsigned number_rules(struct cluster *cluster)
{
	unsigned next = 0;

	for (size_t p = 0; p < cluster->policy_count; p++)
		for (size_t r = 0; r < cluster->policies[p].rule_count; r++)
			cluster->policies[p].rules[r].id = next++;
	return next;
}

static void replace_numbers(struct cluster *cluster, const unsigned *ids)
{
	for (size_t p = 0; p < cluster->policy_count; p++)
		for (size_t r = 0; r < cluster->policies[p].rule_count; r++)
			cluster->policies[p].rules[r].id = ids[cluster->policies[p].rules[r].id];
}

/* Compiling the same model again, with numbers for ids, tells which rule came from which. */
int compile_recover_rule_ids(struct in_force *now, const char *node_name)
{
	const struct node *node = model_node(&now->model, node_name);
	struct compiled *again = calloc(1, sizeof(*again));
	unsigned count = number_rules(&now->model);
	unsigned *ids = malloc((count + 1) * sizeof(*ids));
	struct diag_list diags = {0};
	int err = -ENOMEM;

	if (!again || !ids)
		goto out;
	memset(ids, 0xff, (count + 1) * sizeof(*ids));
	memcpy(again->ports, now->ports, sizeof(again->ports));
	err = node ? compile_rules(&now->model, node, again, &diags) : 0;
	for (size_t i = 0; i < again->rule_count; i++)
		ids[again->rules[i].id] = now->rules[i].id;
	replace_numbers(&now->model, ids);
out:
	diag_fini(&diags);
	free(ids);
	free(again);
	return err;
}
