/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of services and backends. VIPs: validate_vips.c; checks: validate_checks.c.
 */
#include "model_validator.h"

#include <stdlib.h>
#include <string.h>

static void check_backend_addresses(struct validator *v, const struct service *service,
				    const struct backend *backend)
{
	const struct sluice_addr *addrs[] = {backend->has4 ? &backend->addr4 : NULL,
					     backend->has6 ? &backend->addr6 : NULL};
	char buf[ADDR_TEXT_LEN];

	for (int i = 0; i < 2; i++)
		if (addrs[i] && !validator_is_unicast(addrs[i]))
			validator_report(
				v, backend->at, "address",
				"service \"%s\": backend \"%s\": \"%s\" is not the address "
				"of a host",
				service->name, backend->name, addr_format(addrs[i], buf));
	if (!backend->has4 && !backend->has6) {
		const struct cluster *cluster = v->cluster;
		const struct node *node = model_node(cluster, backend->name);
		struct nearest_name nearest = {};

		if (!node && cluster->node_count)
			nearest = validator_nearest(v, backend->name, cluster->nodes->name,
						    sizeof(*cluster->nodes), cluster->node_count);
		validator_report(v, backend->at, "address",
				 "service \"%s\": backend \"%s\": %s, and no key \"address\" is "
				 "given%s",
				 service->name, backend->name,
				 node ? "the node has no address" : "no node has this name",
				 nearest.text);
	}
}

static void clash_backends(struct validator *v, const struct claim *first,
			   const struct claim *second)
{
	char buf[ADDR_TEXT_LEN];

	validator_report(v, second->at, "address",
			 "service \"%s\": backend \"%s\": address \"%s\" is that of backend \"%s\" "
			 "already",
			 second->owner, second->part, addr_format(&second->endpoint.addr, buf),
			 first->part);
}

static struct claim backend_claim(const struct service *service, const struct backend *backend,
				  const struct sluice_addr *addr, size_t order)
{
	return (struct claim){
		.at = backend->at,
		.endpoint = {*addr, backend->port},
		.owner = service->name,
		.part = backend->name,
		.order = order,
	};
}

static void check_backends(struct validator *v, const struct service *service)
{
	struct claim *claims = calloc(2 * service->backend_count + 1, sizeof(*claims));
	size_t count = 0;

	if (!claims) {
		v->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend *backend = &service->backends[i];

		check_backend_addresses(v, service, backend);
		if (backend->weight > MODEL_MAX_WEIGHT)
			validator_report(v, backend->at, "weight",
					 "service \"%s\": backend \"%s\": weight \"%u\": expected "
					 "at most %u",
					 service->name, backend->name, backend->weight,
					 MODEL_MAX_WEIGHT);
		if (backend->has4)
			claims[count++] = backend_claim(service, backend, &backend->addr4, i);
		if (backend->has6)
			claims[count++] = backend_claim(service, backend, &backend->addr6, i);
	}
	validator_find_clashes(v, claims, count, clash_backends);
	free(claims);
}

struct server_claim {
	__u64 id;
	const struct backend *backend;
};

static int by_server_id(const void *left, const void *right)
{
	const struct server_claim *a = left, *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->backend < b->backend ? -1 : 1;
}

static void check_server_id(struct validator *v, const struct service *service,
			    const struct backend *backend)
{
	if (backend->server_id.length && backend->server_id.length != service->quic)
		validator_report(v, backend->at, "server-id",
				 "service \"%s\": backend \"%s\": server-id of %u octets: expected "
				 "%u, as quic says",
				 service->name, backend->name, backend->server_id.length,
				 service->quic);
}

/* A connection ID must name one backend. */
static void check_server_ids(struct validator *v, const struct service *service)
{
	struct server_claim *claims = calloc(service->backend_count + 1, sizeof(*claims));

	if (!claims) {
		v->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend *backend = &service->backends[i];

		claims[i] = (struct server_claim){model_server_id(service, backend), backend};
		check_server_id(v, service, backend);
	}
	qsort(claims, service->backend_count, sizeof(*claims), by_server_id);
	for (size_t i = 1; i < service->backend_count && service->quic; i++)
		if (claims[i].id == claims[i - 1].id)
			validator_report(
				v, claims[i].backend->at, "server-id address",
				"service \"%s\": backend \"%s\": server id 0x%0*llx is that "
				"of backend \"%s\" already",
				service->name, claims[i].backend->name, 2 * (int)service->quic,
				(unsigned long long)claims[i].id, claims[i - 1].backend->name);
	free(claims);
}

/* Of a backend that is no node of the file, nothing is known. */
static void check_accepts(struct validator *v, const struct service *service,
			  const struct backend *backend)
{
	const struct node *node = model_node(v->cluster, backend->name);
	unsigned roles = 0;

	for (size_t i = 0; node && i < node->interface_count; i++)
		roles |= node->interfaces[i].roles;
	if (node && !(roles & SLUICE_ROLE_DECAP))
		validator_report(v, backend->at, "syn-cookies",
				 "service \"%s\": backend \"%s\": syn-cookies need the role decap "
				 "on an interface of that node",
				 service->name, backend->name);
}

static void check_cookies(struct validator *v, const struct service *service)
{
	if (service->syn_cookies == SYN_COOKIES_OFF)
		return;
	if (service->proto != IPPROTO_TCP)
		validator_report(v, service->at, "syn-cookies proto",
				 "service \"%s\": syn-cookies: expected proto tcp", service->name);
	if (service->forward == SLUICE_FORWARD_NAT)
		validator_report(v, service->at, "syn-cookies forward",
				 "service \"%s\": syn-cookies: expected forward ipip, gue or dsr",
				 service->name);
	if (!v->cluster->key_file[0] && !validator_cannot_know(v, (struct place){}, "key"))
		validator_report(v, service->at, "syn-cookies",
				 "service \"%s\": syn-cookies need the key \"key\" of the "
				 "cluster, the path of a secret",
				 service->name);
	for (size_t i = 0; i < service->backend_count && service->forward != SLUICE_FORWARD_NAT;
	     i++)
		check_accepts(v, service, &service->backends[i]);
}

static void check_service(struct validator *v, const struct service *service)
{
	if (!model_name_is_valid(service->name))
		validator_report(v, service->at, "", "service \"%s\": not a valid name",
				 service->name);
	if (!service->vip_count)
		validator_report(v, service->at, "vips",
				 "service \"%s\": expected at least one VIP", service->name);
	if (service->quic && service->proto != IPPROTO_UDP)
		validator_report(v, service->at, "quic proto",
				 "service \"%s\": quic: expected proto udp", service->name);
	check_cookies(v, service);
	check_server_ids(v, service);
	validate_check(v, service);
	validate_service_limits(v, service);
	check_backends(v, service);
}

void validate_services(struct validator *v)
{
	/* Each address takes an entry of its own beside those of its ports. */
	const size_t max_vips = SLUICE_MAX_VIPS / 2, max_backends = SLUICE_MAX_BACKENDS;
	size_t vips = 0, backends = 0;

	for (size_t i = 0; i < v->cluster->service_count; i++) {
		const struct service *service = &v->cluster->services[i];
		bool vips_fit = vips <= max_vips, backends_fit = backends <= max_backends;

		check_service(v, service);
		vips += service->vip_count;
		backends += service->backend_count;
		if (vips_fit)
			validator_limit(v, service->at, "VIPs up to here", vips, max_vips);
		if (backends_fit)
			validator_limit(v, service->at, "backends up to here", backends,
					max_backends);
	}
	validate_vips(v, vips);
}
