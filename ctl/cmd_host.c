/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl host: what the kernel around the data plane must be told, on this node.
 */
#include "commands.h"
#include "host.h"
#include "session.h"
#include "store.h"

#include <errno.h>
#include <string.h>

#include "host_view.h"

struct host_args {
	const char *file;
	const char *ifname;
	unsigned roles;
};

/* What the node is to be: as the file says, or as is in force; both with `dev`. */
static int load(const struct invocation *inv, struct session *session)
{
	const struct host_args *args = inv->args;
	struct cluster cluster;
	int code = session_open_if_present(session, inv);

	if (code || !args->file)
		return code;
	code = session_read_file(inv, args->file, &cluster);
	if (code)
		return code;
	model_fini(&session->cluster);
	session->cluster = cluster;
	return EXIT_OK;
}

static int add_interface(struct session *session, struct node *node)
{
	const struct host_args *args = session->inv->args;
	struct interface *interface = model_interface(node, args->ifname);

	if (!interface)
		interface = model_interface_add(node, args->ifname);
	if (!interface)
		return session_failed(session->inv, -ENOMEM, "interface \"%s\"", args->ifname);
	if (args->roles)
		interface->roles = args->roles;
	return EXIT_OK;
}

/* `make`: a node that nothing is known of is fine. */
static int find_node(struct session *session, bool make, struct node **out)
{
	const struct host_args *args = session->inv->args;
	int code = EXIT_OK;

	*out = make || args->ifname ? session_node_make(session) : session_node(session);
	if (!*out && (make || args->ifname))
		return EXIT_FAILED;
	if (!*out && args->file) {
		command_error(session->inv, "%s: node \"%s\" is not in the file", args->file,
			      session->name);
		return EXIT_USAGE;
	}
	if (!*out) {
		command_error(session->inv,
			      "node \"%s\" has no configuration yet, expected file FILE or dev IF "
			      "role ROLE,..",
			      session->name);
		return EXIT_USAGE;
	}
	if (args->ifname)
		code = add_interface(session, *out);
	return code;
}

typedef int host_action(const struct cluster *cluster, const struct node *node,
			struct host_report *report);

/* So that a boot does the same, before it attaches anything. */
static void remember(const struct session *session, host_action *action, unsigned errors)
{
	static const char text[] =
		"# A boot sets this host up again: lbctl host reset ends that.\n";
	int err = 0;

	if (action == host_reset)
		err = store_remove_file(session->name, STORE_HOST);
	else if (action == host_setup && !errors)
		err = store_write_file(session->name, STORE_HOST, text, strlen(text));
	if (err)
		command_error(session->inv,
			      "warning: this could not be stored: %s: a reboot will "
			      "not bring it back",
			      strerror(-err));
}

static int act(struct session *session, host_action *action, unsigned *errors)
{
	struct host_report report;
	struct node *node;
	/* What is to be taken back is in the journal, whatever the configuration is. */
	int code = find_node(session, action == host_reset, &node), err;

	if (code)
		return code;
	err = action(&session->cluster, node, &report);
	if (err == -EBUSY) {
		command_error(session->inv,
			      "Sluice is still attached: \"lbctl detach\" comes first");
		return EXIT_FAILED;
	}
	if (err)
		return session_failed(session->inv, err, "node \"%s\"", session->name);
	*errors = host_view_count(&report, HOST_ERROR);
	remember(session, action, *errors);
	code = host_view_print(session, &report);
	host_report_fini(&report);
	return code;
}

/* Errors that are left are a failure of setup, and what check is there to tell. */
static int run(struct invocation *inv, host_action *action)
{
	struct session session;
	unsigned errors = 0;
	int code = load(inv, &session);

	if (!code)
		code = act(&session, action, &errors);
	session_close(&session);
	return code ? code : errors ? EXIT_FAILED : EXIT_OK;
}

static int run_setup(struct invocation *inv)
{
	return run(inv, host_setup);
}

static int run_check(struct invocation *inv)
{
	return run(inv, host_inspect);
}

static int run_reset(struct invocation *inv)
{
	return run(inv, host_reset);
}

static const struct parameter host_parameters[] = {
	OPTION(struct host_args, file, "file", "FILE", type_file,
	       "a cluster file, instead of what is in force; - is standard input"),
	OPTION(struct host_args, ifname, "dev", "IF", type_ifname,
	       "an interface that is to be attached"),
	OPTION(struct host_args, roles, "role", "ROLE,..", type_roles,
	       "the roles that it is to have"),
	{},
};

static const struct command host_setup_command = {
	.word = "setup",
	.summary = "put right what this node needs of its kernel",
	.detail =
		"Gateways and balancers: an nft chain that drops what the kernel itself would\n"
		"forward, then forwarding. Hosts of backends: the VIPs on lo, no ARP for them, no\n"
		"strict reverse path filter. MTUs as the file says. Only what is wrong is\n"
		"changed, and only on interfaces of the file; \"host reset\" takes it back.",
	.parameters = host_parameters,
	.args_size = sizeof(struct host_args),
	.run = run_setup,
};

static const struct command host_check_command = {
	.word = "check",
	.summary = "say what setup would put right, and what it cannot",
	.parameters = host_parameters,
	.args_size = sizeof(struct host_args),
	.run = run_check,
};

static const struct command host_reset_command = {
	.word = "reset",
	.summary = "take back what setup did, the backstop last",
	.parameters = host_parameters,
	.args_size = sizeof(struct host_args),
	.run = run_reset,
};

static const struct command *const host_commands[] = {&host_setup_command, &host_check_command,
						      &host_reset_command, NULL};

const struct command command_host = {
	.word = "host",
	.summary = "prepare the kernel around the data plane",
	.commands = host_commands,
};
