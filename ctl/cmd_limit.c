/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl vip limit, lbctl fw limit: what a service or a rule admits at most, and what it
 * refused. One limit is of one measure, and for all sources together or for each.
 */
#include "commands.h"
#include "fw_commands.h"
#include "limit_commands.h"
#include "model_json.h"
#include "service_find.h"

#include <errno.h>

#include "model_array.h"

struct limit_args {
	struct vip vip; /* of vip limit */
	int proto;
	const char *policy, *rule; /* of fw limit */
	struct limit_rate rate;
	int of;
	struct limit_per per;
	unsigned long long burst;
};

/* Where the limits are, and whose, for messages. */
struct limited {
	struct limit **limits;
	size_t *count;
	char label[2 * SLUICE_NAME_LEN + 32];
};

static int find_service(struct session *session, struct limited *out)
{
	const struct limit_args *args = session->inv->args;
	struct service *service = service_find_vip(session, &args->vip, args->proto);

	if (!service)
		return EXIT_USAGE;
	out->limits = &service->limits;
	out->count = &service->limit_count;
	snprintf(out->label, sizeof(out->label), "service \"%s\"", service->name);
	return EXIT_OK;
}

static int find_rule(struct session *session, struct limited *out)
{
	const struct limit_args *args = session->inv->args;
	struct policy *policy = fw_find_policy(session, args->policy);
	struct rule *rule = policy ? model_rule(policy, args->rule) : NULL;

	if (!policy)
		return EXIT_USAGE;
	if (!rule) {
		command_error(session->inv, "rule \"%s\": policy \"%s\" has no such rule",
			      args->rule, policy->name);
		return EXIT_USAGE;
	}
	out->limits = &rule->limits;
	out->count = &rule->limit_count;
	snprintf(out->label, sizeof(out->label), "rule \"%s\" of policy \"%s\"", rule->name,
		 policy->name);
	return EXIT_OK;
}

/* --- set and del ------------------------------------------------------------------- */

/* What is left out stays as it is; sources are the same to all limits of one service or rule. */
static int set_limit(const struct session *session, const struct limited *limited)
{
	const struct limit_args *args = session->inv->args;
	struct limit *limit = limit_find(*limited->limits, *limited->count,
					 (enum sluice_measure)args->of, args->per.source);

	if (!limit)
		limit = model_array_add(limited->limits, limited->count, sizeof(*limit));
	if (!limit)
		return session_failed(session->inv, -ENOMEM, "%s", limited->label);
	limit->of = (enum sluice_measure)args->of;
	limit->rate = args->rate;
	limit->per = args->per;
	if (command_given(session->inv, &args->burst))
		limit->burst = args->burst;
	for (size_t i = 0; i < *limited->count && args->per.source; i++)
		if ((*limited->limits)[i].per.source)
			(*limited->limits)[i].per = args->per;
	return EXIT_OK;
}

static bool is_meant(const struct invocation *inv, const struct limit *limit)
{
	const struct limit_args *args = inv->args;

	return (!command_given(inv, &args->of) || (int)limit->of == args->of) &&
	       (!command_given(inv, &args->per) || limit->per.source == args->per.source);
}

static int del_limits(const struct session *session, const struct limited *limited)
{
	size_t kept = 0, before = *limited->count;

	for (size_t i = 0; i < before; i++)
		if (!is_meant(session->inv, &(*limited->limits)[i]))
			(*limited->limits)[kept++] = (*limited->limits)[i];
	if (kept == before) {
		command_error(session->inv, "%s: no such limit", limited->label);
		return EXIT_USAGE;
	}
	*limited->count = kept;
	return EXIT_OK;
}

static int edit(struct session *session, int (*find)(struct session *, struct limited *),
		int (*change)(const struct session *, const struct limited *))
{
	struct limited limited;
	int code = find(session, &limited);

	return code ? code : change(session, &limited);
}

static int edit_vip_set(struct session *session)
{
	return edit(session, find_service, set_limit);
}

static int edit_vip_del(struct session *session)
{
	return edit(session, find_service, del_limits);
}

static int edit_fw_set(struct session *session)
{
	return edit(session, find_rule, set_limit);
}

static int edit_fw_del(struct session *session)
{
	return edit(session, find_rule, del_limits);
}

static int run_vip_set(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_vip_set);
}

static int run_vip_del(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_vip_del);
}

static int run_fw_set(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_fw_set);
}

static int run_fw_del(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_fw_del);
}

/* --- show -------------------------------------------------------------------------- */

static int append_limits(json_t *list, const json_t *whose, const struct limit *limits,
			 size_t count, const struct sluice_limit_use *use)
{
	for (size_t i = 0; i < count; i++) {
		json_t *item = model_json_limit(&limits[i]);
		__u64 refused = limits[i].per.source ? use->source_packets : use->whole_packets;

		if (!item || json_object_update(item, (json_t *)whose) ||
		    json_object_set_new(item, "refused_packets",
					json_integer((json_int_t)refused)) ||
		    json_object_set_new(item, "forgotten_sources",
					json_integer((json_int_t)use->forgotten)) ||
		    json_array_append(list, item)) {
			json_decref(item);
			return -ENOMEM;
		}
		json_decref(item);
	}
	return 0;
}

