/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl attach and detach: the program of one interface. Attaching records the
 * interface in the configuration in force; detaching takes its roles away, so
 * that `diff` shows it.
 */
#include "change.h"
#include "commands.h"
#include "confirmation.h"
#include "interfaces.h"

#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

#include "deadline.h"
#include "model_array.h"
#include "model_json.h"

struct attach_args {
	const char *ifname;
	unsigned roles;
	const char *policy;
	struct vlan_list vlans;
	int mode;
	bool force;
	struct change_args change;
};

static bool prefix_of(const struct ifaddrs *a, struct prefix *out)
{
	if (!a->ifa_addr || !a->ifa_netmask || a->ifa_flags & IFF_LOOPBACK)
		return false;
	if (a->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *addr = (const void *)a->ifa_addr;
		const struct sockaddr_in *mask = (const void *)a->ifa_netmask;

		out->addr = addr_from_v4(addr->sin_addr.s_addr);
		out->bits = SLUICE_V4_PREFIX_BITS + __builtin_popcount(mask->sin_addr.s_addr);
		return true;
	}
	if (a->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *addr = (const void *)a->ifa_addr;
		const struct sockaddr_in6 *mask = (const void *)a->ifa_netmask;

		memcpy(&out->addr, &addr->sin6_addr, sizeof(out->addr));
		out->bits = 0;
		for (int i = 0; i < 4; i++)
			out->bits += __builtin_popcount(mask->sin6_addr.s6_addr32[i]);
		return !IN6_IS_ADDR_LINKLOCAL(&addr->sin6_addr);
	}
	return false;
}

/* An interface that no file described: its addresses are those that it has. */
static int read_addresses(struct interface *interface)
{
	struct ifaddrs *all;
	struct prefix prefix, *added;
	int err = 0;

	if (getifaddrs(&all))
		return -errno;
	for (const struct ifaddrs *a = all; a && !err; a = a->ifa_next) {
		if (strcmp(a->ifa_name, interface->name) || !prefix_of(a, &prefix))
			continue;
		added = model_array_add(&interface->addresses, &interface->address_count,
					sizeof(prefix));
		if (added)
			*added = prefix;
		else
			err = -ENOMEM;
	}
	freeifaddrs(all);
	return err;
}

static struct interface *find_or_add(struct session *session, const char *ifname)
{
	struct node *node = session_node_make(session);
	struct interface *interface = node ? model_interface(node, ifname) : NULL;
	int err;

	if (!node || interface)
		return interface;
	interface = model_interface_add(node, ifname);
	err = interface ? read_addresses(interface) : -ENOMEM;
	if (!err)
		return interface;
	session_failed(session->inv, err, "interface \"%s\"", ifname);
	return NULL;
}

/* The interface as the operator wants it, in the model. */
static int describe(struct session *session, struct interface **out)
{
	const struct invocation *inv = session->inv;
	const struct attach_args *args = inv->args;
	struct interface *interface = find_or_add(session, args->ifname);

	if (!interface)
		return EXIT_FAILED;
	if (args->roles)
		interface->roles = args->roles;
	if (!interface->roles) {
		command_error(inv,
			      "interface \"%s\" has no role yet, expected role with one or "
			      "more of firewall, balancer, forward, decap",
			      args->ifname);
		return EXIT_USAGE;
	}
	if (args->policy)
		strcpy(interface->policy, args->policy);
	else if (!(interface->roles & SLUICE_ROLE_FIREWALL))
		*interface->policy = '\0';
	if (command_given(inv, &args->vlans)) {
		memcpy(interface->vlans, args->vlans.ranges, sizeof(interface->vlans));
		interface->vlan_count = args->vlans.count;
	}
	*out = interface;
	return EXIT_OK;
}

static int edit_attach(struct session *session)
{
	struct interface *interface;

	return describe(session, &interface);
}

static int check_host(struct session *session, const struct interface *interface)
{
	const struct attach_args *args = session->inv->args;
	char setup[128], roles[64] = "";

	if (args->force)
		return EXIT_OK;
	for (unsigned role = 1; role <= interface->roles; role <<= 1) {
		if (!(interface->roles & role))
			continue;
		strcat(roles, *roles ? "," : "");
		strcat(roles, role_name((enum sluice_role)role));
	}
	snprintf(setup, sizeof(setup), "lbctl --node %s host setup dev %s role %s", session->name,
		 args->ifname, roles);
	return interfaces_check_host(session->inv, &session->cluster, session_node(session), setup);
}

static int print_attachment(const struct session *session, const struct interface *interface,
			    const struct attachment *attachment)
{
	static const struct output_column line[] = {
		{"node", "node"},
		{"interface", "interface"},
		{"roles", "roles"},
		{"policy", "policy"},
		{"mode", "mode"},
		{"program_id", "program"},
		{"generation", "generation"},
		{},
	};
	static const struct output_view view = {.line = line};
	json_t *root =
		json_pack("{s:s, s:s, s:o, s:s*, s:s, s:i, s:b, s:I}", "node", session->name,
			  "interface", interface->name, "roles", model_json_roles(interface->roles),
			  "policy", *interface->policy ? interface->policy : NULL, "mode",
			  attach_mode_name(attachment->mode), "program_id",
			  (int)attachment->prog_id, "shared", attachment->dispatcher, "generation",
			  (json_int_t)session->dp.control->generation.config);
	int err = output_emit(&session->inv->out, root, &view);

	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}

