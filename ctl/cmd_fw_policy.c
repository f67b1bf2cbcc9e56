/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl fw policy: what happens to packets that no rule matches.
 */
#include "change.h"
#include "command.h"
#include "fw_commands.h"
#include "model_json.h"

#include <errno.h>

#define NAMES_MAX 64

struct policy_args {
	const char *name;
	int default_action;
	int strict;
	struct change_args change;
};

struct policy *fw_find_policy(const struct session *session, const char *name)
{
	const struct cluster *cluster = &session->cluster;
	struct policy *policy = model_policy(cluster, name);
	const char *names[NAMES_MAX] = {0}, *near;

	if (policy)
		return policy;
	for (size_t i = 0; i < cluster->policy_count && i < NAMES_MAX - 1; i++)
		names[i] = cluster->policies[i].name;
	near = diag_nearest(name, names);
	command_error(session->inv, "policy \"%s\": no such policy%s%s%s", name,
		      near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	return NULL;
}

static int set_options(const struct invocation *inv, struct policy *policy)
{
	const struct policy_args *args = inv->args;

	if (command_given(inv, &args->default_action))
		policy->default_action = (enum sluice_action)args->default_action;
	if (command_given(inv, &args->strict))
		policy->strict = args->strict;
	return EXIT_OK;
}

static int add(struct session *session)
{
	const struct policy_args *args = session->inv->args;
	struct policy *policy = model_policy_add(&session->cluster, args->name);

	if (!policy)
		return session_failed(session->inv, -ENOMEM, "policy \"%s\"", args->name);
	return set_options(session->inv, policy);
}

static int edit_add(struct session *session)
{
	const struct policy_args *args = session->inv->args;

	if (!model_policy(&session->cluster, args->name))
		return add(session);
	command_error(session->inv, "policy \"%s\" exists already", args->name);
	return EXIT_USAGE;
}

static int edit_set(struct session *session)
{
	const struct policy_args *args = session->inv->args;
	struct policy *policy = model_policy(&session->cluster, args->name);

	return policy ? set_options(session->inv, policy) : add(session);
}

static int edit_del(struct session *session)
{
	const struct policy_args *args = session->inv->args;
	struct policy *policy = fw_find_policy(session, args->name);

	if (!policy)
		return EXIT_USAGE;
	model_policy_del(&session->cluster, policy);
	return EXIT_OK;
}

static int run_add(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_CREATE, edit_add);
}

static int run_set(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_CREATE, edit_set);
}

static int run_del(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_del);
}

static const struct output_column policy_columns[] = {
	{"policy", "policy"}, {"default", "default"}, {"strict", "strict"}, {}};
static const struct output_column rule_columns[] = {
	{"name", "rule"},   {"in", "in"},	{"from", "from"},     {"to", "to"},
	{"proto", "proto"}, {"sport", "sport"}, {"port", "port"},     {"flags", "flags"},
	{"icmp", "icmp"},   {"state", "state"}, {"action", "action"}, {},
};
static const struct output_table rules_table = {.key = "rules", .columns = rule_columns};
static const struct output_table policies_tables[] = {
	{.key = "policies",
	 .empty = "no policies",
	 .columns = policy_columns,
	 .below = &rules_table},
	{},
};

static json_t *policy_json(const struct policy *policy)
{
	json_t *out = json_pack("{s:s}", "policy", policy->name);
	json_t *rest = model_json_policy(policy);

	if (!out || !rest || json_object_update(out, rest)) {
		json_decref(out);
		out = NULL;
	}
	json_decref(rest);
	return out;
}

static int show(const struct session *session, const char *name)
{
	static const struct output_view view = {.tables = policies_tables};
	const struct cluster *cluster = &session->cluster;
	const struct policy *only = name ? fw_find_policy(session, name) : NULL;
	json_t *list;
	int err = 0;

	if (name && !only)
		return EXIT_USAGE;
	list = json_array();
	for (size_t i = 0; i < cluster->policy_count && !err; i++)
		if (!only || only == &cluster->policies[i])
			err = json_array_append_new(list, policy_json(&cluster->policies[i]));
	err = output_emit(&session->inv->out, err ? NULL : json_pack("{s:O}", "policies", list),
			  &view);
	json_decref(list);
	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}

int fw_show(const struct invocation *inv, const char *policy)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, NULL);

	if (!code)
		code = show(&session, policy);
	session_close(&session);
	return code;
}

static int run_show(struct invocation *inv)
{
	const struct policy_args *args = inv->args;

	return fw_show(inv, args->name);
}

static const struct parameter set_parameters[] = {
	OPERAND(struct policy_args, name, "NAME", type_policy, "the policy"),
	OPTION(struct policy_args, default_action, "default", "drop|accept", type_default,
	       "for packets that no rule matches; drop by default"),
	OPTION(struct policy_args, strict, "strict", "yes|no", type_yes_no,
	       "drop mid-stream TCP packets of unknown connections; yes by default"),
	CHANGE_PARAMETERS(struct policy_args),
	{},
};

static const struct parameter del_parameters[] = {
	OPERAND(struct policy_args, name, "NAME", type_policy, "the policy"),
	CHANGE_PARAMETERS(struct policy_args),
	{},
};

static const struct parameter show_parameters[] = {
	OPERAND_OPTIONAL(struct policy_args, name, "NAME", type_policy, "only this policy"),
	{},
};

static const struct command policy_add = {
	.word = "add",
	.summary = "add a policy without rules; fails if it exists",
	.parameters = set_parameters,
	.args_size = sizeof(struct policy_args),
	.run = run_add,
};

static const struct command policy_set = {
	.word = "set",
	.summary = "change a policy, or add it if it is missing",
	.parameters = set_parameters,
	.args_size = sizeof(struct policy_args),
	.run = run_set,
};

static const struct command policy_del = {
	.word = "del",
	.summary = "delete a policy that no interface uses",
	.parameters = del_parameters,
	.args_size = sizeof(struct policy_args),
	.run = run_del,
};

static const struct command policy_show = {
	.word = "show",
	.summary = "show policies with their rules, in order",
	.parameters = show_parameters,
	.args_size = sizeof(struct policy_args),
	.run = run_show,
};

static const struct command *const policy_commands[] = {&policy_add, &policy_set, &policy_del,
							&policy_show, NULL};

const struct command command_fw_policy = {
	.word = "policy",
	.summary = "named lists of rules, with a default",
	.commands = policy_commands,
};
