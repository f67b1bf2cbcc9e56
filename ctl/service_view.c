/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Services and backends: what the configuration says beside what the agents
 * found and what packets did.
 */
#include "service_view.h"

#include <errno.h>
#include <time.h>

#include "model_json.h"
#include "schedule_view.h"

static const struct output_column backend_columns[] = {
	{"backend", "backend"},
	{"address", "address"},
	{"port", "port"},
	{"state", "state"},
	{"health", "health"},
	{"check", "last check"},
	{"check_age_s", "s ago"},
	{"weight", "weight"},
	{"share_percent", "share %"},
	{"sent_packets", "packets"},
	{"sent_bytes", "bytes"},
	{"new_flows", "new flows"},
	{},
};

static const struct output_column service_columns[] = {
	{"service", "service"},
	{"proto", "proto"},
	{"forward", "forward"},
	{"vips", "vips"},
	{"panic", "panic"},
	{"backups_serve", "backups serve"},
	{"syn_cookies", "SYN cookies"},
	{"cookies_sent", "sent"},
	{"cookies_valid", "valid"},
	{"cookies_invalid", "invalid"},
	{},
};

static const struct output_column vip_columns[] = {
	{"vip", "VIP"},
	{"proto", "proto"},
	{"service", "service"},
	{"sent_packets", "packets"},
	{"sent_bytes", "bytes"},
	{"new_flows", "new flows"},
	{},
};

const struct output_table service_view_vips_table = {
	.key = "vips",
	.heading = "VIPs, by what they sent to backends",
	.empty = "none",
	.columns = vip_columns,
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

static int add_load(json_t *item, const struct sluice_load *load)
{
	json_t *more = json_pack("{s:I, s:I, s:I}", "sent_packets", (json_int_t)load->sent.packets,
				 "sent_bytes", (json_int_t)load->sent.bytes, "new_flows",
				 (json_int_t)load->new_flows);
	int err = more && !json_object_update(item, more) ? 0 : -ENOMEM;

	json_decref(more);
	return err;
}

static int add_check(const struct loads *loads, const struct service *service,
		     const struct backend *backend, json_t *item)
{
	struct sluice_check check;
	time_t now = time(NULL);

	if (service->check.type == CHECK_NONE || !loads_last_check(loads, service, backend, &check))
		return 0;
	if (json_object_set_new(item, "check", json_string(check.words)) ||
	    json_object_set_new(item, "check_age_s",
				json_integer((json_int_t)(now - (time_t)check.ended_unix_s))) ||
	    json_object_set_new(item, "check_duration_us", json_integer(check.duration_us)))
		return -ENOMEM;
	return 0;
}

/* What only a balancer has; elsewhere these members are missing. */
static int add_state(const struct loads *loads, const struct service *service,
		     const struct backend *backend, json_t *item)
{
	struct sluice_load load;
	const struct sluice_backend *slot = loads_of_backend(loads, service, backend, &load);

	if (!slot)
		return 0;
	if (json_object_set_new(item, "health", json_string(health_of(service, slot))) ||
	    add_check(loads, service, backend, item))
		return -ENOMEM;
	return add_load(item, &load);
}

static json_t *backend_json(const struct loads *loads, const struct service *service,
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
	if (out && backend->port && json_object_set_new(out, "port", json_integer(backend->port))) {
		json_decref(out);
		out = NULL;
	}
	*err = out ? add_state(loads, service, backend, out) : -ENOMEM;
	if (!*err)
		return out;
	json_decref(out);
	return NULL;
}

static json_t *vips_json(const struct service *service)
{
	json_t *out = json_array();
	char buf[VIP_TEXT_LEN];

	for (size_t i = 0; i < service->vip_count; i++)
		json_array_append_new(out, json_string(vip_format(&service->vips[i], buf)));
	return out;
}

/* Nothing for a service without them. */
static int add_cookies(const struct loads *loads, const struct service *service, json_t *out)
{
	char text[SYN_COOKIES_TEXT_LEN];
	struct sluice_cookie_count count;
	json_t *more;
	int err;

	if (!loads_cookies(loads, service, &count))
		return 0;
	more = json_pack("{s:s, s:I, s:I, s:I}", "syn_cookies",
			 syn_cookies_format(service->syn_cookies, text), "cookies_sent",
			 (json_int_t)count.uses[SLUICE_COOKIE_SENT], "cookies_valid",
			 (json_int_t)count.uses[SLUICE_COOKIE_VALID], "cookies_invalid",
			 (json_int_t)count.uses[SLUICE_COOKIE_INVALID]);
	err = more && !json_object_update(out, more) ? 0 : -ENOMEM;
	json_decref(more);
	return err;
}

json_t *service_view_json(const struct loads *loads, const struct service *service, int *err)
{
	json_t *backends = json_array();
	char proto[4];
	json_t *out;

	*err = backends ? 0 : -ENOMEM;
	for (size_t i = 0; i < service->backend_count && !*err; i++) {
		json_t *backend = backend_json(loads, service, &service->backends[i], err);

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
	*err = out ? schedule_view_add(loads, service, out) : -ENOMEM;
	if (!*err)
		*err = add_cookies(loads, service, out);
	if (!*err)
		return out;
	json_decref(out);
	return NULL;
}

json_t *service_view_all(const struct cluster *cluster, const struct loads *loads, int *err)
{
	json_t *out = json_array();

	*err = out ? 0 : -ENOMEM;
	for (size_t i = 0; i < cluster->service_count && !*err; i++) {
		json_t *service = service_view_json(loads, &cluster->services[i], err);

		if (!*err && json_array_append_new(out, service))
			*err = -ENOMEM;
	}
	if (!*err)
		return out;
	json_decref(out);
	return NULL;
}

static int add_vips(const struct loads *loads, const struct service *service, json_t *into)
{
	char text[VIP_TEXT_LEN], proto[4];
	int err = 0;

	for (size_t i = 0; i < service->vip_count && !err; i++) {
		struct sluice_load load = loads_of_vip(loads, &service->vips[i], service->proto);
		json_t *item = json_pack(
			"{s:s, s:s, s:s}", "vip", vip_format(&service->vips[i], text), "proto",
			proto_name(service->proto, proto), "service", service->name);

		err = item ? add_load(item, &load) : -ENOMEM;
		if (!err && json_array_append(into, item))
			err = -ENOMEM;
		json_decref(item);
	}
	return err;
}

json_t *service_view_vips(const struct cluster *cluster, const struct loads *loads,
			  const struct service *only, int *err)
{
	json_t *out = json_array();

	*err = out ? 0 : -ENOMEM;
	for (size_t i = 0; i < cluster->service_count && !*err; i++)
		if (!only || only == &cluster->services[i])
			*err = add_vips(loads, &cluster->services[i], out);
	if (!*err)
		return out;
	json_decref(out);
	return NULL;
}
