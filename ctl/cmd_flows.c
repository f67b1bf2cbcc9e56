/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl flows: the connections that a node remembers, of firewalls and of balancers, and
 * forgetting some of them.
 */
#include "commands.h"
#include "flows.h"
#include "service_find.h"
#include "words.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_LIMIT 1000

struct flows_args {
	struct prefix client, server, either;
	struct port_range ports;
	int proto, state, table;
	struct vip vip;
	const char *backend, *service;
	unsigned limit;
	bool all;
};

struct look {
	const struct session *session;
	const struct flows_args *args;
	const struct service *service; /* NULL: of any */
	json_t *rows;
	unsigned long long matched, killed, shown;
	unsigned long long by_state[SLUICE_FLOW_STATE_COUNT];
	bool kill;
};

/* --- the filter ------------------------------------------------------------- */

static bool is_given(const struct look *look, const void *member)
{
	return command_given(look->session->inv, member);
}

static bool is_at(const struct prefix *prefix, bool has, const struct endpoint *end)
{
	return has && prefix_contains(prefix, &end->addr);
}

static bool has_port(const struct port_range *ports, const struct endpoint *end)
{
	return end->port >= ports->min && end->port <= ports->max;
}

static bool is_to_vip(const struct vip *vip, const struct flow *flow)
{
	if (flow->vip && vip_equal(flow->vip, vip))
		return true;
	return !flow->of_balancer && is_at(&vip->to, true, &flow->server) &&
	       has_port(&vip->ports, &flow->server);
}

static bool is_of_backend(const char *text, const struct backend *backend)
{
	struct sluice_addr addr;

	if (!backend || addr_parse(text, &addr))
		return backend && !strcmp(backend->name, text);
	return (backend->has4 && !addr_cmp(&backend->addr4, &addr)) ||
	       (backend->has6 && !addr_cmp(&backend->addr6, &addr));
}

static bool matches_ends(const struct look *look, const struct flow *flow)
{
	const struct flows_args *args = look->args;

	if (is_given(look, &args->client) && !is_at(&args->client, flow->has_client, &flow->client))
		return false;
	if (is_given(look, &args->server) && !is_at(&args->server, flow->has_server, &flow->server))
		return false;
	if (is_given(look, &args->either) &&
	    !is_at(&args->either, flow->has_client, &flow->client) &&
	    !is_at(&args->either, flow->has_server, &flow->server))
		return false;
	return !is_given(look, &args->ports) || has_port(&args->ports, &flow->client) ||
	       has_port(&args->ports, &flow->server);
}

static bool matches(const struct look *look, const struct flow *flow)
{
	const struct flows_args *args = look->args;

	if (is_given(look, &args->table) && args->table != flow->of_balancer)
		return false;
	if (args->proto && args->proto != flow->proto)
		return false;
	if (is_given(look, &args->state) && args->state != (int)flow->state)
		return false;
	if (look->service && look->service != flow->service)
		return false;
	if (is_given(look, &args->vip) && !is_to_vip(&args->vip, flow))
		return false;
	if (args->backend && !is_of_backend(args->backend, flow->backend))
		return false;
	return matches_ends(look, flow);
}

/* --- rows ------------------------------------------------------------------- */

static json_t *end_json(bool has, const struct endpoint *end)
{
	char text[ENDPOINT_TEXT_LEN];

	if (has)
		return json_string(endpoint_format(end, text));
	return json_sprintf("*:%u", end->port);
}

static json_t *flow_json(const struct look *look, const struct flow *flow)
{
	const struct cluster *cluster = &look->session->cluster;
	const char *rule = flow->rule != SLUICE_NONE ? model_rule_name(cluster, flow->rule) : NULL;
	char proto[4];

	return json_pack("{s:s, s:o, s:o, s:s, s:I, s:s?, s:s?, s:s?, s:s}", "proto",
			 proto_name(flow->proto, proto), "client",
			 end_json(flow->has_client, &flow->client), "server",
			 end_json(flow->has_server, &flow->server), "state",
			 flow_state_words[flow->state], "left_s", (json_int_t)flow->left_s,
			 "service", flow->service ? flow->service->name : NULL, "backend",
			 flow->backend ? flow->backend->name : NULL, "rule", rule, "table",
			 flow_table_words[flow->of_balancer]);
}