static int append_service(const struct session *session, const struct service *service,
			  json_t *list)
{
	struct sluice_limit_use use = {0};
	json_t *whose = json_pack("{s:s}", "service", service->name);
	unsigned index;
	int err = whose ? 0 : -ENOMEM;

	/* A node that balances nothing has no number for it. */
	if (!err && service->limit_count && !dataplane_service_index(&session->dp, service, &index))
		err = dataplane_read_limit_use(&session->dp, index, &use);
	if (!err)
		err = append_limits(list, whose, service->limits, service->limit_count, &use);
	json_decref(whose);
	return err;
}

static int append_rule(const struct session *session, const struct policy *policy,
		       const struct rule *rule, json_t *list)
{
	struct sluice_limit_use use = {0};
	json_t *whose = json_pack("{s:s, s:s}", "policy", policy->name, "rule", rule->name);
	int err = whose ? 0 : -ENOMEM;

	if (!err && rule->limit_count && rule->id < SLUICE_MAX_RULES)
		err = dataplane_read_limit_use(&session->dp, SLUICE_MAX_SERVICES + rule->id, &use);
	if (!err)
		err = append_limits(list, whose, rule->limits, rule->limit_count, &use);
	json_decref(whose);
	return err;
}

static int list_services(const struct session *session, json_t *list)
{
	const struct limit_args *args = session->inv->args;
	const struct service *only = NULL;
	int err = 0;

	if (command_given(session->inv, &args->vip)) {
		only = service_find_vip(session, &args->vip, args->proto);
		if (!only)
			return EXIT_USAGE;
	}
	for (size_t i = 0; i < session->cluster.service_count && !err; i++)
		if (!only || only == &session->cluster.services[i])
			err = append_service(session, &session->cluster.services[i], list);
	return err ? session_failed(session->inv, err, "reading the limits") : EXIT_OK;
}

static int list_rules(const struct session *session, json_t *list)
{
	const struct limit_args *args = session->inv->args;
	const struct policy *only = args->policy ? fw_find_policy(session, args->policy) : NULL;
	int err = 0;

	if (args->policy && !only)
		return EXIT_USAGE;
	for (size_t p = 0; p < session->cluster.policy_count; p++) {
		const struct policy *policy = &session->cluster.policies[p];

		for (size_t r = 0; r < policy->rule_count && !err; r++)
			if (!only || only == policy)
				err = append_rule(session, policy, &policy->rules[r], list);
	}
	return err ? session_failed(session->inv, err, "reading the limits") : EXIT_OK;
}

static const struct output_column vip_columns[] = {
	{"service", "service"},
	{"of", "of"},
	{"per", "per"},
	{"rate", "rate"},
	{"burst", "burst"},
	{"refused_packets", "refused"},
	{"forgotten_sources", "forgotten"},
	{},
};

static const struct output_column fw_columns[] = {
	{"policy", "policy"},
	{"rule", "rule"},
	{"of", "of"},
	{"per", "per"},
	{"rate", "rate"},
	{"burst", "burst"},
	{"refused_packets", "refused"},
	{"forgotten_sources", "forgotten"},
	{},
};

static int show(struct invocation *inv, const struct output_column *columns,
		int (*fill)(const struct session *session, json_t *list))
{
	const struct output_table tables[] = {
		{.key = "limits", .empty = "no limits", .columns = columns}, {}};
	const struct output_view view = {.tables = tables};
	json_t *list = json_array();
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, NULL);
	int err;

	if (!code)
		code = fill(&session, list);
	if (!code) {
		err = output_emit(&inv->out, json_pack("{s:O}", "limits", list), &view);
		code = err ? session_failed(inv, err, "printing") : EXIT_OK;
	}
	session_close(&session);
	json_decref(list);
	return code;
}

static int run_vip_show(struct invocation *inv)
{
	return show(inv, vip_columns, list_services);
}

static int run_fw_show(struct invocation *inv)
{
	return show(inv, fw_columns, list_rules);
}

/* --- the commands ------------------------------------------------------------------ */

#define OF_HELP "what is limited; packets by default. Bytes are those of whole frames"
#define PER_HELP                                                                                   \
	"all together, the default, or each source, which is its address, or the first BITS of "   \
	"it: "                                                                                     \
	"of IPv4 32 by default, of IPv6 64"
#define SHOW_DETAIL                                                                                \
	"\"refused\" counts the packets over any limit of the same \"per\". \"forgotten\" counts " \
	"how "                                                                                     \
	"often a\nsource lost its place to another while it still mattered: more were active "     \
	"than "                                                                                    \
	"the table of\nsources holds, and such a source starts again with a full burst."
