/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a node needs of its kernel, as a list in the order in which it has to
 * be put right: the backstop before forwarding, ARP before the VIPs.
 *
 * Only settings of the node's own interfaces are touched. Where the kernel
 * combines a setting with that of "all", the combination is what counts.
 */
#include "host_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An outer IPv6 header on a packet that fills Ethernet. */
#define ENCAPSULATED_MTU (1500 + 40)
#define GUE_HEADER_BYTES 8

#define ROLES_FORWARDING (SLUICE_ROLE_FORWARD | SLUICE_ROLE_BALANCER)

/* Layer 4, with the inner 5-tuple of errors and tunnels: ECMP keeps a flow together. */
#define MULTIPATH_POLICY_CUSTOM 3
#define MULTIPATH_FIELDS	55

static struct requirement *add(struct requirements *list, enum requirement_kind kind,
			       enum host_severity severity, const char *ifname)
{
	struct requirement *items = reallocarray(list->items, list->count + 1, sizeof(*items));

	if (!items)
		return NULL;
	list->items = items;
	items += list->count++;
	*items = (struct requirement){.kind = kind, .severity = severity, .setup = true};
	strcpy(items->ifname, ifname);
	return items;
}

__attribute__((format(printf, 4, 5))) static int add_sysctl(struct requirements *list,
							    enum host_severity severity, int value,
							    const char *format, ...)
{
	struct requirement *r = add(list, REQUIRE_SYSCTL, severity, "");
	va_list args;

	if (!r)
		return -ENOMEM;
	r->value = value;
	va_start(args, format);
	vsnprintf(r->sysctl, sizeof(r->sysctl), format, args);
	va_end(args);
	return 0;
}

static int add_kind(struct requirements *list, enum requirement_kind kind,
		    enum host_severity severity, const char *ifname)
{
	return add(list, kind, severity, ifname) ? 0 : -ENOMEM;
}

static int encapsulated_mtu(const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->service_count; i++)
		if (cluster->services[i].forward == SLUICE_FORWARD_GUE)
			return ENCAPSULATED_MTU + GUE_HEADER_BYTES;
	return ENCAPSULATED_MTU;
}

/* What the file does not set, setup leaves alone: the fabric has to carry it, too. */
static int add_mtu(struct requirements *list, const struct cluster *cluster,
		   const struct interface *interface)
{
	bool tunnels = interface->roles & (SLUICE_ROLE_BALANCER | SLUICE_ROLE_DECAP);
	struct requirement *r;

	if (!interface->mtu && !tunnels)
		return 0;
	r = add(list, REQUIRE_MTU, HOST_WARNING, interface->name);
	if (!r)
		return -ENOMEM;
	r->setup = interface->mtu > 0;
	r->value = interface->mtu ? (int)interface->mtu : encapsulated_mtu(cluster);
	return 0;
}

static int add_addresses(struct requirements *list, const struct interface *interface)
{
	for (size_t i = 0; i < interface->address_count; i++) {
		struct requirement *r =
			add(list, REQUIRE_OWN_ADDRESS, HOST_WARNING, interface->name);

		if (!r)
			return -ENOMEM;
		r->setup = false;
		r->address = interface->addresses[i];
	}
	return 0;
}

static int add_interface(struct requirements *list, const struct cluster *cluster,
			 const struct interface *interface)
{
	struct requirement *r = add(list, REQUIRE_INTERFACE, HOST_ERROR, interface->name);
	int err;

	if (!r)
		return -ENOMEM;
	r->setup = false;
	err = add_mtu(list, cluster, interface);
	if (!err)
		err = add_addresses(list, interface);
	r = err ? NULL : add(list, REQUIRE_CHECKSUMS, HOST_WARNING, interface->name);
	if (!r)
		return -ENOMEM;
	r->setup = false;
	return 0;
}

static int add_forwarding_interface(struct requirements *list, const char *ifname)
{
	int err;

	err = add_sysctl(list, HOST_WARNING, 0, "net/ipv6/conf/%s/accept_ra", ifname);
	if (!err)
		err = add_sysctl(list, HOST_WARNING, 0, "net/ipv4/conf/%s/send_redirects", ifname);
	if (!err)
		err = add_sysctl(list, HOST_ERROR, 1, "net/ipv4/conf/%s/forwarding", ifname);
	if (!err)
		err = add_sysctl(list, HOST_ERROR, 1, "net/ipv6/conf/%s/forwarding", ifname);
	return err;
}

static int add_multipath(struct requirements *list)
{
	int err = 0;

	for (int family = 4; !err && family <= 6; family += 2) {
		err = add_sysctl(list, HOST_WARNING, MULTIPATH_POLICY_CUSTOM,
				 "net/ipv%d/fib_multipath_hash_policy", family);
		if (!err)
			err = add_sysctl(list, HOST_WARNING, MULTIPATH_FIELDS,
					 "net/ipv%d/fib_multipath_hash_fields", family);
	}
	return err;
}

/* A node that holds VIPs on lo answers for them on every interface: no strong host there. */
static int add_backstop(struct requirements *list, unsigned roles)
{
	struct requirement *r = add(list, REQUIRE_BACKSTOP, HOST_ERROR, "");

	if (!r)
		return -ENOMEM;
	r->value = (roles & SLUICE_ROLE_FORWARD) && !(roles & SLUICE_ROLE_DECAP);
	return 0;
}

