/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of nodes: interfaces, addresses, roles and routes.
 */
#include "model_validator.h"

#include <stdlib.h>
#include <string.h>

#define MTU_MIN_IPV6 1280 /* RFC 8200, section 5 */

_Static_assert(MODEL_MAX_INTERFACES <= SLUICE_MAX_PORTS, "each interface may have a role");

/* --- interfaces ------------------------------------------------------------------- */

/* In an IPv4 network of more than two addresses, the first and the last are no host's. */
static bool is_host_address(const struct prefix *prefix)
{
	struct sluice_addr mask = addr_mask(prefix->bits);
	__be32 host_bits = prefix->addr.words[3] & ~mask.words[3];

	if (!validator_is_unicast(&prefix->addr))
		return false;
	if (!addr_is_v4(&prefix->addr) || prefix->bits >= 127)
		return true;
	return host_bits && host_bits != ~mask.words[3];
}

static void check_addresses(struct validator *v, const struct node *node,
			    const struct interface *interface)
{
	bool has_ipv6 = false;

	for (size_t i = 0; i < interface->address_count; i++) {
		const struct prefix *address = &interface->addresses[i];
		char buf[PREFIX_TEXT_LEN];

		has_ipv6 |= !addr_is_v4(&address->addr);
		if (!is_host_address(address))
			validator_report(v, interface->at, "",
					 "node \"%s\": interface \"%s\": address \"%s\": expected "
					 "the address of a host and its prefix",
					 node->name, interface->name, prefix_format(address, buf));
	}
	if (has_ipv6 && interface->mtu && interface->mtu < MTU_MIN_IPV6)
		validator_report(
			v, interface->at, "mtu",
			"node \"%s\": interface \"%s\": mtu \"%u\": IPv6 needs at least %u",
			node->name, interface->name, interface->mtu, MTU_MIN_IPV6);
}

static void check_policy_use(struct validator *v, const struct node *node,
			     const struct interface *interface)
{
	const struct cluster *cluster = v->cluster;
	bool firewall = interface->roles & SLUICE_ROLE_FIREWALL;
	struct nearest_name nearest = {};

	if (firewall && !interface->policy[0])
		validator_report(v, interface->at, "policy",
				 "node \"%s\": interface \"%s\": role firewall needs a policy",
				 node->name, interface->name);
	if (!interface->policy[0])
		return;
	if (!firewall)
		validator_report(v, interface->at, "roles",
				 "node \"%s\": interface \"%s\": policy \"%s\" needs the role "
				 "firewall",
				 node->name, interface->name, interface->policy);
	if (model_policy(cluster, interface->policy))
		return;
	if (cluster->policy_count)
		nearest = validator_nearest(v, interface->policy, cluster->policies->name,
					    sizeof(*cluster->policies), cluster->policy_count);
	validator_report(v, interface->at, "policy",
			 "node \"%s\": interface \"%s\": policy \"%s\" does not exist%s",
			 node->name, interface->name, interface->policy, nearest.text);
}

/* "any" and "none" say all there is to say. */
static void check_vlans(struct validator *v, const struct node *node,
			const struct interface *interface)
{
	char buf[VLAN_RANGE_TEXT_LEN];

	for (size_t i = 0; i < interface->vlan_count && interface->vlan_count > 1; i++) {
		const char *text = vlan_range_format(&interface->vlans[i], buf);

		if (!strcmp(text, "any") || !strcmp(text, "none"))
			validator_report(v, interface->at, "vlans",
					 "node \"%s\": interface \"%s\": vlans: expected \"%s\" "
					 "without others beside it",
					 node->name, interface->name, text);
	}
}

static void check_interface(struct validator *v, const struct node *node,
			    const struct interface *interface)
{
	if (!model_ifname_is_valid(interface->name))
		validator_report(v, interface->at, "",
				 "node \"%s\": interface \"%s\": not a valid name", node->name,
				 interface->name);
	validator_limit(v, interface->at, "addresses of an interface", interface->address_count,
			MODEL_MAX_ADDRESSES);
	check_addresses(v, node, interface);
	check_policy_use(v, node, interface);
	check_vlans(v, node, interface);
}

/* --- routes ----------------------------------------------------------------------- */

static bool is_neighbour(const struct node *node, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < node->interface_count; i++)
		for (size_t j = 0; j < node->interfaces[i].address_count; j++)
			if (prefix_contains(&node->interfaces[i].addresses[j], addr))
				return true;
	return false;
}