#define SET_DETAIL                                                                                 \
	"All CPUs share a limit. A burst is never less than one packet and what the rate brings "  \
	"in a tick\nof the kernel's clock."

static const struct parameter vip_set_parameters[] = {
	OPERAND(struct limit_args, vip, "ADDR:PORT", type_vip, "a VIP of the service"),
	OPTION(struct limit_args, proto, "proto", "tcp|udp", type_service_proto,
	       "if it is a VIP of both"),
	OPTION_REQUIRED(struct limit_args, rate, "rate", "N/s", type_rate,
			"as 1000/s, 50k/s or 30/m"),
	OPTION(struct limit_args, of, "of", "packets|bytes|new-flows", type_measure, OF_HELP),
	OPTION(struct limit_args, per, "per", "all|source[/BITS[/BITS]]", type_per, PER_HELP),
	OPTION(struct limit_args, burst, "burst", "N", type_burst,
	       "so many at once; by default of a tenth of a second"),
	{},
};

static const struct parameter vip_del_parameters[] = {
	OPERAND(struct limit_args, vip, "ADDR:PORT", type_vip, "a VIP of the service"),
	OPTION(struct limit_args, proto, "proto", "tcp|udp", type_service_proto,
	       "if it is a VIP of both"),
	OPTION(struct limit_args, of, "of", "packets|bytes|new-flows", type_measure,
	       "only those of it"),
	OPTION(struct limit_args, per, "per", "all|source", type_per, "only those"),
	{},
};

static const struct parameter vip_show_parameters[] = {
	OPERAND_OPTIONAL(struct limit_args, vip, "ADDR:PORT", type_vip,
			 "only the service of this VIP"),
	OPTION(struct limit_args, proto, "proto", "tcp|udp", type_service_proto,
	       "if it is a VIP of both"),
	{},
};

static const struct parameter fw_set_parameters[] = {
	OPERAND(struct limit_args, policy, "POLICY", type_name, "the policy"),
	OPERAND(struct limit_args, rule, "RULE", type_name, "the rule, which must accept"),
	OPTION_REQUIRED(struct limit_args, rate, "rate", "N/s", type_rate,
			"as 1000/s, 50k/s or 30/m"),
	OPTION(struct limit_args, of, "of", "packets|bytes|new-flows", type_measure, OF_HELP),
	OPTION(struct limit_args, per, "per", "all|source[/BITS[/BITS]]", type_per, PER_HELP),
	OPTION(struct limit_args, burst, "burst", "N", type_burst,
	       "so many at once; by default of a tenth of a second"),
	{},
};

static const struct parameter fw_del_parameters[] = {
	OPERAND(struct limit_args, policy, "POLICY", type_name, "the policy"),
	OPERAND(struct limit_args, rule, "RULE", type_name, "the rule"),
	OPTION(struct limit_args, of, "of", "packets|bytes|new-flows", type_measure,
	       "only those of it"),
	OPTION(struct limit_args, per, "per", "all|source", type_per, "only those"),
	{},
};

static const struct parameter fw_show_parameters[] = {
	OPERAND_OPTIONAL(struct limit_args, policy, "POLICY", type_name, "only this policy"),
	{},
};

#define LIMIT_COMMAND(name, verb, text, more, function, table)                                     \
	static const struct command name = {                                                       \
		.word = verb,                                                                      \
		.summary = text,                                                                   \
		.detail = more,                                                                    \
		.parameters = table,                                                               \
		.args_size = sizeof(struct limit_args),                                            \
		.run = function,                                                                   \
	}

LIMIT_COMMAND(vip_set, "set", "limit what a service admits", SET_DETAIL, run_vip_set,
	      vip_set_parameters);
LIMIT_COMMAND(vip_del, "del", "delete limits of a service", NULL, run_vip_del, vip_del_parameters);
LIMIT_COMMAND(vip_show, "show", "show the limits of services, and what they refused", SHOW_DETAIL,
	      run_vip_show, vip_show_parameters);
LIMIT_COMMAND(fw_set, "set", "limit what a rule accepts", SET_DETAIL, run_fw_set,
	      fw_set_parameters);
LIMIT_COMMAND(fw_del, "del", "delete limits of a rule", NULL, run_fw_del, fw_del_parameters);
LIMIT_COMMAND(fw_show_command, "show", "show the limits of rules, and what they refused",
	      SHOW_DETAIL, run_fw_show, fw_show_parameters);

static const struct command *const vip_limit_commands[] = {&vip_set, &vip_del, &vip_show, NULL};
static const struct command *const fw_limit_commands[] = {&fw_set, &fw_del, &fw_show_command, NULL};

const struct command command_vip_limit = {
	.word = "limit",
	.summary = "limits of services: packets, bytes and new flows",
	.commands = vip_limit_commands,
};

const struct command command_fw_limit = {
	.word = "limit",
	.summary = "limits of rules: packets, bytes and new flows",
	.commands = fw_limit_commands,
};
