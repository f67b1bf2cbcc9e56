/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of VIPs. Which service a packet belongs to must be told by the
 * order that vip.h states, never by the order of the file: so no two VIPs of a
 * protocol and prefix may be equally narrow and share a port.
 */
#include "model_validator.h"

#include <stdio.h>
#include <stdlib.h>

/* Shorter ones would take away what no cluster has for its own. */
#define MIN_BITS_V4 (SLUICE_V4_PREFIX_BITS + 8)
#define MIN_BITS_V6 16

struct vip_claim {
	const struct vip *vip;
	const struct service *service;
	size_t order; /* in the file */
};

static int by_proto_and_vip(const void *left, const void *right)
{
	const struct vip_claim *a = left, *b = right;
	int order = a->service->proto - b->service->proto;

	if (!order)
		order = vip_order(a->vip, b->vip);
	return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

/* --- each by itself --------------------------------------------------------- */

static void check_address(struct validator *v, const struct service *service, const struct vip *vip)
{
	const struct prefix *to = &vip->to;
	bool v4 = addr_is_v4(&to->addr);
	char buf[VIP_TEXT_LEN];

	/* ::/8 holds the mapped, the unspecified and the loopback addresses. */
	if (!validator_is_unicast(&to->addr) || (!v4 && to->bits < 128 && !to->addr.bytes[0]))
		validator_report(v, service->at, "",
				 "service \"%s\": vips \"%s\": expected a unicast address",
				 service->name, vip_format(vip, buf));
	else if (to->bits < (v4 ? MIN_BITS_V4 : MIN_BITS_V6))
		validator_report(
			v, service->at, "",
			"service \"%s\": vips \"%s\": expected a prefix of at least %u bits",
			service->name, vip_format(vip, buf),
			v4 ? MIN_BITS_V4 - SLUICE_V4_PREFIX_BITS : MIN_BITS_V6);
}

static const struct sluice_addr *held_address(const struct interface *interface,
					      const struct prefix *prefix)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (prefix_contains(prefix, &interface->addresses[i].addr))
			return &interface->addresses[i].addr;
	return NULL;
}

/* All that a balancer's own address is sent, its agents' and its operator's, would be balanced. */
static void check_nodes(struct validator *v, const struct service *service, const struct vip *vip,
			const struct node *node)
{
	char text[VIP_TEXT_LEN], address[ADDR_TEXT_LEN];

	for (size_t i = 0; i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];
		const struct sluice_addr *held = held_address(interface, &vip->to);

		if (!held || !(interface->roles & SLUICE_ROLE_BALANCER))
			continue;
		validator_report(
			v, service->at, "",
			"service \"%s\": vips \"%s\": holds \"%s\", an address of balancer "
			"\"%s\" itself",
			service->name, vip_format(vip, text), addr_format(held, address),
			node->name);
		return;
	}
}

/* --- each beside the others ------------------------------------------------- */

static const char *place_of(const struct service *service, char buf[32])
{
	buf[0] = '\0';
	if (service->at.line)
		snprintf(buf, 32, " (line %u)", service->at.line);
	return buf;
}

static void report_clash(struct validator *v, const struct vip_claim *first,
			 const struct vip_claim *second)
{
	bool same_service = first->service == second->service;
	char vip[VIP_TEXT_LEN], other[VIP_TEXT_LEN], number[4], place[32];
	const char *proto = proto_name(second->service->proto, number);

	vip_format(second->vip, vip);
	if (same_service && vip_equal(first->vip, second->vip))
		validator_report(v, second->service->at, "proto",
				 "service \"%s\": VIP \"%s\" %s is in this service \"%s\" already",
				 second->service->name, vip, proto, first->service->name);
	else if (vip_equal(first->vip, second->vip))
		validator_report(v, second->service->at, "proto",
				 "service \"%s\": VIP \"%s\" %s is in service \"%s\"%s already",
				 second->service->name, vip, proto, first->service->name,
				 place_of(first->service, place));
	else
		validator_report(
			v, second->service->at, "proto",
			"service \"%s\": VIP \"%s\" %s shares ports with \"%s\" of %s \"%s\"%s",
			second->service->name, vip, proto, vip_format(first->vip, other),
			same_service ? "this service" : "service", first->service->name,
			same_service ? "" : place_of(first->service, place));
}

/* In the order of vip_order(): `first` reaches furthest of those before with its prefix. */
static bool clashes(const struct vip_claim *first, const struct vip_claim *second)
{
	return first->service->proto == second->service->proto &&
	       prefix_equal(&first->vip->to, &second->vip->to) &&
	       vip_ports(first->vip) == vip_ports(second->vip) &&
	       first->vip->ports.max >= second->vip->ports.min;
}

/* Two of one file: the one that stands further down is told. */
static void find_clashes(struct validator *v, struct vip_claim *claims, size_t count)
{
	const struct vip_claim *furthest = claims;

	qsort(claims, count, sizeof(*claims), by_proto_and_vip);
	for (size_t i = 1; i < count; i++) {
		const struct vip_claim *claim = &claims[i];

		if (!clashes(furthest, claim)) {
			furthest = claim;
			continue;
		}
		if (furthest->order < claim->order)
			report_clash(v, furthest, claim);
		else
			report_clash(v, claim, furthest);
		if (claim->vip->ports.max > furthest->vip->ports.max)
			furthest = claim;
	}
}

static void check_vip(struct validator *v, const struct service *service, const struct vip *vip)
{
	check_address(v, service, vip);
	if (vip_is_exact(vip))
		return;
	for (size_t i = 0; i < v->cluster->node_count; i++)
		check_nodes(v, service, vip, &v->cluster->nodes[i]);
}

void validate_vips(struct validator *v, size_t count)
{
	struct vip_claim *claims = calloc(count + 1, sizeof(*claims));
	size_t used = 0;

	if (!claims) {
		v->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < v->cluster->service_count; i++) {
		const struct service *service = &v->cluster->services[i];

		for (size_t j = 0; j < service->vip_count; j++) {
			check_vip(v, service, &service->vips[j]);
			claims[used] = (struct vip_claim){
				.vip = &service->vips[j], .service = service, .order = used};
			used++;
		}
	}
	find_clashes(v, claims, used);
	free(claims);
}
