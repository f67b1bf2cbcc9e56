/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Services and backends: what the configuration says beside what the agents
 * found and what packets did.
 */
#include "service_view.h"

#include <errno.h>

#include "model_json.h"

static const struct output_column backend_columns[] = {
	{"backend", "backend"},	 {"address", "address"},     {"state", "state"},
	{"health", "health"},	 {"weight", "weight"},	     {"sent_packets", "packets"},
	{"sent_bytes", "bytes"}, {"new_flows", "new flows"}, {},
};

static const struct output_column service_columns[] = {
	{"service", "service"}, {"proto", "proto"}, {"forward", "forward"}, {"vips", "vips"}, {},
};

const struct output_table service_view_backends_table = {
	.key = "backends",
	.empty = "no backends",
	.columns = backend_columns,
};

const struct output_table service_view_table = {
	.key = "services",
	.heading = "services",
	.empty = "none",
	.columns = service_columns,
	.below = &service_view_backends_table,
};

static const char *health_of(const struct service *service, const struct sluice_backend *slot)
{
	if (slot->unhealthy)
		return "down";
	return service->check.type == CHECK_NONE ? "unchecked" : "up";
}

/* What only a balancer has; elsewhere these members are missing. */
static int add_load(const struct session *session, const struct service *service,
		    const struct backend *backend, json_t *item)
{
	struct sluice_backend entry;
	struct sluice_load load;
	unsigned index, slot;
	json_t *more;
	int err;

	err = dataplane_service_index(&session->dp, service, &index);
	if (!err)
		err = dataplane_backend_slot(&session->dp, index, backend, &slot);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = dataplane_read_backend(&session->dp, slot, &entry);
	if (!err)
		err = dataplane_read_load(&session->dp, slot, &load);
	if (err)
		return err;
	more = json_pack("{s:s, s:I, s:I, s:I}", "health", health_of(service, &entry),
			 "sent_packets", (json_int_t)load.sent.packets, "sent_bytes",
			 (json_int_t)load.sent.bytes, "new_flows", (json_int_t)load.new_flows);
	err = more && !json_object_update(item, more) ? 0 : -ENOMEM;
	json_decref(more);
	return err;
}

static json_t *backend_json(const struct session *session, const struct service *service,
			    const struct backend *backend, int *err)
{
	json_t *address = json_array(), *out;
	char buf[ADDR_TEXT_LEN];

	if (backend->has4)
		json_array_append_new(address, json_string(addr_format(&backend->addr4, buf)));
	if (backend->has6)
		json_array_append_new(address, json_string(addr_format(&backend->addr6, buf)));
	out = json_pack("{s:s, s:o, s:i, s:s}", "backend", backend->name, "address", address,
			"weight", (int)backend->weight, "state",
			backend_admin_name(backend->admin));
	*err = out ? add_load(session, service, backend, out) : -ENOMEM;
	if (!*err)
		return out;
	json_decref(out);
	return NULL;
}

static json_t *vips_json(const struct service *service)
{
	json_t *out = json_array();
	char buf[ENDPOINT_TEXT_LEN];

	for (size_t i = 0; i < service->vip_count; i++)
		json_array_append_new(out, json_string(endpoint_format(&service->vips[i], buf)));
	return out;
}

json_t *service_view_json(const struct session *session, const struct service *service, int *err)
{
	json_t *backends = json_array();
	char proto[4];
	json_t *out;

	*err = backends ? 0 : -ENOMEM;
	for (size_t i = 0; i < service->backend_count && !*err; i++) {
		json_t *backend = backend_json(session, service, &service->backends[i], err);

		if (!*err && json_array_append_new(backends, backend))
			*err = -ENOMEM;
	}
	if (*err) {
		json_decref(backends);
		return NULL;
	}
	out = json_pack("{s:s, s:s, s:s, s:o, s:o}", "service", service->name, "proto",
			proto_name(service->proto, proto), "forward",
			forward_name(service->forward), "vips", vips_json(service), "backends",
			backends);
	*err = out ? 0 : -ENOMEM;
	return out;
}

json_t *service_view_all(const struct session *session, int *err)
{
	const struct cluster *cluster = &session->cluster;
	json_t *out = json_array();

	*err = out ? 0 : -ENOMEM;
	for (size_t i = 0; i < cluster->service_count && !*err; i++) {
		json_t *service = service_view_json(session, &cluster->services[i], err);

		if (!*err && json_array_append_new(out, service))
			*err = -ENOMEM;
	}
	if (!*err)
		return out;
	json_decref(out);
	return NULL;
}