/* What comes in on a VLAN is asked for as of its device. */
static int add_forwarding_vlans(struct requirements *list, const struct node *node)
{
	struct vlan_device *devices;
	size_t count;
	int err = vlan_devices_read(&devices, &count);

	if (err)
		return err;
	for (size_t i = 0; !err && i < count; i++) {
		char below[IFNAMSIZ] = "";
		const struct interface *interface;

		if_indextoname(devices[i].vlan.ifindex, below);
		interface = model_interface(node, below);
		if (interface && interface->roles & ROLES_FORWARDING)
			err = add_forwarding_interface(list, devices[i].name);
	}
	free(devices);
	return err;
}

/* Redirects are sent if the interface or "all" says so. */
static int add_gateway(struct requirements *list, const struct node *node, unsigned roles)
{
	int err = add_backstop(list, roles);

	if (!err)
		err = add_sysctl(list, HOST_WARNING, 0, "net/ipv4/conf/all/send_redirects");
	if (!err)
		err = add_kind(list, REQUIRE_FORWARDING6, HOST_ERROR, "");
	for (size_t i = 0; !err && i < node->interface_count; i++)
		if (node->interfaces[i].roles & ROLES_FORWARDING)
			err = add_forwarding_interface(list, node->interfaces[i].name);
	if (!err)
		err = add_forwarding_vlans(list, node);
	if (!err && roles & SLUICE_ROLE_FORWARD)
		err = add_multipath(list);
	return err;
}

static bool is_own_address(const struct node *node, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < node->interface_count; i++)
		for (size_t j = 0; j < node->interfaces[i].address_count; j++)
			if (!addr_cmp(&node->interfaces[i].addresses[j].addr, addr))
				return true;
	return false;
}

static bool serves(const struct node *node, const struct service *service)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend *b = &service->backends[i];

		if (!strcmp(b->name, node->name) || (b->has4 && is_own_address(node, &b->addr4)) ||
		    (b->has6 && is_own_address(node, &b->addr6)))
			return true;
	}
	return false;
}

static bool has_vip(const struct requirements *list, const struct prefix *vip)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == REQUIRE_VIP &&
		    prefix_equal(&list->items[i].address, vip))
			return true;
	return false;
}

static int add_vips(struct requirements *list, const struct service *service)
{
	for (size_t i = 0; i < service->vip_count; i++) {
		struct requirement *r;

		if (has_vip(list, &service->vips[i].to))
			continue;
		r = add(list, REQUIRE_VIP, HOST_ERROR, "lo");
		if (!r)
			return -ENOMEM;
		r->address = service->vips[i].to;
	}
	return 0;
}

/* The kernel takes the larger of the interface's value and that of "all". */
static int add_backend_interface(struct requirements *list, const char *ifname)
{
	int err = add_sysctl(list, HOST_ERROR, 1, "net/ipv4/conf/%s/arp_ignore", ifname);

	if (!err)
		err = add_sysctl(list, HOST_ERROR, 2, "net/ipv4/conf/%s/arp_announce", ifname);
	if (!err)
		err = add_kind(list, REQUIRE_LOOSE_SOURCE, HOST_ERROR, ifname);
	return err;
}

/* What SYN-ACKs with cookies agree to must be had here. */
static int add_cookies(struct requirements *list)
{
	static const char *const names[] = {"syncookies", "timestamps", "sack", "window_scaling"};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(names) / sizeof(names[0]); i++)
		err = add_sysctl(list, HOST_ERROR, 1, "net/ipv4/tcp_%s", names[i]);
	return err;
}

static int add_backend(struct requirements *list, const struct cluster *cluster,
		       const struct node *node)
{
	bool any = false, cookies = false;
	int err = 0;

	for (size_t i = 0; i < cluster->service_count; i++) {
		if (!serves(node, &cluster->services[i]))
			continue;
		any = true;
		cookies |= cluster->services[i].syn_cookies != SYN_COOKIES_OFF;
	}
	if (!any)
		return 0;
	if (cookies)
		err = add_cookies(list);
	for (size_t i = 0; !err && i < node->interface_count; i++)
		err = add_backend_interface(list, node->interfaces[i].name);
	if (!err)
		err = add_kind(list, REQUIRE_LOOPBACK, HOST_ERROR, "lo");
	for (size_t i = 0; !err && i < cluster->service_count; i++)
		if (serves(node, &cluster->services[i]))
			err = add_vips(list, &cluster->services[i]);
	return err;
}

int requirements_build(const struct cluster *cluster, const struct node *node,
		       struct requirements *out)
{
	unsigned roles = 0;
	int err = 0;

	*out = (struct requirements){0};
	for (size_t i = 0; !err && i < node->interface_count; i++) {
		roles |= node->interfaces[i].roles;
		err = add_interface(out, cluster, &node->interfaces[i]);
	}
	if (!err && roles & ROLES_FORWARDING)
		err = add_gateway(out, node, roles);
	if (!err)
		err = add_backend(out, cluster, node);
	if (err)
		requirements_fini(out);
	return err;
}

void requirements_fini(struct requirements *list)
{
	free(list->items);
	*list = (struct requirements){0};
}
