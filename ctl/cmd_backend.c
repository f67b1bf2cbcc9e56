/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl backend: the servers behind a service.
 */
#include "change.h"
#include "commands.h"
#include "service_find.h"
#include "service_view.h"

#include <errno.h>
#include <string.h>

struct backend_args {
	const char *service, *backend;
	int proto;
	struct address_pair addresses;
	unsigned weight;
	int admin;
	int backup;
	struct server_id server_id;
	unsigned short port;
	struct change_args change;
};

static void set_options(const struct invocation *inv, struct backend *backend)
{
	const struct backend_args *args = inv->args;

	if (command_given(inv, &args->addresses)) {
		backend->has4 = args->addresses.has4;
		backend->addr4 = args->addresses.addr4;
		backend->has6 = args->addresses.has6;
		backend->addr6 = args->addresses.addr6;
	}
	if (command_given(inv, &args->weight))
		backend->weight = args->weight;
	if (command_given(inv, &args->admin))
		backend->admin = (enum backend_admin)args->admin;
	if (command_given(inv, &args->backup))
		backend->backup = args->backup;
	if (command_given(inv, &args->server_id))
		backend->server_id = args->server_id;
	if (command_given(inv, &args->port))
		backend->port = args->port;
}

static int add(struct session *session, struct service *service)
{
	const struct backend_args *args = session->inv->args;
	struct endpoint at = {0};
	struct backend *backend;
	char name[ADDR_TEXT_LEN];

	if (addr_parse(args->backend, &at.addr) && endpoint_parse(args->backend, &at))
		strcpy(name, args->backend);
	else
		addr_format(&at.addr, name);
	if (model_backend(service, name)) {
		command_error(session->inv,
			      "backend \"%s\" of service \"%s\" has another port, expected a name "
			      "beside \"address ADDR port PORT\"",
			      name, service->name);
		return EXIT_USAGE;
	}
	backend = model_backend_add(service, name);
	if (!backend)
		return session_failed(session->inv, -ENOMEM, "backend \"%s\"", name);
	if (!command_given(session->inv, &args->addresses) &&
	    !model_backend_resolve(&session->cluster, backend)) {
		command_error(session->inv,
			      "backend \"%s\": no node of this name has an address, expected an "
			      "address, or also \"address ADDR,..\"",
			      name);
		return EXIT_USAGE;
	}
	backend->port = at.port;
	set_options(session->inv, backend);
	return EXIT_OK;
}

static int edit_add(struct session *session)
{
	const struct backend_args *args = session->inv->args;
	struct service *service = service_find(session, args->service, args->proto);

	if (!service)
		return EXIT_USAGE;
	if (!service_find_backend(service, args->backend))
		return add(session, service);
	command_error(session->inv, "backend \"%s\" of service \"%s\" exists already",
		      args->backend, service->name);
	return EXIT_USAGE;
}

static int edit_set(struct session *session)
{
	const struct backend_args *args = session->inv->args;
	struct service *service = service_find(session, args->service, args->proto);
	struct backend *backend = service ? service_find_backend(service, args->backend) : NULL;

	if (!service)
		return EXIT_USAGE;
	if (!backend)
		return add(session, service);
	set_options(session->inv, backend);
	return EXIT_OK;
}

/* The backend named on the command line, which must exist. */
static struct backend *find(const struct session *session, struct service **service)
{
	const struct backend_args *args = session->inv->args;
	struct backend *backend;

	*service = service_find(session, args->service, args->proto);
	backend = *service ? service_find_backend(*service, args->backend) : NULL;
	if (*service && !backend)
		command_error(session->inv, "backend \"%s\": service \"%s\" has no such backend",
			      args->backend, (*service)->name);
	return backend;
}

static int edit_del(struct session *session)
{
	struct service *service;
	struct backend *backend = find(session, &service);

	if (!backend)
		return EXIT_USAGE;
	model_backend_del(service, backend);
	return EXIT_OK;
}

static int set_admin(struct session *session, enum backend_admin admin)
{
	struct service *service;
	struct backend *backend = find(session, &service);

	if (!backend)
		return EXIT_USAGE;
	backend->admin = admin;
	return EXIT_OK;
}

static int edit_drain(struct session *session)
{
	return set_admin(session, BACKEND_ADMIN_DRAIN);
}

static int edit_undrain(struct session *session)
{
	return set_admin(session, BACKEND_ADMIN_UP);
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

static int run_drain(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_drain);
}

static int run_undrain(struct invocation *inv)
{
	return session_edit(inv, DATAPLANE_WRITE, edit_undrain);
}