static int look_at(void *context, const struct flow *flow)
{
	struct look *look = context;
	int err;

	if (!matches(look, flow))
		return 0;
	look->matched++;
	look->by_state[flow->state]++;
	if (look->kill) {
		err = flow_kill(&look->session->dp, flow);
		look->killed += !err;
		return err == -ENOENT ? 0 : err;
	}
	if (!look->rows || look->shown == look->args->limit)
		return 0;
	look->shown++;
	return json_array_append_new(look->rows, flow_json(look, flow)) ? -ENOMEM : 0;
}

/* --- answers ---------------------------------------------------------------- */

static const struct output_column flow_columns[] = {
	{"proto", "proto"},	{"client", "client"},
	{"server", "server"},	{"state", "state"},
	{"left_s", "left s"},	{"service", "service"},
	{"backend", "backend"}, {"rule", "rule"},
	{"table", "table"},	{},
};

static const struct output_table flow_tables[] = {
	{.key = "flows", .empty = "none", .columns = flow_columns}, {}};
static const struct output_column show_line[] = {
	{"node", "node"}, {"matched", "flows"}, {"shown", "shown"}, {}};
static const struct output_view show_view = {.line = show_line, .tables = flow_tables};

static const struct output_column count_columns[] = {{"state", "state"}, {"flows", "flows"}, {}};
static const struct output_table count_tables[] = {{.key = "states", .columns = count_columns}, {}};
static const struct output_column count_line[] = {{"node", "node"}, {"matched", "flows"}, {}};
static const struct output_view count_view = {.line = count_line, .tables = count_tables};

static const struct output_column kill_line[] = {
	{"node", "node"}, {"matched", "flows"}, {"killed", "killed"}, {}};
static const struct output_view kill_view = {.line = kill_line};

static json_t *answer_of(const struct look *look)
{
	json_t *root = json_pack("{s:s, s:I}", "node", look->session->name, "matched",
				 (json_int_t)look->matched);

	if (root && look->kill)
		json_object_set_new(root, "killed", json_integer((json_int_t)look->killed));
	else if (root)
		json_object_set_new(root, "shown", json_integer((json_int_t)look->shown));
	return root;
}

static int emit_count(const struct look *look)
{
	json_t *states = json_array();
	int err = 0;

	for (int i = 0; states && i < SLUICE_FLOW_STATE_COUNT && !err; i++)
		err = json_array_append_new(states,
					    json_pack("{s:s, s:I}", "state", flow_state_words[i],
						      "flows", (json_int_t)look->by_state[i]));
	return output_emit(&look->session->inv->out,
			   json_pack("{s:s, s:I, s:o}", "node", look->session->name, "matched",
				     (json_int_t)look->matched, "states", states),
			   &count_view);
}

static int emit_flows(const struct look *look)
{
	json_t *root = answer_of(look);

	if (root)
		json_object_set(root, "flows", look->rows);
	return output_emit(&look->session->inv->out, root, &show_view);
}

static int emit_killed(const struct look *look)
{
	return output_emit(&look->session->inv->out, answer_of(look), &kill_view);
}

/* --- the commands ----------------------------------------------------------- */

static int walk(struct look *look, struct flows_args *args, int (*emit)(const struct look *look))
{
	const struct session *session = look->session;
	int err;

	if (args->service) {
		look->service = service_find(session, args->service, args->proto);
		if (!look->service)
			return EXIT_USAGE;
	}
	if (!args->limit)
		args->limit = DEFAULT_LIMIT;
	err = flows_walk(&session->dp, &session->cluster, look_at, look);
	if (!err)
		err = emit(look);
	return err ? session_failed(session->inv, err, "walking over the flows") : EXIT_OK;
}

