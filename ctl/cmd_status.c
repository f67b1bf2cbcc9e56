/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl status and drops: one screen of what the node does, and where packets
 * ended that went nowhere.
 */
#include "commands.h"
#include "drops_follow.h"
#include "ledger_view.h"
#include "service_view.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>

#define TOP_DROPS 5

static const struct output_column interface_columns[] = {
	{"interface", "interface"},
	{"roles", "roles"},
	{"policy", "policy"},
	{"mode", "mode"},
	{"program_id", "program"},
	{"rx_packets", "rx"},
	{"pass_packets", "pass"},
	{"tx_packets", "tx"},
	{"redirect_packets", "redirect"},
	{"drop_packets", "drop"},
	{},
};

static const struct output_column drop_columns[] = {
	{"interface", "interface"}, {"reason", "reason"}, {"packets", "packets"},
	{"bytes", "bytes"},	    {"help", "meaning"},  {},
};

static const struct output_column rule_columns[] = {
	{"policy", "policy"},	{"rule", "rule"},   {"id", "id"}, {"action", "action"},
	{"packets", "packets"}, {"bytes", "bytes"}, {},
};

/* Adds `value` to `root`; an error of either makes *err. */
static void set(json_t *root, const char *key, json_t *value, int *err)
{
	if (!*err && (!value || json_object_set(root, key, value)))
		*err = -ENOMEM;
	json_decref(value);
}

static json_t *time_json(__u64 unix_s)
{
	time_t at = (time_t)unix_s;
	struct tm utc;
	char text[32];

	if (!unix_s || !gmtime_r(&at, &utc))
		return json_string("never");
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

static unsigned roles_of_node(const struct session *session)
{
	const struct node *node = session_node(session);
	unsigned roles = 0;

	for (size_t i = 0; node && i < node->interface_count; i++)
		roles |= node->interfaces[i].roles;
	return roles;
}

/* What this node, as a backend, made of SYN cookies that balancers gave. */
static json_t *accepted_json(const struct session *session, int *err)
{
	struct sluice_cookie_count count;

	*err = dataplane_read_cookies(&session->dp, SLUICE_COOKIE_ACCEPTED, &count);
	return *err ? NULL
		    : json_pack("{s:I, s:I}", "accepted",
				(json_int_t)count.uses[SLUICE_COOKIE_VALID], "refused",
				(json_int_t)count.uses[SLUICE_COOKIE_INVALID]);
}

static void set_services(json_t *root, const struct session *session, int *err)
{
	const struct cluster *cluster = &session->cluster;
	struct loads *loads;

	*err = loads_read(&session->dp, &loads);
	if (*err)
		return;
	set(root, "services", service_view_all(cluster, loads, err), err);
	if (!*err)
		set(root, "vips", service_view_vips(cluster, loads, NULL, err), err);
	loads_free(loads);
}

static json_t *status_json(const struct session *session, int *err)
{
	const struct sluice_control *control = session->dp.control;
	json_t *root = json_pack("{s:s, s:s, s:[], s:I, s:I, s:o, s:I, s:I}", "node", session->name,
				 "cluster", session->cluster.name, "services", "generation",
				 (json_int_t)control->generation.config, "policy_generation",
				 (json_int_t)control->generation.policy, "applied",
				 time_json(control->applied_unix_s), "applied_unix_s",
				 (json_int_t)control->applied_unix_s, "blocks",
				 (json_int_t)control->block_entries);

	*err = root ? 0 : -ENOMEM;
	if (!*err)
		set(root, "interfaces", ledger_view_interfaces(session, err), err);
	if (!*err && (roles_of_node(session) & SLUICE_ROLE_BALANCER))
		set_services(root, session, err);
	if (!*err && (roles_of_node(session) & SLUICE_ROLE_DECAP))
		set(root, "syn_cookies", accepted_json(session, err), err);
	if (!*err)
		set(root, "drops", ledger_view_drops(session, TOP_DROPS, err), err);
	return root;
}

static const struct output_column status_line[] = {
	{"node", "node"},	{"cluster", "cluster"}, {"generation", "generation"},
	{"applied", "applied"}, {"blocks", "blocks"},	{},
};

static int print_status(const struct session *session)
{
	const struct output_table services = {
		.key = "services",
		.heading = "services",
		.columns = service_view_table.columns,
		.below = service_view_table.below,
	};
	const struct output_table tables[] = {
		{.key = "interfaces",
		 .heading = "interfaces",
		 .empty = "nothing is attached",
		 .columns = interface_columns},
		services,
		{.key = "drops",
		 .heading = "drops, the largest (all: lbctl drops)",
		 .empty = "none",
		 .columns = drop_columns},
		{},
	};
	const struct output_view view = {.line = status_line, .tables = tables};
	json_t *root;
	int err;

	root = status_json(session, &err);
	if (err)
		json_decref(root);
	else
		err = output_emit(&session->inv->out, root, &view);
	return err ? session_failed(session->inv, err, "reading the counters") : EXIT_OK;
}

static int print_drops(const struct session *session)
{
	static const struct output_table tables[] = {
		{.key = "drops",
		 .heading = "drops, by interface and reason",
		 .empty = "none",
		 .columns = drop_columns},
		{.key = "rules",
		 .heading = "rules, by what they matched",
		 .empty = "no rules",
		 .columns = rule_columns},
		{},
	};
	static const struct output_view view = {.tables = tables};
	json_t *root = json_pack("{s:s}", "node", session->name);
	int err = root ? 0 : -ENOMEM;

	if (!err)
		set(root, "drops", ledger_view_drops(session, SIZE_MAX, &err), &err);
	if (!err)
		set(root, "rules", ledger_view_rules(session, &err), &err);
	if (err)
		json_decref(root);
	else
		err = output_emit(&session->inv->out, root, &view);
	return err ? session_failed(session->inv, err, "reading the counters") : EXIT_OK;
}

static int run(struct invocation *inv, int (*print)(const struct session *session))
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, NULL);

	if (!code)
		code = print(&session);
	session_close(&session);
	return code;
}

