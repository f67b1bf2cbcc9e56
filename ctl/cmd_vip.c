/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl vip: addresses and ports that the balancers answer for. A service has
 * one or more VIPs; it comes with its first and goes with its last.
 */
#include "change.h"
#include "commands.h"
#include "limit_commands.h"
#include "service_find.h"
#include "service_view.h"

#include <errno.h>
#include <string.h>

struct vip_args {
	struct vip vip;
	int proto;
	const char *name;
	int forward;
	bool statistics;
	int affinity;
	unsigned slow_start_ms, panic_percent;
	unsigned quic, syn_cookies;
	struct change_args change;
};

/* A name for a service that was given none: "tcp-443", "tcp-443-2", "udp-8000-8099", "tcp-all". */
static void choose_name(const struct cluster *cluster, const struct vip_args *args, char *name)
{
	char proto[4], vip[VIP_TEXT_LEN];
	const char *ports = strrchr(vip_format(&args->vip, vip), ':') + 1;

	if (vip_ports(&args->vip) == VIP_ALL_PORTS)
		ports = "all";
	proto_name(args->proto, proto);
	snprintf(name, SLUICE_NAME_LEN, "%s-%s", proto_name(args->proto, proto), ports);
	for (unsigned i = 2; model_service(cluster, name); i++)
		snprintf(name, SLUICE_NAME_LEN, "%s-%s-%u", proto_name(args->proto, proto), ports,
			 i);
}

/* The service that the new VIP joins, or a new one. */
static int service_for(struct session *session, struct service **out)
{
	const struct vip_args *args = session->inv->args;
	struct cluster *cluster = &session->cluster;
	char name[SLUICE_NAME_LEN], proto[4];

	if (args->name)
		strcpy(name, args->name);
	else
		choose_name(cluster, args, name);
	*out = model_service(cluster, name);
	if (*out && (*out)->proto != args->proto) {
		command_error(session->inv,
			      "service \"%s\" is of proto %s: expected that, or "
			      "another name",
			      name, proto_name((*out)->proto, proto));
		return EXIT_USAGE;
	}
	if (*out)
		return EXIT_OK;
	*out = model_service_add(cluster, name);
	if (!*out)
		return session_failed(session->inv, -ENOMEM, "service \"%s\"", name);
	(*out)->proto = args->proto;
	return EXIT_OK;
}

static void set_options(const struct invocation *inv, struct service *service)
{
	const struct vip_args *args = inv->args;

	if (command_given(inv, &args->forward))
		service->forward = (enum sluice_forward)args->forward;
	if (command_given(inv, &args->affinity))
		service->affinity = (enum affinity)args->affinity;
	if (command_given(inv, &args->slow_start_ms))
		service->slow_start_ms = args->slow_start_ms;
	if (command_given(inv, &args->panic_percent))
		service->panic_percent = args->panic_percent;
	if (command_given(inv, &args->quic))
		service->quic = args->quic;
	if (command_given(inv, &args->syn_cookies))
		service->syn_cookies = args->syn_cookies;
}

static int add(struct session *session)
{
	const struct vip_args *args = session->inv->args;
	struct service *service;
	int code = service_for(session, &service);

	if (code)
		return code;
	set_options(session->inv, service);
	if (!model_vip_add(service, &args->vip))
		return session_failed(session->inv, -ENOMEM, "service \"%s\"", service->name);
	return EXIT_OK;
}

static void default_proto(const struct invocation *inv)
{
	struct vip_args *args = inv->args;

	if (!args->proto)
		args->proto = IPPROTO_TCP;
}

static int edit_add(struct session *session)
{
	const struct vip_args *args = session->inv->args;
	const struct service *service;
	char text[VIP_TEXT_LEN];

	default_proto(session->inv);
	service = model_service_by_vip(&session->cluster, &args->vip, args->proto);
	if (!service)
		return add(session);
	command_error(session->inv, "VIP \"%s\" exists already, in service \"%s\"",
		      vip_format(&args->vip, text), service->name);
	return EXIT_USAGE;
}

static int edit_set(struct session *session)
{
	const struct vip_args *args = session->inv->args;
	struct service *service;

	default_proto(session->inv);
	service = model_service_by_vip(&session->cluster, &args->vip, args->proto);
	if (!service)
		return add(session);
	if (args->name && strcmp(args->name, service->name)) {
		command_error(session->inv, "the VIP is in service \"%s\" already", service->name);
		return EXIT_USAGE;
	}
	set_options(session->inv, service);
	return EXIT_OK;
}

