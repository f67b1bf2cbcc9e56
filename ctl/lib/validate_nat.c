/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of forwarding mode nat. A reply must tell by its source alone which VIP it is
 * from, on a balancer that has not seen the request: so each address, port and protocol of a
 * backend belongs to one VIP, and each VIP is one address and one port.
 */
#include "model_validator.h"

#include <stdio.h>
#include <stdlib.h>

struct nat_claim {
	struct endpoint at; /* of the backend */
	const struct service *service;
	const struct vip *vip;
	const struct backend *backend;
	size_t order; /* in the file */
};

static bool vip_is_v4(const struct vip *vip)
{
	return addr_is_v4(&vip->to.addr);
}

static bool has_family(const struct backend *backend, const struct vip *vip)
{
	return vip_is_v4(vip) ? backend->has4 : backend->has6;
}

/* --- each service by itself --------------------------------------------------- */

static void check_vip(struct validator *v, const struct service *service, const struct vip *vip)
{
	char text[VIP_TEXT_LEN];

	if (!vip_is_exact(vip))
		validator_report(v, service->at, "forward",
				 "service \"%s\": vips \"%s\": expected one address and one port, "
				 "for forward nat",
				 service->name, vip_format(vip, text));
}

static void check_family(struct validator *v, const struct service *service,
			 const struct backend *backend, const struct vip *vip)
{
	char text[VIP_TEXT_LEN];

	/* Without any address that has been said already. */
	if (has_family(backend, vip) || (!backend->has4 && !backend->has6))
		return;
	validator_report(v, backend->at, "address",
			 "service \"%s\": backend \"%s\": no IPv%d address, expected one for "
			 "forward nat of VIP \"%s\"",
			 service->name, backend->name, vip_is_v4(vip) ? 4 : 6,
			 vip_format(vip, text));
}

static bool is_balancer(const struct node *node)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_BALANCER)
			return true;
	return false;
}

/* What a balancer sends itself does not pass its programs: nobody would rewrite it. */
static void check_place(struct validator *v, const struct service *service,
			const struct backend *backend)
{
	const struct cluster *cluster = v->cluster;

	for (size_t i = 0; i < cluster->node_count; i++) {
		const struct node *node = &cluster->nodes[i];

		if (!is_balancer(node) ||
		    !((backend->has4 && validator_node_has(node, &backend->addr4)) ||
		      (backend->has6 && validator_node_has(node, &backend->addr6))))
			continue;
		validator_report(v, backend->at, "address",
				 "service \"%s\": backend \"%s\": is balancer \"%s\", expected "
				 "another host for forward nat",
				 service->name, backend->name, node->name);
	}
}

static void check_service(struct validator *v, const struct service *service)
{
	for (size_t i = 0; i < service->vip_count; i++)
		check_vip(v, service, &service->vips[i]);
	for (size_t i = 0; i < service->backend_count; i++) {
		for (size_t j = 0; j < service->vip_count; j++)
			check_family(v, service, &service->backends[i], &service->vips[j]);
		check_place(v, service, &service->backends[i]);
	}
}

static void check_no_ports(struct validator *v, const struct service *service)
{
	for (size_t i = 0; i < service->backend_count; i++)
		if (service->backends[i].port)
			validator_report(v, service->backends[i].at, "port",
					 "service \"%s\": backend \"%s\": port %u: expected "
					 "forward nat with it",
					 service->name, service->backends[i].name,
					 service->backends[i].port);
}

/* --- each beside the others ---------------------------------------------------- */

static int by_source(const struct nat_claim *a, const struct nat_claim *b)
{
	int order = a->service->proto - b->service->proto;

	if (!order)
		order = addr_cmp(&a->at.addr, &b->at.addr);
	return order ? order : (int)a->at.port - b->at.port;
}

static int by_source_and_order(const void *left, const void *right)
{
	const struct nat_claim *a = left, *b = right;
	int order = by_source(a, b);

	return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

static void report_clash(struct validator *v, const struct nat_claim *first,
			 const struct nat_claim *second)
{
	char vip[VIP_TEXT_LEN], other[VIP_TEXT_LEN], at[ENDPOINT_TEXT_LEN], number[4];

	validator_report(v, second->backend->at, "address port",
			 "service \"%s\": backend \"%s\": replies from \"%s\" %s would be of VIP "
			 "\"%s\" and of VIP \"%s\" of service \"%s\", expected an address or port "
			 "for each",
			 second->service->name, second->backend->name,
			 endpoint_format(&second->at, at),
			 proto_name(second->service->proto, number), vip_format(second->vip, vip),
			 vip_format(first->vip, other), first->service->name);
}

static void find_clashes(struct validator *v, struct nat_claim *claims, size_t count)
{
	const struct nat_claim *first = claims;

	qsort(claims, count, sizeof(*claims), by_source_and_order);
	for (size_t i = 1; i < count; i++) {
		if (by_source(first, &claims[i]))
			first = &claims[i];
		else if (first->vip != claims[i].vip)
			report_clash(v, first, &claims[i]);
	}
}

/* The pairs of VIPs and backends that go together. */
static size_t make_claims(const struct service *service, struct nat_claim *claims, size_t order)
{
	size_t count = 0;

	for (size_t i = 0; i < service->backend_count; i++)
		for (size_t j = 0; j < service->vip_count; j++) {
			const struct backend *backend = &service->backends[i];
			const struct vip *vip = &service->vips[j];

			if (!vip_is_exact(vip) || !has_family(backend, vip))
				continue;
			claims[count] = (struct nat_claim){
				.at = model_nat_endpoint(backend, vip),
				.service = service,
				.vip = vip,
				.backend = backend,
				.order = order + count,
			};
			count++;
		}
	return count;
}

void validate_nat(struct validator *v)
{
	const struct cluster *cluster = v->cluster;
	const size_t max = SLUICE_MAX_NATS / 2; /* each address takes one, too */
	struct nat_claim *claims;
	size_t pairs = 0, count = 0;

	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		if (service->forward != SLUICE_FORWARD_NAT) {
			check_no_ports(v, service);
			continue;
		}
		check_service(v, service);
		pairs += service->vip_count * service->backend_count;
		if (validator_limit(v, service->at, "pairs of VIP and backend of nat up to here",
				    pairs, max))
			return;
	}
	claims = calloc(pairs + 1, sizeof(*claims));
	if (!claims) {
		v->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < cluster->service_count; i++)
		if (cluster->services[i].forward == SLUICE_FORWARD_NAT)
			count += make_claims(&cluster->services[i], claims + count, count);
	find_clashes(v, claims, count);
	free(claims);
}
