/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where tunnels begin and end: the addresses of all balancers, and those of this node if it
 * decapsulates. Its own are those of the file and those that the host has. A VIP is none of
 * them: it is on every backend, and nobody's in particular.
 */
#include "compile.h"

#include <errno.h>
#include <string.h>

static bool is_vip(const struct cluster *cluster, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < cluster->service_count; i++)
		for (size_t j = 0; j < cluster->services[i].vip_count; j++)
			if (prefix_contains(&cluster->services[i].vips[j].to, addr))
				return true;
	return false;
}

static struct compiled_tunnel *find_tunnel(struct compiled *out, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < out->tunnel_count; i++)
		if (!addr_cmp(&out->tunnels[i].addr, addr))
			return &out->tunnels[i];
	return NULL;
}

static int add_tunnel(struct compiled *out, struct place at, const struct sluice_addr *addr,
		      __u32 flags, struct diag_list *diags)
{
	struct compiled_tunnel *tunnel = find_tunnel(out, addr);

	if (!tunnel && out->tunnel_count == SLUICE_MAX_TUNNELS) {
		diag_add(diags, at,
			 "more than %d addresses at which tunnels begin, or end on this node",
			 SLUICE_MAX_TUNNELS);
		return -EINVAL;
	}
	if (!tunnel) {
		tunnel = &out->tunnels[out->tunnel_count++];
		tunnel->addr = *addr;
	}
	tunnel->flags |= flags;
	return 0;
}

static int add_interfaces(const struct node *node, unsigned roles, __u32 flags,
			  struct compiled *out, struct diag_list *diags)
{
	int err = 0;

	for (size_t i = 0; i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];

		if (roles && !(interface->roles & roles))
			continue;
		for (size_t a = 0; a < interface->address_count && !err; a++)
			err = add_tunnel(out, interface->at, &interface->addresses[a].addr, flags,
					 diags);
	}
	return err;
}

/* A backend may have an address of its own beside those of its node. */
static int add_backends(const struct compile_input *in, struct compiled *out,
			struct diag_list *diags)
{
	int err = 0;

	for (size_t i = 0; i < in->cluster->service_count; i++) {
		const struct backend *self = model_backend(&in->cluster->services[i], in->node);

		if (self && self->has4 && !err)
			err = add_tunnel(out, self->at, &self->addr4, SLUICE_TUNNEL_HERE, diags);
		if (self && self->has6 && !err)
			err = add_tunnel(out, self->at, &self->addr6, SLUICE_TUNNEL_HERE, diags);
	}
	return err;
}

static int add_host(const struct compile_input *in, struct compiled *out, struct diag_list *diags)
{
	int err = 0;

	for (size_t i = 0; i < in->local_count && !err; i++)
		if (!is_vip(in->cluster, &in->local[i].addr))
			err = add_tunnel(out, (struct place){0}, &in->local[i].addr,
					 SLUICE_TUNNEL_HERE, diags);
	return err;
}

static bool decapsulates(const struct node *node)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_DECAP)
			return true;
	return false;
}

int compile_tunnels(const struct compile_input *in, struct compiled *out, struct diag_list *diags)
{
	const struct node *self = model_node(in->cluster, in->node);
	int err = 0;

	for (size_t n = 0; n < in->cluster->node_count && !err; n++)
		err = add_interfaces(&in->cluster->nodes[n], SLUICE_ROLE_BALANCER,
				     SLUICE_TUNNEL_FROM, out, diags);
	if (err || !decapsulates(self))
		return err;
	err = add_interfaces(self, 0, SLUICE_TUNNEL_HERE, out, diags);
	if (!err)
		err = add_backends(in, out, diags);
	return err ? err : add_host(in, out, diags);
}
