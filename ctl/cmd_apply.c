/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl apply: this node becomes what the file says, or stays as it was. The
 * file is published first and the interfaces follow; if one of them fails, all
 * of it is taken back.
 */
#include "apply.h"
#include "change.h"
#include "commands.h"
#include "confirmation.h"
#include "interfaces.h"

#include <string.h>

#include "config_diff.h"
#include "model_json.h"

struct apply_args {
	const char *file;
	bool dry_run, force;
	struct change_args change;
};

/* The node's entry in the file, or NULL, having said which nodes there are. */
static const struct node *find_node(const struct invocation *inv, const struct cluster *cluster,
				    const char *name)
{
	const struct apply_args *args = inv->args;
	const struct node *node = model_node(cluster, name);
	char list[512] = "";
	size_t length = 0;

	if (node)
		return node;
	for (size_t i = 0; i < cluster->node_count && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   i ? ", " : "", cluster->nodes[i].name);
	command_error(inv, "%s: node \"%s\" is not in the file, expected --node with one of %s",
		      args->file, name, *list ? list : "(none)");
	return NULL;
}

static json_t *attached_json(const struct node *node)
{
	json_t *out = json_array();

	for (size_t i = 0; i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];
		struct attachment attachment;

		if (!interface->roles || attach_query(interface->name, &attachment))
			continue;
		json_array_append_new(out, json_pack("{s:s, s:o, s:s*, s:s, s:i}", "interface",
						     interface->name, "roles",
						     model_json_roles(interface->roles), "policy",
						     *interface->policy ? interface->policy : NULL,
						     "mode", attach_mode_name(attachment.mode),
						     "program_id", (int)attachment.prog_id));
	}
	return out;
}

static int print_applied(const struct session *session)
{
	static const struct output_column line[] = {{"node", "node"},
						    {"generation", "generation"},
						    {"confirm_within_s", "confirm within seconds"},
						    {}};
	static const struct output_column columns[] = {
		{"interface", "interface"}, {"roles", "roles"},	       {"policy", "policy"},
		{"mode", "mode"},	    {"program_id", "program"}, {},
	};
	static const struct output_table tables[] = {{.key = "attached", .columns = columns}, {}};
	static const struct output_view view = {.line = line, .tables = tables};
	json_t *root = json_pack("{s:s, s:I, s:o}", "node", session->name, "generation",
				 (json_int_t)session->dp.control->generation.config, "attached",
				 attached_json(session_node(session)));
	int err;

	if (session->dp.confirm_s)
		json_object_set_new(root, "confirm_within_s",
				    json_integer(confirmation_left_s(session)));
	err = output_emit(&session->inv->out, root, &view);

	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}

int apply_cluster(struct session *session, struct cluster *wanted)
{
	struct cluster before = session->cluster;
	int code;

	session->cluster = *wanted;
	model_init(wanted);
	code = session_publish(session);
	if (!code)
		code = interfaces_sync(session, &before);
	if (!code)
		code = confirmation_start(session);
	if (!code)
		code = print_applied(session);
	model_fini(&before);
	return code;
}

int apply_dry_run(const struct invocation *inv, const struct cluster *wanted)
{
	struct session session;
	int code = session_open_if_present(&session, inv);
	bool changes;

	if (!code)
		code = config_diff_print(inv, &session, wanted, &changes);
	session_close(&session);
	return code;
}

static int check(const struct invocation *inv, const struct cluster *wanted, const char *name)
{
	const struct apply_args *args = inv->args;
	const struct node *node = find_node(inv, wanted, name);
	char setup[512];

	if (!node)
		return EXIT_USAGE;
	if (args->force)
		return EXIT_OK;
	snprintf(setup, sizeof(setup), "lbctl --node %s host setup file %s", name, args->file);
	return interfaces_check_host(inv, wanted, node, setup);
}

static int apply_file(const struct invocation *inv, struct cluster *wanted)
{
	const struct apply_args *args = inv->args;
	struct session session;
	char name[SLUICE_NAME_LEN];
	int code = session_node_name(inv, name);

	if (!code)
		code = check(inv, wanted, name);
	if (code || args->dry_run)
		return code ? code : apply_dry_run(inv, wanted);
	code = session_open(&session, inv, DATAPLANE_CREATE, &wanted->sizes);
	if (!code)
		code = apply_cluster(&session, wanted);
	session_close(&session);
	return code;
}

static int run_apply(struct invocation *inv)
{
	const struct apply_args *args = inv->args;
	struct cluster wanted;
	int code = session_read_file(inv, args->file, &wanted);

	if (code)
		return code;
	code = apply_file(inv, &wanted);
	model_fini(&wanted);
	return code;
}

static const struct parameter apply_parameters[] = {
	OPTION_REQUIRED(struct apply_args, file, "-f", "FILE", type_file,
			"the cluster file; - is standard input"),
	SWITCH(struct apply_args, dry_run, "--dry-run", "only say what would change"),
	SWITCH(struct apply_args, force, "--force", "even if the host is not ready"),
	CHANGE_PARAMETERS(struct apply_args),
	{},
};

const struct command command_apply = {
	.word = "apply",
	.summary = "make this node what a cluster file says",
	.detail = "Packets see the old configuration or the new one, never a part. Flows and\n"
		  "counters stay. Interfaces are attached, replaced and detached as the file\n"
		  "says; if one fails, everything is as it was.",
	.parameters = apply_parameters,
	.args_size = sizeof(struct apply_args),
	.run = run_apply,
};
