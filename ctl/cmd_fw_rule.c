/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl fw rule: what a policy says about packets, first match first.
 */
#include "change.h"
#include "command.h"
#include "fw_commands.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rule_args {
	const char *policy, *name;
	const char *before, *after, *in;
	struct rule_addresses from, to;
	int proto;
	struct port_list ports, sports;
	struct tcp_flags_match flags;
	struct icmp_match icmp;
	enum rule_state state;
	int action;
	struct change_args change;
};

static void fini_addresses(struct rule_addresses *addresses)
{
	free(addresses->prefixes);
	free(addresses->sets);
	*addresses = (struct rule_addresses){0};
}

static void fini(void *arguments)
{
	struct rule_args *args = arguments;

	fini_addresses(&args->from);
	fini_addresses(&args->to);
	free(args->ports.ranges);
	free(args->sports.ranges);
}

/* Where the rule goes: before or after another one, or last. */
static int find_index(const struct invocation *inv, const struct policy *policy, size_t *index)
{
	const struct rule_args *args = inv->args;
	const char *beside = args->before ? args->before : args->after;
	const struct rule *rule;

	*index = SIZE_MAX;
	if (args->before && args->after) {
		command_error(inv, "before and after: expected one of them");
		return EXIT_USAGE;
	}
	if (!beside)
		return EXIT_OK;
	rule = model_rule(policy, beside);
	if (!rule) {
		command_error(inv, "%s \"%s\": policy \"%s\" has no such rule",
			      args->before ? "before" : "after", beside, policy->name);
		return EXIT_USAGE;
	}
	*index = (size_t)(rule - policy->rules) + !args->before;
	return EXIT_OK;
}

/* Moves what the types allocated into the rule. */
static void fill(struct rule *rule, struct rule_args *args)
{
	if (args->in)
		strcpy(rule->in, args->in);
	rule->from = args->from;
	rule->to = args->to;
	rule->proto = args->proto;
	rule->dports = args->ports.ranges;
	rule->dport_count = args->ports.count;
	rule->sports = args->sports.ranges;
	rule->sport_count = args->sports.count;
	rule->flags = args->flags;
	rule->icmp = args->icmp;
	rule->state = args->state;
	rule->action = (enum sluice_action)args->action;
	args->from = args->to = (struct rule_addresses){0};
	args->ports = args->sports = (struct port_list){0};
}

static int edit_add(struct session *session)
{
	const struct invocation *inv = session->inv;
	struct rule_args *args = inv->args;
	struct policy *policy = fw_find_policy(session, args->policy);
	struct rule *rule;
	size_t index;
	int code;

	if (!policy)
		return EXIT_USAGE;
	if (model_rule(policy, args->name)) {
		command_error(inv, "rule \"%s\" of policy \"%s\" exists already", args->name,
			      policy->name);
		return EXIT_USAGE;
	}
	code = find_index(inv, policy, &index);
	if (code)
		return code;
	rule = model_rule_add(policy, args->name, index);
	if (!rule)
		return session_failed(inv, -ENOMEM, "rule \"%s\"", args->name);
	fill(rule, args);
	return EXIT_OK;
}

static int edit_del(struct session *session)
{
	const struct rule_args *args = session->inv->args;
	struct policy *policy = fw_find_policy(session, args->policy);
	struct rule *rule = policy ? model_rule(policy, args->name) : NULL;

	if (!policy)
		return EXIT_USAGE;
	if (!rule) {
		command_error(session->inv, "rule \"%s\": policy \"%s\" has no such rule",
			      args->name, policy->name);
		return EXIT_USAGE;
	}
	model_rule_del(policy, rule);
	return EXIT_OK;
}

static int run_add(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_CREATE, edit_add);
}

static int run_del(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_del);
}

static int run_show(struct invocation *inv)
{
	const struct rule_args *args = inv->args;

	return fw_show(inv, args->policy);
}

static const struct parameter add_parameters[] = {
	OPERAND(struct rule_args, policy, "POLICY", type_policy, "the policy"),
	OPERAND(struct rule_args, name, "NAME", type_rule, "the rule; unique in its policy"),
	OPTION(struct rule_args, before, "before", "NAME", type_rule,
	       "the rule that it goes before; last by default"),
	OPTION(struct rule_args, after, "after", "NAME", type_rule, "the rule that it goes after"),
	OPTION(struct rule_args, in, "in", "IF", type_ifname, "interface that packets come in by"),
	OPTION(struct rule_args, from, "from", "CIDR|SET,..", type_addresses, "their source"),
	OPTION(struct rule_args, to, "to", "CIDR|SET,..", type_addresses, "their destination"),
	OPTION(struct rule_args, proto, "proto", "PROTO", type_proto,
	       "any, tcp, udp, icmp (of both families), icmpv6, ipip, ... or a number"),
	OPTION(struct rule_args, ports, "port", "PORT,..", type_ports,
	       "destination ports and ranges"),
	OPTION(struct rule_args, sports, "sport", "PORT,..", type_ports, "source ports and ranges"),
	OPTION(struct rule_args, flags, "flags", "FLAG,../FLAG,..", type_flags_match,
	       "TCP flags that are set / of those that are looked at"),
	OPTION(struct rule_args, icmp, "icmp", "TYPE[/CODE]", type_icmp_match, "ICMP type"),
	OPTION(struct rule_args, state, "state", "new|invalid", type_rule_state,
	       "whether the packet may open a flow"),
	OPTION_REQUIRED(struct rule_args, action, "action", "accept|accept-stateless|drop",
			type_action,
			"accept also passes the replies; accept-stateless this packet only"),
	CHANGE_PARAMETERS(struct rule_args),
	{},
};

static const struct parameter del_parameters[] = {
	OPERAND(struct rule_args, policy, "POLICY", type_policy, "the policy"),
	OPERAND(struct rule_args, name, "NAME", type_rule, "the rule"),
	CHANGE_PARAMETERS(struct rule_args),
	{},
};

static const struct parameter show_parameters[] = {
	OPERAND_OPTIONAL(struct rule_args, policy, "POLICY", type_policy, "only this policy"),
	{},
};

static const struct command rule_add = {
	.word = "add",
	.summary = "add a rule; fails if it exists",
	.detail =
		"What is left out matches everything. The first rule that matches decides; flows\n"
		"that are under way are judged again by the new rules.",
	.parameters = add_parameters,
	.args_size = sizeof(struct rule_args),
	.run = run_add,
	.fini = fini,
};

static const struct command rule_del = {
	.word = "del",
	.summary = "delete a rule, and cut the flows that only it accepted",
	.parameters = del_parameters,
	.args_size = sizeof(struct rule_args),
	.run = run_del,
};

static const struct command rule_show = {
	.word = "show",
	.summary = "show rules, in order",
	.parameters = show_parameters,
	.args_size = sizeof(struct rule_args),
	.run = run_show,
};

static const struct command *const rule_commands[] = {&rule_add, &rule_del, &rule_show, NULL};

const struct command command_fw_rule = {
	.word = "rule",
	.summary = "the rules of a policy",
	.commands = rule_commands,
};