static int edit_del(struct session *session)
{
	const struct vip_args *args = session->inv->args;
	struct service *service = service_find_vip(session, &args->vip, args->proto);

	if (!service)
		return EXIT_USAGE;
	for (size_t i = 0; i < service->vip_count; i++) {
		if (!vip_equal(&service->vips[i], &args->vip))
			continue;
		model_vip_del(service, &service->vips[i]);
		break;
	}
	if (!service->vip_count)
		model_service_del(&session->cluster, service);
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

static json_t *services_json(const struct session *session, const struct loads *loads,
			     const struct service *only, int *err)
{
	json_t *services, *one;

	if (!only)
		return service_view_all(&session->cluster, loads, err);
	one = service_view_json(loads, only, err);
	services = one ? json_pack("[o]", one) : NULL;
	if (!services && !*err)
		*err = -ENOMEM;
	return services;
}

/* {"services"}, and {"vips"} where they were asked for. */
static json_t *show_json(const struct session *session, const struct service *only, int *err)
{
	const struct vip_args *args = session->inv->args;
	json_t *root = NULL, *services, *vips;
	struct loads *loads;

	*err = loads_read(&session->dp, &loads);
	if (*err)
		return NULL;
	services = services_json(session, loads, only, err);
	if (!*err)
		root = json_pack("{s:o}", "services", services);
	if (root && args->statistics) {
		vips = service_view_vips(&session->cluster, loads, only, err);
		if (!*err && json_object_set_new(root, "vips", vips))
			*err = -ENOMEM;
	}
	loads_free(loads);
	if (!*err)
		return root;
	json_decref(root);
	return NULL;
}

static int show(const struct session *session)
{
	const struct invocation *inv = session->inv;
	const struct vip_args *args = inv->args;
	const struct output_table tables[] = {
		{.key = "services",
		 .empty = "no services",
		 .columns = service_view_table.columns,
		 .below = service_view_table.below},
		args->statistics ? service_view_vips_table : (struct output_table){},
		{},
	};
	const struct output_view view = {.tables = tables};
	const struct service *only = NULL;
	json_t *root;
	int err;

	if (command_given(inv, &args->vip)) {
		only = service_find_vip(session, &args->vip, args->proto);
		if (!only)
			return EXIT_USAGE;
	}
	root = show_json(session, only, &err);
	if (!err)
		err = output_emit(&inv->out, root, &view);
	return err ? session_failed(inv, err, "reading the services") : EXIT_OK;
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

static const struct parameter set_parameters[] = {
	OPERAND(struct vip_args, vip, "ADDR:PORT", type_vip,
		"the VIP, IPv6 as [ADDR]:PORT; ADDR may be a prefix, as 198.51.100.0/24, and PORT "
		"a range, as 8000-8099, or * for all: the longest prefix goes first, in it one "
		"port before a range, and that before all"),
	OPTION(struct vip_args, proto, "proto", "tcp|udp", type_service_proto, "tcp by default"),
	OPTION(struct vip_args, name, "name", "NAME", type_name,
	       "the service: an existing one gets one more VIP; by default one of its own"),
	OPTION(struct vip_args, forward, "forward", "ipip|dsr|gue|nat", type_forward,
	       "how its packets travel: in a tunnel of IP (ipip, the default) or UDP (gue), or to "
	       "the link address of the backend (dsr)"),
	OPTION(struct vip_args, affinity, "affinity", "none|source|source64", type_affinity,
	       "source: all flows of a client address go to one backend; source64: of an IPv6 /64"),
	OPTION(struct vip_args, slow_start_ms, "slow-start", "TIME", type_slow_start,
	       "as 30s: a backend that comes up gets its share of new flows by and by; 0s: at "
	       "once"),
	OPTION(struct vip_args, panic_percent, "panic", "PERCENT", type_percent,
	       "with fewer backends healthy, health is ignored; 0% by default: when none is"),
	OPTION(struct vip_args, syn_cookies, "syn-cookies", "off|always|N/s", type_syn_cookies,
	       "as 2000/s: SYNs beyond so many a second are answered with a cookie, and take no "
	       "memory here or on backends; those need the decap role, and Linux 6.9"),
	OPTION(struct vip_args, quic, "quic", "N", type_server_id_length,
	       "QUIC: octets of the server id in connection IDs, 1 to 8; 0, the default: none"),
	CHANGE_PARAMETERS(struct vip_args),
	{},
};

static const struct parameter del_parameters[] = {
	OPERAND(struct vip_args, vip, "ADDR:PORT", type_vip, "the VIP"),
	OPTION(struct vip_args, proto, "proto", "tcp|udp", type_service_proto,
	       "if it is a VIP of both"),
	CHANGE_PARAMETERS(struct vip_args),
	{},
};

static const struct parameter show_parameters[] = {
	OPERAND_OPTIONAL(struct vip_args, vip, "ADDR:PORT", type_vip,
			 "only the service of this VIP"),
	OPTION(struct vip_args, proto, "proto", "tcp|udp", type_service_proto,
	       "if it is a VIP of both"),
	SWITCH(struct vip_args, statistics, "-s", "also what each VIP sent to its backends"),
	{},
};

static const struct command vip_add = {
	.word = "add",
	.summary = "add a VIP; fails if it exists",
	.parameters = set_parameters,
	.args_size = sizeof(struct vip_args),
	.run = run_add,
};

static const struct command vip_set = {
	.word = "set",
	.summary = "change a VIP's service, or add the VIP if it is missing",
	.parameters = set_parameters,
	.args_size = sizeof(struct vip_args),
	.run = run_set,
};

static const struct command vip_del = {
	.word = "del",
	.summary = "delete a VIP, and its service with the last one",
	.parameters = del_parameters,
	.args_size = sizeof(struct vip_args),
	.run = run_del,
};

static const struct command vip_show = {
	.word = "show",
	.summary = "show services with their VIPs and backends",
	.parameters = show_parameters,
	.args_size = sizeof(struct vip_args),
	.run = run_show,
};

static const struct command *const vip_commands[] = {&vip_add,		 &vip_set,  &vip_del,
						     &command_vip_limit, &vip_show, NULL};

const struct command command_vip = {
	.word = "vip",
	.summary = "addresses and ports that are balanced",
	.commands = vip_commands,
};
