/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which service, and which of its backends, the operator means.
 */
#include "service_find.h"

#include <string.h>

#define NAMES_MAX 64

struct service *service_find_vip(const struct session *session, const struct vip *vip, int proto)
{
	struct service *tcp = model_service_by_vip(&session->cluster, vip, IPPROTO_TCP);
	struct service *udp = model_service_by_vip(&session->cluster, vip, IPPROTO_UDP);
	char text[VIP_TEXT_LEN], buf[4];

	if (proto == IPPROTO_UDP || (!proto && !tcp))
		tcp = udp;
	vip_format(vip, text);
	if (!proto && tcp && udp && tcp != udp) {
		command_error(session->inv,
			      "VIP \"%s\" is one of TCP and one of UDP, expected proto", text);
		return NULL;
	}
	if (!tcp)
		command_error(session->inv, "VIP \"%s\"%s%s: no such VIP", text,
			      proto ? " proto " : "", proto ? proto_name(proto, buf) : "");
	return tcp;
}

struct service *service_find(const struct session *session, const char *text, int proto)
{
	const struct cluster *cluster = &session->cluster;
	struct service *service = model_service(cluster, text);
	const char *names[NAMES_MAX] = {0}, *near;
	struct vip vip;

	if (service)
		return service;
	if (!vip_parse(text, &vip))
		return service_find_vip(session, &vip, proto);
	for (size_t i = 0; i < cluster->service_count && i < NAMES_MAX - 1; i++)
		names[i] = cluster->services[i].name;
	near = diag_nearest(text, names);
	command_error(session->inv,
		      "service \"%s\": no such service%s%s%s, expected its name or a VIP", text,
		      near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	return NULL;
}

struct backend *service_find_backend(const struct service *service, const char *text)
{
	struct backend *backend = model_backend(service, text);
	struct endpoint at = {0};

	if (backend || (addr_parse(text, &at.addr) && endpoint_parse(text, &at)))
		return backend;
	for (size_t i = 0; i < service->backend_count; i++) {
		backend = &service->backends[i];
		if (at.port && at.port != backend->port)
			continue;
		if ((backend->has4 && !addr_cmp(&backend->addr4, &at.addr)) ||
		    (backend->has6 && !addr_cmp(&backend->addr6, &at.addr)))
			return backend;
	}
	return NULL;
}