static int run_status(struct invocation *inv)
{
	return run(inv, print_status);
}

static int show_drops(const struct session *session)
{
	const struct invocation *inv = session->inv;
	const struct drops_args *args = inv->args;

	if (args->follow)
		return drops_follow(session);
	if (!inv->given)
		return print_drops(session);
	command_error(inv, "expected -f beside dev, reason, sample, count and seconds");
	return EXIT_USAGE;
}

static int run_drops(struct invocation *inv)
{
	return run(inv, show_drops);
}

const struct command command_status = {
	.word = "status",
	.summary = "show the node on one screen",
	.detail = "For each interface rx = pass + tx + redirect + drop, in packets since its\n"
		  "counters were made. State is what the operator said, health what the agents\n"
		  "found.",
	.run = run_status,
};

static const struct parameter drops_parameters[] = {
	SWITCH(struct drops_args, follow, "-f",
	       "follow: each dropped packet as it comes, a line each, until it is interrupted"),
	OPTION(struct drops_args, ifname, "dev", "IF", type_ifname, "-f: only what comes in here"),
	OPTION(struct drops_args, outcome, "reason", "REASON", type_outcome,
	       "-f: only those dropped for this"),
	OPTION(struct drops_args, sample, "sample", "N", type_count,
	       "-f: one packet in N, chosen at random; all by default"),
	OPTION(struct drops_args, count, "count", "N", type_count, "-f: end after N"),
	OPTION(struct drops_args, seconds, "seconds", "N", type_count, "-f: end after N seconds"),
	{},
};

const struct command command_drops = {
	.word = "drops",
	.summary = "show where packets were dropped, why, and by which rule",
	.detail =
		"With -f it takes the place of \"lbctl capture\", of which there is one at a time "
		"on a\n"
		"node. Events that found its buffer full are counted as lost. Packets pay nothing\n"
		"while nobody follows.",
	.parameters = drops_parameters,
	.args_size = sizeof(struct drops_args),
	.run = run_drops,
};
