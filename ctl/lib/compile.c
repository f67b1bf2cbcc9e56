/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Interfaces, balancers and VIPs of the model, as packets read them.
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
		set_tunnel_sources(in, interface, port);
	}
	return 0;
}

/* --- balancers -------------------------------------------------------------- */

static bool has_tunnel(const struct compiled *out, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < out->tunnel_count; i++)
		if (!addr_cmp(&out->tunnels[i], addr))
			return true;
	return false;
}

static int add_tunnels(const struct interface *interface, struct compiled *out,
		       struct diag_list *diags)
{
	for (size_t i = 0; i < interface->address_count; i++) {
		const struct sluice_addr *addr = &interface->addresses[i].addr;

		if (has_tunnel(out, addr))
			continue;
		if (out->tunnel_count == SLUICE_MAX_TUNNELS) {
			diag_add(diags, interface->at,
				 "interface \"%s\": more than %d addresses of balancers",
				 interface->name, SLUICE_MAX_TUNNELS);
			return -EINVAL;
		}
		out->tunnels[out->tunnel_count++] = *addr;
	}
	return 0;
}

static int compile_tunnels(const struct cluster *cluster, struct compiled *out,
			   struct diag_list *diags)
{
	for (size_t n = 0; n < cluster->node_count; n++) {
		const struct node *node = &cluster->nodes[n];

		for (size_t i = 0; i < node->interface_count; i++) {
			const struct interface *interface = &node->interfaces[i];

			if (!(interface->roles & SLUICE_ROLE_BALANCER))
				continue;
			if (add_tunnels(interface, out, diags))
				return -EINVAL;
		}
	}
	return 0;
}

/* --- VIPs ------------------------------------------------------------------- */

struct sluice_vip_key compile_vip_key(const struct endpoint *vip, int proto)
{
	return (struct sluice_vip_key){
		.addr = vip->addr, .port = htons(vip->port), .proto = (__u8)proto};
}

static bool has_vip(const struct compiled *out, const struct sluice_vip_key *key)
{
	for (size_t i = 0; i < out->vip_count; i++)
		if (!memcmp(&out->vips[i].key, key, sizeof(*key)))
			return true;
	return false;
}

static int add_vip(const struct service *service, const struct compiled_vip *vip,
		   struct compiled *out, struct diag_list *diags)
{
	if (has_vip(out, &vip->key))
		return 0;
	if (out->vip_count == SLUICE_MAX_VIPS) {
		diag_add(diags, service->at,
			 "service \"%s\": more than %d VIPs, addresses included", service->name,
			 SLUICE_MAX_VIPS);
		return -EINVAL;
	}
	out->vips[out->vip_count++] = *vip;
	return 0;
}

/* The bare address is a VIP too: what is for no service of it has its own outcome. */
static int add_vips(const struct compiled_service *service, struct compiled *out,
		    struct diag_list *diags)
{
	const struct service *model = service->service;
	int err = 0;

	for (size_t i = 0; i < model->vip_count && !err; i++) {
		struct compiled_vip vip = {
			.key = compile_vip_key(&model->vips[i], model->proto),
			.vip = {.service = (__u16)service->index,
				.ring = (__u16)service->ring,
				.forward = (__u8)model->forward},
		};
		struct compiled_vip address = {
			.key = {.addr = model->vips[i].addr},
			.vip = {.service = SLUICE_NONE16, .ring = SLUICE_NONE16},
		};

		err = add_vip(model, &vip, out, diags);
		if (!err)
			err = add_vip(model, &address, out, diags);
	}
	return err;
}

static const struct compiled_vip *find_compiled(const struct in_force *now,
						const struct sluice_vip_key *key)
{
	for (size_t i = 0; i < now->vip_count; i++)
		if (!memcmp(&now->vips[i].key, key, sizeof(*key)))
			return &now->vips[i];
	return NULL;
}

/* A VIP keeps its id, by which connections know it, and a new one takes none in force. */
static void number_vips(const struct in_force *now, struct compiled *out)
{
	bool used[2 * SLUICE_MAX_VIPS + 1] = {true};
	__u16 next = 0;

	for (size_t i = 0; i < now->vip_count; i++)
		if (now->vips[i].vip.id <= 2 * SLUICE_MAX_VIPS)
			used[now->vips[i].vip.id] = true;
	for (size_t i = 0; i < out->vip_count; i++) {
		const struct compiled_vip *before = find_compiled(now, &out->vips[i].key);

		if (before)
			out->vips[i].vip.id = before->vip.id;
		if (out->vips[i].vip.id || out->vips[i].vip.ring == SLUICE_NONE16)
			continue;
		while (used[next])
			next++;
		out->vips[i].vip.id = next;
		used[next] = true;
	}
}

int compile_vips(const struct in_force *now, struct compiled *out, struct diag_list *diags)
{
	for (size_t i = 0; i < out->service_count; i++)
		if (add_vips(&out->services[i], out, diags))
			return -EINVAL;
	number_vips(now, out);
	return compile_loads(now, out, diags);
}

static struct sluice_vip_bucket *bucket_of(struct sluice_vip_bucket *buckets,
					   const struct sluice_vip_key *key)
{
	struct sluice_vip_words words = {0};

	memcpy(&words, key, sizeof(*key));
	return &buckets[sluice_vip_bucket_of(&words)];
}

static void put_in_bucket(struct sluice_vip_bucket *bucket, const struct compiled_vip *vip)
{
	static const struct sluice_vip_entry unused;

	for (unsigned i = 0; i < SLUICE_WAYS; i++) {
		if (memcmp(&bucket->entries[i].key, &unused.key, sizeof(unused.key)) != 0)
			continue;
		bucket->entries[i].key = vip->key;
		bucket->entries[i].vip = vip->vip;
		return;
	}
	for (unsigned i = 0; i < SLUICE_WAYS; i++)
		bucket->entries[i].vip.spilled = 1;
}

void compile_vip_index(const struct compiled *compiled, struct sluice_vip_bucket *buckets)
{
	for (size_t i = 0; i < compiled->vip_count; i++) {
		const struct compiled_vip *vip = &compiled->vips[i];

		put_in_bucket(bucket_of(buckets, &vip->key), vip);
	}
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
		err = compile_tunnels(in->cluster, out, diags);
	if (!err)
		err = compile_services(in, out, diags);
	return err;
}