static int show(const struct session *session)
{
	const struct output_table tables[] = {service_view_backends_table, {}};
	const struct output_view view = {.tables = tables};
	const struct invocation *inv = session->inv;
	const struct backend_args *args = inv->args;
	const struct service *service = service_find(session, args->service, args->proto);
	struct loads *loads;
	json_t *root;
	int err;

	if (!service)
		return EXIT_USAGE;
	err = loads_read(&session->dp, &loads);
	if (err)
		return session_failed(inv, err, "reading the counters");
	root = service_view_json(loads, service, &err);
	loads_free(loads);
	if (!err)
		err = output_emit(&inv->out, root, &view);
	return err ? session_failed(inv, err, "reading the backends") : EXIT_OK;
}

static int run_show(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, NULL);

	if (!code)
		code = show(&session);
	session_close(&session);
	return code;
}

#define SERVICE_OPERAND                                                                            \
	OPERAND(struct backend_args, service, "VIP-or-SERVICE", type_service,                      \
		"the service, by name or as ADDR:PORT")
#define BACKEND_OPERAND                                                                            \
	OPERAND(struct backend_args, backend, "ADDR-or-NODE", type_backend,                        \
		"the backend, by address or by name; with forward nat also as ADDR:PORT")
#define PROTO_OPTION                                                                               \
	OPTION(struct backend_args, proto, "proto", "tcp|udp", type_service_proto,                 \
	       "if it is a VIP of both")

static const struct parameter set_parameters[] = {
	SERVICE_OPERAND,
	BACKEND_OPERAND,
	OPTION(struct backend_args, addresses, "address", "ADDR[,ADDR]", type_address_pair,
	       "its addresses, one of each family at most; by default those of the node"),
	OPTION(struct backend_args, port, "port", "PORT", type_port,
	       "with forward nat, where it listens; by default at the VIP's port"),
	OPTION(struct backend_args, weight, "weight", "N", type_weight,
	       "its share of new flows, 0 to 1000, 100 by default; 0: no new flows"),
	OPTION(struct backend_args, admin, "state", "up|drain|down", type_admin,
	       "up (the default); drain: keeps its flows, gets no new ones; down: loses them"),
	OPTION(struct backend_args, backup, "backup", "yes|no", type_yes_no,
	       "yes: gets new flows only while no other backend can"),
	OPTION(struct backend_args, server_id, "server-id", "0xHEX", type_server_id,
	       "in QUIC connection IDs; by default the last octets of its address"),
	PROTO_OPTION,
	CHANGE_PARAMETERS(struct backend_args),
	{},
};

static const struct parameter del_parameters[] = {
	SERVICE_OPERAND, BACKEND_OPERAND, PROTO_OPTION, CHANGE_PARAMETERS(struct backend_args), {},
};

static const struct parameter show_parameters[] = {
	SERVICE_OPERAND,
	PROTO_OPTION,
	{},
};

static const struct command backend_add = {
	.word = "add",
	.summary = "add a backend to a service; fails if it is there",
	.parameters = set_parameters,
	.args_size = sizeof(struct backend_args),
	.run = run_add,
};

static const struct command backend_set = {
	.word = "set",
	.summary = "change a backend, or add it if it is missing",
	.parameters = set_parameters,
	.args_size = sizeof(struct backend_args),
	.run = run_set,
};

static const struct command backend_del = {
	.word = "del",
	.summary = "delete a backend: its flows go to the others",
	.parameters = del_parameters,
	.args_size = sizeof(struct backend_args),
	.run = run_del,
};

static const struct command backend_drain = {
	.word = "drain",
	.summary = "let a backend finish its flows and give it no new ones",
	.parameters = del_parameters,
	.args_size = sizeof(struct backend_args),
	.run = run_drain,
};

static const struct command backend_undrain = {
	.word = "undrain",
	.summary = "give a backend new flows again",
	.parameters = del_parameters,
	.args_size = sizeof(struct backend_args),
	.run = run_undrain,
};

static const struct command backend_show = {
	.word = "show",
	.summary = "show the backends of a service",
	.parameters = show_parameters,
	.args_size = sizeof(struct backend_args),
	.run = run_show,
};

static const struct command *const backend_commands[] = {
	&backend_add,	  &backend_set,	 &backend_del, &backend_drain,
	&backend_undrain, &backend_show, NULL,
};

const struct command command_backend = {
	.word = "backend",
	.summary = "the servers behind a service",
	.commands = backend_commands,
};