static void check_route(struct validator *v, const struct node *node, const struct route *route)
{
	char to[PREFIX_TEXT_LEN], via[ADDR_TEXT_LEN];

	prefix_format(&route->to, to);
	addr_format(&route->via, via);
	if (addr_is_v4(&route->to.addr) != addr_is_v4(&route->via))
		validator_report(v, route->at, "to via",
				 "node \"%s\": route to \"%s\": via \"%s\": expected an address of "
				 "the same family",
				 node->name, to, via);
	else if (validator_node_has(node, &route->via))
		validator_report(v, route->at, "to via",
				 "node \"%s\": route to \"%s\": via \"%s\" is this node itself",
				 node->name, to, via);
	else if (!is_neighbour(node, &route->via))
		validator_report(v, route->at, "to via",
				 "node \"%s\": route to \"%s\": via \"%s\" is not in a network of "
				 "an interface of this node",
				 node->name, to, via);
	if (!addr_is_v4(&route->via) && route->mtu && route->mtu < MTU_MIN_IPV6)
		validator_report(v, route->at, "mtu via",
				 "node \"%s\": route to \"%s\": mtu \"%u\": IPv6 needs at least %u",
				 node->name, to, route->mtu, MTU_MIN_IPV6);
}

/* --- nodes ------------------------------------------------------------------------ */

static void check_node(struct validator *v, const struct node *node)
{
	if (!model_node_name_is_valid(node->name))
		validator_report(v, node->at, "", "node \"%s\": not a valid name", node->name);
	validator_limit(v, node->at, "interfaces", node->interface_count, MODEL_MAX_INTERFACES);
	validator_limit(v, node->at, "routes", node->route_count, MODEL_MAX_ROUTES);
	for (size_t i = 0; i < node->interface_count; i++)
		check_interface(v, node, &node->interfaces[i]);
	for (size_t i = 0; i < node->route_count; i++)
		check_route(v, node, &node->routes[i]);
}

static void clash_addresses(struct validator *v, const struct claim *first,
			    const struct claim *second)
{
	char buf[ADDR_TEXT_LEN];

	validator_report(v, second->at, "",
			 "node \"%s\": interface \"%s\": address \"%s\" is that of node \"%s\", "
			 "interface \"%s\" already",
			 second->owner, second->part, addr_format(&second->endpoint.addr, buf),
			 first->owner, first->part);
}

static size_t claim_addresses(const struct node *node, struct claim *claims, size_t order)
{
	size_t count = 0;

	for (size_t i = 0; i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];

		for (size_t j = 0; j < interface->address_count; j++, count++)
			claims[count] = (struct claim){
				.at = interface->at,
				.endpoint.addr = interface->addresses[j].addr,
				.owner = node->name,
				.part = interface->name,
				.order = order + count,
			};
	}
	return count;
}

static void check_unique_addresses(struct validator *v)
{
	const struct cluster *cluster = v->cluster;
	struct claim *claims;
	size_t count = 0;

	for (size_t i = 0; i < cluster->node_count; i++)
		for (size_t j = 0; j < cluster->nodes[i].interface_count; j++)
			count += cluster->nodes[i].interfaces[j].address_count;
	claims = calloc(count + 1, sizeof(*claims));
	if (!claims) {
		v->out_of_memory = true;
		return;
	}
	count = 0;
	for (size_t i = 0; i < cluster->node_count; i++)
		count += claim_addresses(&cluster->nodes[i], claims + count, count);
	validator_find_clashes(v, claims, count, clash_addresses);
	free(claims);
}

static size_t count_tunnel_sources(const struct node *node)
{
	size_t count = 0;

	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_BALANCER)
			count += node->interfaces[i].address_count;
	return count;
}

/* A decapsulator must believe every address of a balancer. */
static void check_tunnel_sources(struct validator *v)
{
	size_t sources = 0;

	for (size_t i = 0; i < v->cluster->node_count; i++) {
		const struct node *node = &v->cluster->nodes[i];

		sources += count_tunnel_sources(node);
		if (validator_limit(v, node->at, "addresses of balancers up to here", sources,
				    SLUICE_MAX_TUNNELS))
			return;
	}
}

void validate_nodes(struct validator *v)
{
	for (size_t i = 0; i < v->cluster->node_count; i++)
		check_node(v, &v->cluster->nodes[i]);
	check_unique_addresses(v);
	check_tunnel_sources(v);
}
