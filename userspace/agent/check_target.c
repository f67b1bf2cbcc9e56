/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "check_target.h"

#include <arpa/inet.h>

static bool is_own(const struct node *node, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < node->interface_count; i++)
		for (size_t j = 0; j < node->interfaces[i].address_count; j++)
			if (!addr_cmp(&node->interfaces[i].addresses[j].addr, addr))
				return true;
	return false;
}

/* What the balancer sends from, where the family of the tunnel is not that of the packet. */
static struct sluice_addr tunnel_source(const struct node *node, bool v4)
{
	for (size_t i = 0; i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];

		if (!(interface->roles & SLUICE_ROLE_BALANCER))
			continue;
		for (size_t j = 0; j < interface->address_count; j++)
			if (addr_is_v4(&interface->addresses[j].addr) == v4)
				return interface->addresses[j].addr;
	}
	return (struct sluice_addr){0};
}

static bool has_family(const struct backend *backend, bool v4)
{
	return v4 ? backend->has4 : backend->has6;
}

static unsigned short choose_port(const struct service *service, const struct vip *vip)
{
	if (service->check.port)
		return service->check.port;
	return vip->ports.min ? vip->ports.min : service->vips[0].ports.min;
}

static struct endpoint choose_vip(const struct service *service, const struct backend *backend)
{
	const struct vip *vip = &service->vips[0];
	struct sluice_addr addr;

	for (size_t i = 0; i < service->vip_count; i++)
		if (has_family(backend, addr_is_v4(&service->vips[i].to.addr))) {
			vip = &service->vips[i];
			break;
		}
	addr = vip->to.addr;
	/* The first address of a network may be no host's. */
	if (vip->to.bits < 128)
		addr.bytes[15] |= 1;
	return (struct endpoint){addr, choose_port(service, vip)};
}

static void aim_directly(struct check_target *target, const struct service *service,
			 const struct backend *backend)
{
	target->peer.addr = backend->has4 ? backend->addr4 : backend->addr6;
	if (backend->port && !service->check.port)
		target->peer.port = backend->port;
	else if (service->vip_count)
		target->peer.port = choose_port(service, &service->vips[0]);
	else
		target->peer.port = service->check.port;
	target->host = target->peer;
}

/* The socket's peer is the backend itself where it can be: routes and neighbours are right then. */
static void aim_at_vip(struct check_target *target, const struct service *service,
		       const struct backend *backend, const struct node *node)
{
	struct endpoint vip = choose_vip(service, backend);
	bool v4 = addr_is_v4(&vip.addr), same_family = has_family(backend, v4);

	target->host = vip;
	target->is_forwarded = true;
	target->way = (struct sluice_check_way){
		.vip = vip.addr,
		.backend = v4 == same_family ? backend->addr4 : backend->addr6,
		.vip_port = htons(vip.port),
		.forward = service->forward,
	};
	target->peer = (struct endpoint){same_family ? target->way.backend : vip.addr, vip.port};
	if (!same_family)
		target->way.source = tunnel_source(node, !v4);
}

/* Or at an address of the backend's own: then there is no other way than the direct one. */
static bool arrives_at_vip(enum sluice_forward forward)
{
	return forward == SLUICE_FORWARD_IPIP || forward == SLUICE_FORWARD_GUE ||
	       forward == SLUICE_FORWARD_DSR;
}

void check_target_choose(struct check_target *target, const struct cluster *cluster,
			 const struct service *service, const struct backend *backend,
			 const struct node *node)
{
	*target = (struct check_target){0};
	if (service->check.via == CHECK_VIA_DIRECT || !service->vip_count ||
	    !arrives_at_vip(service->forward)) {
		aim_directly(target, service, backend);
		return;
	}
	aim_at_vip(target, service, backend, node);
	target->way.gue_port = htons(cluster->gue_port);
	/* This node itself has the VIP, then: no packet goes out. */
	if (is_own(node, &target->way.backend)) {
		target->peer = target->host;
		target->is_forwarded = false;
	}
}