static int run(struct invocation *inv, const struct look *look,
	       int (*emit)(const struct look *look))
{
	struct look here = *look;
	struct session session;
	int code = session_open(&session, inv, look->kill ? DATAPLANE_WRITE : DATAPLANE_READ, 0);

	here.session = &session;
	here.args = inv->args;
	if (!code)
		code = walk(&here, inv->args, emit);
	json_decref(here.rows);
	session_close(&session);
	return code;
}

static int run_show(struct invocation *inv)
{
	struct look look = {.rows = json_array()};

	return run(inv, &look, emit_flows);
}

static int run_count(struct invocation *inv)
{
	struct look look = {0};

	return run(inv, &look, emit_count);
}

static int run_kill(struct invocation *inv)
{
	const struct flows_args *args = inv->args;
	struct look look = {.kill = true};
	bool others = inv->given & (inv->given - 1); /* more than one word */

	if (inv->given && !(args->all && others))
		return run(inv, &look, emit_killed);
	command_error(inv, args->all ? "expected no other word beside \"all\""
				     : "expected which flows, or \"all\"");
	return EXIT_USAGE;
}

#define FILTER_OPTIONS                                                                             \
	OPTION(struct flows_args, client, "client", "CIDR", type_hosts, "opened from there"),      \
		OPTION(struct flows_args, server, "server", "CIDR", type_hosts,                    \
		       "opened to there"),                                                         \
		OPTION(struct flows_args, either, "addr", "CIDR", type_hosts,                      \
		       "either of the two"),                                                       \
		OPTION(struct flows_args, ports, "port", "PORT", type_port_range,                  \
		       "of either end, or a range of them"),                                       \
		OPTION(struct flows_args, proto, "proto", "PROTO", type_proto,                     \
		       "tcp, udp, icmp, ..."),                                                     \
		OPTION(struct flows_args, vip, "vip", "ADDR:PORT", type_vip, "to this VIP"),       \
		OPTION(struct flows_args, service, "service", "VIP-or-SERVICE", type_service,      \
		       "of this service"),                                                         \
		OPTION(struct flows_args, backend, "backend", "ADDR-or-NODE", type_backend,        \
		       "that go to this backend"),                                                 \
		OPTION(struct flows_args, state, "state", "STATE", type_flow_state,                \
		       "opening, established, closing or closed"),                                 \
		OPTION(struct flows_args, table, "table", "firewall|balancer", type_flow_table,    \
		       "only those that firewalls, or balancers, remember")

static const struct parameter show_parameters[] = {
	FILTER_OPTIONS,
	OPTION(struct flows_args, limit, "limit", "N", type_count,
	       "show no more than N; 1000 by default"),
	{},
};

static const struct parameter count_parameters[] = {FILTER_OPTIONS, {}};

static const struct parameter kill_parameters[] = {
	FILTER_OPTIONS,
	SWITCH(struct flows_args, all, "all", "every flow"),
	{},
};

static const struct command flows_show = {
	.word = "show",
	.summary = "show flows, all or those that the words say",
	.detail = "The client is who opened it. Of a VIP that is a prefix a balancer remembers\n"
		  "neither address.",
	.parameters = show_parameters,
	.args_size = sizeof(struct flows_args),
	.run = run_show,
};

static const struct command flows_count = {
	.word = "count",
	.summary = "count them, by state",
	.parameters = count_parameters,
	.args_size = sizeof(struct flows_args),
	.run = run_count,
};

static const struct command flows_kill = {
	.word = "kill",
	.summary = "forget flows: their next packets are those of new ones",
	.detail = "A firewall that is strict drops what follows of a TCP connection; a balancer\n"
		  "chooses its backend anew. Packets of other flows notice nothing.",
	.parameters = kill_parameters,
	.args_size = sizeof(struct flows_args),
	.run = run_kill,
};

static const struct command *const flows_commands[] = {
	&flows_show,
	&flows_count,
	&flows_kill,
	NULL,
};

const struct command command_flows = {
	.word = "flows",
	.summary = "connections that are remembered",
	.commands = flows_commands,
};
