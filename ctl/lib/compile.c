/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Interfaces of the model, as packets read them, and the order in which all is compiled.
 */
#include "compile.h"

#include <errno.h>
#include <string.h>

/* --- interfaces ------------------------------------------------------------- */

static const struct interface *interface_with_roles(const struct node *node, const char *name)
{
	const struct interface *interface = model_interface(node, name);

	return interface && interface->roles ? interface : NULL;
}

static struct sluice_port *find_port(struct sluice_port *ports, const char *name)
{
	for (unsigned i = 0; i < SLUICE_MAX_PORTS; i++)
		if (!strcmp(ports[i].ifname, name))
			return &ports[i];
	return NULL;
}

/*
 * A program that is still on an interface which the file no longer names keeps
 * its slot, and with no rules and no default it lets nothing through.
 */
static void keep_ports(const struct compile_input *in, const struct node *node,
		       struct sluice_port *ports)
{
	for (unsigned i = 0; i < SLUICE_MAX_PORTS; i++) {
		const char *name = in->now->ports[i].ifname;

		if (!*name)
			continue;
		if (interface_with_roles(node, name) || in->attached >> i & 1)
			memcpy(ports[i].ifname, name, sizeof(ports[i].ifname));
	}
}

static bool is_link_local(const struct sluice_addr *addr)
{
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

static void set_tunnel_source(struct sluice_port *port, const struct sluice_addr *addr)
{
	if (addr_is_v4(addr) && !port->has_tunnel4) {
		port->tunnel_source4 = *addr;
		port->has_tunnel4 = 1;
	} else if (!addr_is_v4(addr) && !is_link_local(addr) && !port->has_tunnel6) {
		port->tunnel_source6 = *addr;
		port->has_tunnel6 = 1;
	}
}

static void set_tunnel_sources(const struct compile_input *in, const struct interface *interface,
			       struct sluice_port *port)
{
	for (size_t i = 0; i < interface->address_count; i++)
		set_tunnel_source(port, &interface->addresses[i].addr);
	for (size_t i = 0; i < in->local_count; i++)
		if (!strcmp(in->local[i].ifname, interface->name))
			set_tunnel_source(port, &in->local[i].addr);
	for (size_t i = 0; i < in->local_count; i++)
		if (!strcmp(in->local[i].below, interface->name))
			set_tunnel_source(port, &in->local[i].addr);
}

static int compile_ports(const struct compile_input *in, const struct node *node,
			 struct compiled *out, struct diag_list *diags)
{
	keep_ports(in, node, out->ports);
	for (size_t i = 0; i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];
		struct sluice_port *port;

		if (!interface->roles)
			continue;
		port = find_port(out->ports, interface->name);
		if (!port)
			port = find_port(out->ports, "");
		if (!port) {
			diag_add(diags, interface->at,
				 "interface \"%s\": more than %d interfaces with roles",
				 interface->name, SLUICE_MAX_PORTS);
			return -EINVAL;
		}
		memcpy(port->ifname, interface->name, sizeof(port->ifname));
		port->roles = interface->roles;
		port->gue_port = htons(in->cluster->gue_port);
		port->vlan_count = (__u8)interface->vlan_count;
		memcpy(port->vlans, interface->vlans, sizeof(port->vlans));
		set_tunnel_sources(in, interface, port);
	}
	return 0;
}

/* --- all -------------------------------------------------------------------- */

int compile(const struct compile_input *in, struct compiled *out, struct diag_list *diags)
{
	const struct node *node = model_node(in->cluster, in->node);
	int err;

	memset(out, 0, sizeof(*out));
	out->slot = (in->now->slot + 1) % SLUICE_SLOTS;
	if (!node) {
		diag_add(diags, (struct place){0}, "node \"%s\" is not in the configuration",
			 in->node);
		return -EINVAL;
	}
	err = compile_ports(in, node, out, diags);
	if (!err)
		err = compile_rules(in->cluster, node, out, diags);
	if (!err)
		err = compile_tunnels(in, out, diags);
	if (!err)
		err = compile_services(in, out, diags);
	if (!err)
		compile_nats(out);
	return err;
}
