/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl trace: what this node would do with a packet, told by the program
 * itself, on the maps in force. It changes no flow and no counter.
 */
#include "commands.h"
#include "trace_frame.h"
#include "interfaces.h"
#include "ledger_view.h"
#include "net.h"
#include "trace_view.h"

#define TCP_SYN	       2
#define EPHEMERAL_PORT 40000

struct trace_args {
	int proto;
	struct endpoint src, dst;
	const char *ifname;
	struct tag_list tags;
	unsigned flags;
};

static bool has_ports(int proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static int check_arguments(const struct invocation *inv)
{
	const struct trace_args *args = inv->args;
	char text[ADDR_TEXT_LEN];

	if (!args->proto) {
		command_error(inv, "PROTO \"any\": expected one protocol");
		return EXIT_USAGE;
	}
	if (addr_is_v4(&args->src.addr) != addr_is_v4(&args->dst.addr)) {
		command_error(inv, "SRC and DST: expected addresses of one family");
		return EXIT_USAGE;
	}
	if (has_ports(args->proto) && !args->dst.port) {
		command_error(inv, "DST \"%s\": expected a port with it",
			      addr_format(&args->dst.addr, text));
		return EXIT_USAGE;
	}
	if (args->proto != IPPROTO_TCP && command_given(inv, &args->flags)) {
		command_error(inv, "flags: expected PROTO tcp with it");
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static const struct interface *only_attached(const struct node *node, size_t *count)
{
	const struct interface *found = NULL;
	struct attachment attachment;

	*count = 0;
	for (size_t i = 0; node && i < node->interface_count; i++) {
		if (!node->interfaces[i].roles ||
		    attach_query(node->interfaces[i].name, &attachment))
			continue;
		found = &node->interfaces[i];
		(*count)++;
	}
	return found;
}

/* Where a packet from SRC comes in: where the route back to SRC goes out. */
static const struct interface *guess_interface(const struct session *session)
{
	const struct trace_args *args = session->inv->args;
	const struct node *node = session_node(session);
	size_t count;
	const struct interface *found = only_attached(node, &count);
	char ifname[IFNAMSIZ], text[ADDR_TEXT_LEN];

	if (!count) {
		command_error(session->inv, "nothing is attached, expected \"lbctl attach\" first");
		return NULL;
	}
	if (count == 1)
		return found;
	addr_format(&args->src.addr, text);
	if (net_route_interface(&args->src.addr, ifname)) {
		command_error(session->inv,
			      "no route to %s tells where it comes in, expected dev IF", text);
		return NULL;
	}
	found = model_interface(node, ifname);
	if (found && found->roles)
		return found;
	command_error(session->inv,
		      "%s comes in by \"%s\", where nothing is attached: expected dev IF", text,
		      ifname);
	return NULL;
}

static const struct interface *find_interface(const struct session *session)
{
	const struct trace_args *args = session->inv->args;
	const struct node *node = session_node(session);
	const struct interface *found;

	if (!args->ifname)
		return guess_interface(session);
	found = node ? model_interface(node, args->ifname) : NULL;
	if (found && found->roles)
		return found;
	command_error(session->inv, "dev \"%s\": expected an interface that Sluice is attached to",
		      args->ifname);
	return NULL;
}

static int run_frame(struct session *session, const struct interface *in,
		     struct sluice_trace_step *steps)
{
	const struct invocation *inv = session->inv;
	const struct trace_args *args = inv->args;
	struct trace_frame spec = {
		.src = args->src,
		.dst = args->dst,
		.proto = args->proto,
		.tags = {args->tags.ids[0], args->tags.ids[1]},
		.tag_count = args->tags.count,
		.tcp_flags = command_given(inv, &args->flags) ? args->flags : TCP_SYN,
	};
	unsigned char frame[TRACE_FRAME_MAX];
	int err = net_link_address(in->name, spec.dst_mac);

	if (!spec.src.port)
		spec.src.port = EPHEMERAL_PORT;
	if (!err)
		err = attach_trace(&session->dp, in, frame, trace_frame_build(&spec, frame), steps);
	return err;
}

static const struct output_column trace_line[] = {{"node", "node"}, {"interface", "in by"}, {}};
static const struct output_column step_columns[] = {{"step", "step"}, {"detail", "detail"}, {}};
static const struct output_table trace_tables[] = {{.key = "steps", .columns = step_columns}, {}};
static const struct output_view trace_view = {.line = trace_line, .tables = trace_tables};

static int trace(struct session *session)
{
	const struct interface *in = find_interface(session);
	struct sluice_trace_step steps[SLUICE_TRACE_STEPS];
	enum sluice_outcome outcome;
	json_t *root;
	int err;

	if (!in)
		return EXIT_USAGE;
	err = run_frame(session, in, steps);
	if (err)
		return session_kernel_failed(session->inv, err, "running the program of \"%s\"",
					     in->name);
	outcome = trace_view_outcome(steps);
	root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "node", session->name, "interface",
			 in->name, "verdict", class_token(outcome_class(outcome)), "outcome",
			 outcome_token(outcome), "meaning", outcome_help(outcome), "steps",
			 trace_view_steps(session, in, steps));
	err = output_emit(&session->inv->out, root, &trace_view);
	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}

static int run_trace(struct invocation *inv)
{
	struct session session;
	int code = check_arguments(inv);

	if (code)
		return code;
	code = session_open(&session, inv, DATAPLANE_READ, NULL);
	if (!code)
		code = trace(&session);
	session_close(&session);
	return code;
}

static const struct parameter trace_parameters[] = {
	OPERAND(struct trace_args, proto, "PROTO", type_proto,
		"tcp, udp, icmp, ipip, ... or a number"),
	OPERAND(struct trace_args, src, "SRC[:PORT]", type_endpoint,
		"its source; IPv6 with a port as [ADDR]:PORT; port 40000 by default"),
	OPERAND(struct trace_args, dst, "DST[:PORT]", type_endpoint, "its destination"),
	OPTION(struct trace_args, ifname, "dev", "IF", type_ifname,
	       "where it comes in; by default where the route back to SRC goes out"),
	OPTION(struct trace_args, tags, "vlan", "ID[.ID]", type_tags,
	       "the VLAN tag that it comes with; of two the outer one, an 802.1ad tag, first"),
	OPTION(struct trace_args, flags, "flags", "FLAG,..", type_tcp_flags,
	       "of TCP: fin, syn, rst, psh, ack, urg, or none; syn by default"),
	{},
};

const struct command command_trace = {
	.word = "trace",
	.summary = "say what this node would do with a packet, and why",
	.detail = "The program itself runs on a packet made for it, with the maps in force. No\n"
		  "flow and no counter changes. Exit status 0 whatever the verdict is.",
	.parameters = trace_parameters,
	.args_size = sizeof(struct trace_args),
	.run = run_trace,
};
