/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl restore: what a boot does before the network is up. First the host, with its
 * backstop, if it was set up: until the programs are attached a gateway forwards nothing.
 * Then the configuration that was confirmed last, the block set, and the programs, each as
 * its interface appears.
 */
#include "blocks.h"
#include "commands.h"
#include "generations.h"
#include "host.h"
#include "interfaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_NS	       100000000L
#define POLLS_A_SECOND 10
#define DEFAULT_WAIT_S 10

struct restore_args {
	unsigned wait_s;
};

/* What was restored, to be told. */
struct restored {
	const char *from;
	unsigned blocks;
	json_t *attached;
};

static int read_boot(const struct invocation *inv, const char *node, struct cluster *out)
{
	struct diag_list diags = {0};
	char *text;
	size_t length;
	int err = store_read_file(node, STORE_BOOT, &text, &length);

	if (err == -ENOENT)
		return err;
	if (!err) {
		err = config_read(text, length, out, &diags);
		free(text);
	}
	if (err && diags.count)
		command_error(inv, "what is stored for a boot: line %u: %s", diags.items[0].at.line,
			      diags.items[0].text);
	else if (err)
		session_failed(inv, err, "what is stored for a boot");
	diag_fini(&diags);
	return err;
}

/* A finding is told, and stops nothing: a node with most of its programs is better than none. */
static void set_host_up(const struct invocation *inv, const struct cluster *cluster,
			const struct node *node)
{
	struct host_report report;
	char *text;
	size_t length;
	int err = store_read_file(node->name, STORE_HOST, &text, &length);

	if (err)
		return;
	free(text);
	err = host_setup(cluster, node, &report);
	if (err) {
		session_failed(inv, err, "setting the host up");
		return;
	}
	for (size_t i = 0; i < report.count; i++)
		if (report.findings[i].severity == HOST_ERROR)
			command_error(inv, "%s (%s)", report.findings[i].what,
				      report.findings[i].fix);
	host_report_fini(&report);
}

static bool wait_for(const char *ifname, unsigned *polls)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};

	while (!if_nametoindex(ifname) && *polls) {
		(*polls)--;
		nanosleep(&pause, NULL);
	}
	return if_nametoindex(ifname);
}

/* Native, as it was in most cases; where the driver cannot, behind it, and said aloud. */
static int attach_one(struct session *session, const struct interface *interface,
		      struct attachment *out)
{
	int err = attach_interface(&session->dp, interface, ATTACH_NATIVE, out);

	if (err != -EOPNOTSUPP)
		return err ? interfaces_attach(session, interface, ATTACH_NATIVE, out) : EXIT_OK;
	command_error(session->inv,
		      "warning: interface \"%s\": its driver has no native XDP: "
		      "attached in mode generic, which is slow",
		      interface->name);
	return interfaces_attach(session, interface, ATTACH_GENERIC, out);
}

static int attach_all(struct session *session, struct restored *done)
{
	const struct restore_args *args = session->inv->args;
	const struct node *node = session_node(session);
	unsigned polls =
		POLLS_A_SECOND *
		(command_given(session->inv, &args->wait_s) ? args->wait_s : DEFAULT_WAIT_S);
	struct attachment attachment;
	int code = EXIT_OK;

	for (size_t i = 0; node && i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];

		/* A program that is there without maps of ours is one of another version. */
		if (!interface->roles ||
		    (!session->created && !attach_query(interface->name, &attachment)))
			continue;
		wait_for(interface->name, &polls);
		if (attach_one(session, interface, &attachment))
			code = EXIT_FAILED;
		else
			json_array_append_new(done->attached,
					      json_pack("{s:s, s:s}", "interface", interface->name,
							"mode", attach_mode_name(attachment.mode)));
	}
	return code;
}

static int print_restored(const struct session *session, struct restored *done)
{
	static const struct output_column line[] = {{"node", "node"},
						    {"from", "from"},
						    {"generation", "generation"},
						    {"blocks", "blocked"},
						    {}};
	static const struct output_column columns[] = {
		{"interface", "interface"}, {"mode", "mode"}, {}};
	static const struct output_table tables[] = {{.key = "attached", .columns = columns}, {}};
	static const struct output_view view = {.line = line, .tables = tables};
	int err = output_emit(&session->inv->out,
			      json_pack("{s:s, s:s, s:I, s:I, s:O}", "node", session->name, "from",
					done->from, "generation",
					(json_int_t)dataplane_generation(&session->dp), "blocks",
					(json_int_t)done->blocks, "attached", done->attached),
			      &view);

	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}

/* Consumes `wanted`. */
static int put_in_force(struct session *session, struct cluster *wanted, struct restored *done)
{
	int code, err;

	if (dataplane_generation(&session->dp)) {
		done->from = "what is in force";
		return EXIT_OK;
	}
	done->from = "what was stored";
	model_fini(&session->cluster);
	session->cluster = *wanted;
	model_init(wanted);
	session->restoring = true;
	code = session_publish(session);
	if (code)
		return code;
	err = blocks_restore(session, &done->blocks);
	return err ? session_failed(session->inv, err, "the block set") : EXIT_OK;
}

static int restore(const struct invocation *inv, struct cluster *wanted, const struct node *node)
{
	struct restored done = {.attached = json_array()};
	struct session session;
	int code, attached;

	set_host_up(inv, wanted, node);
	code = session_open(&session, inv, DATAPLANE_CREATE, &wanted->sizes);
	if (!code)
		code = put_in_force(&session, wanted, &done);
	if (!code) {
		attached = attach_all(&session, &done);
		code = print_restored(&session, &done);
		code = attached ? attached : code;
	}
	json_decref(done.attached);
	session_close(&session);
	return code;
}

static int run_restore(struct invocation *inv)
{
	struct cluster wanted;
	const struct node *node;
	char name[SLUICE_NAME_LEN];
	int code = session_node_name(inv, name), err;

	if (code)
		return code;
	err = read_boot(inv, name, &wanted);
	if (err == -ENOENT) {
		command_error(inv, "node \"%s\": nothing is stored for a boot", name);
		return EXIT_OK;
	}
	if (err)
		return EXIT_FAILED;
	node = model_node(&wanted, name);
	if (node)
		code = restore(inv, &wanted, node);
	else
		command_error(inv, "what is stored for a boot has no node \"%s\"", name);
	model_fini(&wanted);
	return node ? code : EXIT_FAILED;
}

static const struct parameter restore_parameters[] = {
	OPTION(struct restore_args, wait_s, "wait", "SEC", type_count,
	       "for interfaces that are not there yet, all together; 10 by default"),
	{},
};

const struct command command_restore = {
	.word = "restore",
	.summary = "put in force what was confirmed last, as a boot does",
	.detail =
		"Before the network is up: the host, if \"lbctl host setup\" was its last word, "
		"with\n"
		"the backstop first; then the configuration and the block set; then the programs.\n"
		"Where something is in force already, only missing programs are attached.",
	.parameters = restore_parameters,
	.args_size = sizeof(struct restore_args),
	.run = run_restore,
};