/* Publishes and attaches; if that fails, what was in force before is again. */
static int attach(struct session *session, struct cluster *before)
{
	const struct attach_args *args = session->inv->args;
	struct attachment attachment;
	enum attach_mode mode = command_given(session->inv, &args->mode)
					? (enum attach_mode)args->mode
					: interfaces_mode(args->ifname);
	struct interface *interface = NULL;
	int code = session_change(session, edit_attach);

	if (!code)
		interface = model_interface(session_node(session), args->ifname);
	if (!code)
		code = check_host(session, interface);
	if (!code)
		code = session_publish(session);
	if (code)
		return code;
	code = interfaces_attach(session, interface, mode, &attachment);
	if (code)
		session_restore(session, before);
	else
		code = confirmation_start(session)
			       ?: print_attachment(session, interface, &attachment);
	return code;
}

static int run_attach(struct invocation *inv)
{
	struct session session;
	struct cluster before;
	int code = session_open(&session, inv, DATAPLANE_CREATE, NULL);

	if (!code)
		code = session_copy_model(&session, &before);
	if (!code) {
		code = attach(&session, &before);
		model_fini(&before);
	}
	session_close(&session);
	return code;
}

static int edit_detach(struct session *session)
{
	const struct attach_args *args = session->inv->args;
	struct interface *interface = model_interface(session_node(session), args->ifname);

	if (!interface)
		return EXIT_OK;
	interface->roles = 0;
	*interface->policy = '\0';
	return EXIT_OK;
}

/* The configuration first: it carries the time, and the program before comes back with it. */
static int detach_for_a_time(struct session *session)
{
	const struct attach_args *args = session->inv->args;
	int code = session_change(session, edit_detach), err;

	if (!code)
		code = session_publish(session);
	if (code)
		return code;
	err = detach_guarded(&session->dp, args->ifname);
	if (!err)
		return confirmation_start(session);
	confirmation_turn_back(session);
	return session_failed(session->inv, err, "interface \"%s\"", args->ifname);
}

static int detach(struct session *session)
{
	const struct attach_args *args = session->inv->args;
	struct node *node = session_node(session);
	struct interface *interface = node ? model_interface(node, args->ifname) : NULL;
	int err;

	if (deadline_is_armed(&session->dp)) {
		confirmation_refuse(session);
		return EXIT_FAILED;
	}
	err = detach_interface(&session->dp, args->ifname);

	/* Gone with its interface, or by other hands: the configuration still says it. */
	if ((err == -ENOENT || err == -ENODEV) && interface && interface->roles)
		err = 0;
	if (err == -ENOENT || err == -ENODEV) {
		command_error(session->inv, "nothing of Sluice is attached to \"%s\"",
			      args->ifname);
		return EXIT_FAILED;
	}
	if (err)
		return session_failed(session->inv, err, "interface \"%s\"", args->ifname);
	if (!interface)
		return EXIT_OK;
	err = session_change(session, edit_detach);
	return err ? err : session_publish(session);
}

static int run_detach(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_WRITE, NULL);

	if (!code)
		code = confirmation_wanted_s(&session) ? detach_for_a_time(&session)
						       : detach(&session);
	session_close(&session);
	return code;
}

static const struct parameter attach_parameters[] = {
	OPTION_REQUIRED(struct attach_args, ifname, "dev", "IF", type_ifname, "the interface"),
	OPTION(struct attach_args, roles, "role", "ROLE,..", type_roles,
	       "firewall, balancer, forward, decap; if left out, as configured"),
	OPTION(struct attach_args, policy, "policy", "NAME", type_policy,
	       "the policy of role firewall"),
	OPTION(struct attach_args, vlans, "vlans", "ID,..", type_vlans,
	       "ids of outer VLAN tags that are accepted, as 10,100-199, any, none, or devices: "
	       "those of VLAN devices on the interface, which is the default"),
	OPTION(struct attach_args, mode, "mode", "native|generic", type_mode,
	       "in the driver, or behind it (generic): slow, but works everywhere; native by "
	       "default, or as it is"),
	SWITCH(struct attach_args, force, "--force", "even if the host is not ready"),
	CHANGE_PARAMETERS(struct attach_args),
	{},
};

const struct command command_attach = {
	.word = "attach",
	.summary = "put the data plane on an interface, or replace it there",
	.detail = "Roles: firewall judges by a policy; balancer sends VIPs to backends; forward\n"
		  "routes the rest; decap opens the tunnels of balancers. Replacing loses no flow\n"
		  "and no counter. Interfaces that forward, balance or decapsulate are attached\n"
		  "only where \"lbctl host check\" finds no error.",
	.parameters = attach_parameters,
	.args_size = sizeof(struct attach_args),
	.run = run_attach,
};

static const struct parameter detach_parameters[] = {
	OPTION_REQUIRED(struct attach_args, ifname, "dev", "IF", type_ifname, "the interface"),
	CHANGE_PARAMETERS(struct attach_args),
	{},
};

const struct command command_detach = {
	.word = "detach",
	.summary = "take the data plane off an interface",
	.detail = "The nft backstop stays: a gateway without its program forwards nothing.",
	.parameters = detach_parameters,
	.args_size = sizeof(struct attach_args),
	.run = run_detach,
};
