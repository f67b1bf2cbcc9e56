/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "neighbour_wanted.h"

#include <errno.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "log.h"
#include "netlink.h"

/* --- configuration -------------------------------------------------------------------- */

static void want(struct neighbours *neighbours, const struct sluice_addr *addr, unsigned ifindex)
{
	if (!neighbours_find_or_add(neighbours, addr, ifindex, false))
		log_error("neighbour", "event=out-of-memory");
}

static bool is_on_link(const struct interface *interface, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < interface->address_count; i++) {
		const struct prefix *prefix = &interface->addresses[i];
		struct sluice_addr mask = addr_mask(prefix->bits);
		struct sluice_addr net = addr_and(&prefix->addr, &mask);
		struct sluice_addr masked = addr_and(addr, &mask);

		if (!addr_cmp(&net, &masked))
			return true;
	}
	return false;
}

static bool is_own(const struct node *node, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < node->interface_count; i++)
		for (size_t j = 0; j < node->interfaces[i].address_count; j++)
			if (!addr_cmp(&node->interfaces[i].addresses[j].addr, addr))
				return true;
	return false;
}

static void want_on_link(struct neighbours *neighbours, const struct neighbour_port *port,
			 const struct sluice_addr *addr)
{
	if (is_on_link(port->interface, addr) && !is_own(neighbours->node, addr))
		want(neighbours, addr, port->ifindex);
}

static void want_nodes(struct neighbours *neighbours, const struct neighbour_port *port)
{
	const struct cluster *cluster = neighbours->cluster;

	for (size_t i = 0; i < cluster->node_count; i++) {
		const struct node *other = &cluster->nodes[i];

		for (size_t j = 0; j < other->interface_count; j++) {
			const struct interface *there = &other->interfaces[j];

			if (!there->network[0] || strcmp(there->network, port->interface->network))
				continue;
			for (size_t k = 0; k < there->address_count; k++)
				want_on_link(neighbours, port, &there->addresses[k].addr);
		}
	}
}

static void want_backends(struct neighbours *neighbours, const struct neighbour_port *port)
{
	const struct cluster *cluster = neighbours->cluster;

	if (!(port->roles & SLUICE_ROLE_BALANCER))
		return;
	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		for (size_t j = 0; j < service->backend_count; j++) {
			const struct backend *backend = &service->backends[j];

			if (backend->has4)
				want_on_link(neighbours, port, &backend->addr4);
			if (backend->has6)
				want_on_link(neighbours, port, &backend->addr6);
		}
	}
}

/* --- routes ---------------------------------------------------------------------------- */

static void want_gateway(struct neighbours *neighbours, const struct nlattr *gateway,
			 unsigned ifindex)
{
	struct sluice_addr addr;

	if (gateway && neighbours_port(neighbours, ifindex) && netlink_get_addr(gateway, &addr))
		want(neighbours, &addr, ifindex);
}

static void want_multipath(struct neighbours *neighbours, struct nlattr *attribute)
{
	struct rtnexthop *hop = nla_data(attribute);
	int left = nla_len(attribute);

	/* RTNH_OK() reads the length before it knows that there is one. */
	for (; left >= (int)sizeof(*hop) && RTNH_OK(hop, left);
	     left -= NLMSG_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		int length = hop->rtnh_len - (int)sizeof(*hop);
		struct nlattr *gateway =
			nla_find((struct nlattr *)RTNH_DATA(hop), length, RTA_GATEWAY);

		want_gateway(neighbours, gateway, (unsigned)hop->rtnh_ifindex);
	}
}

static void take_route(struct nlmsghdr *header, void *context)
{
	struct neighbours *neighbours = context;
	struct nlattr *attributes[RTA_MAX + 1];

	if (header->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(header, sizeof(struct rtmsg), attributes, RTA_MAX, NULL))
		return;
	if (attributes[RTA_OIF])
		want_gateway(neighbours, attributes[RTA_GATEWAY], nla_get_u32(attributes[RTA_OIF]));
	if (attributes[RTA_MULTIPATH])
		want_multipath(neighbours, attributes[RTA_MULTIPATH]);
}

static void want_gateways(struct neighbours *neighbours, int family)
{
	struct rtmsg filter = {.rtm_family = family, .rtm_table = RT_TABLE_MAIN};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	int err = -ENOMEM;

	if (message && !nlmsg_append(message, &filter, sizeof(filter), NLMSG_ALIGNTO))
		err = netlink_dump(neighbours->sock, message, take_route, neighbours);
	else
		nlmsg_free(message);
	if (err)
		log_warn("neighbour", "event=routes-unreadable error=\"%s\"", strerror(-err));
}

void neighbours_find_wanted(struct neighbours *neighbours)
{
	/* What nobody wants any more is kept only as long as it answers. */
	for (size_t i = 0; i < neighbours->count; i++)
		neighbours->list[i].learnt = true;
	for (size_t i = 0; i < neighbours->port_count; i++) {
		if (!neighbours->ports[i].ifindex)
			continue;
		want_nodes(neighbours, &neighbours->ports[i]);
		want_backends(neighbours, &neighbours->ports[i]);
	}
	want_gateways(neighbours, AF_INET);
	want_gateways(neighbours, AF_INET6);
	neighbours->routes_changed = false;
}
