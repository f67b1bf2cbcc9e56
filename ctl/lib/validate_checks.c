/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of health checks: which keys belong to which type, and what they
 * need of each other.
 */
#include "model_validator.h"

#include <string.h>

#define MIN_SILENT_INTERVAL_MS 2000

#define TYPE(name) (1u << CHECK_##name)

static bool has_name(const struct health_check *check)
{
	return check->name[0];
}

static bool has_path(const struct health_check *check)
{
	return strcmp(check->path, "/");
}

static bool has_method(const struct health_check *check)
{
	return check->method != CHECK_GET;
}

static bool has_status(const struct health_check *check)
{
	return check->status_count;
}

static bool has_body(const struct health_check *check)
{
	return check->body.length;
}

static bool has_ca(const struct health_check *check)
{
	return check->ca[0];
}

static bool has_send(const struct health_check *check)
{
	return check->send.length;
}

static bool has_expect(const struct health_check *check)
{
	return check->expect.length;
}

static bool has_user(const struct health_check *check)
{
	return check->user[0];
}

static bool has_password(const struct health_check *check)
{
	return check->password_file[0];
}

static bool has_read_only(const struct health_check *check)
{
	return check->read_only != CHECK_READ_ONLY_ANY;
}

static bool is_udp(const struct health_check *check)
{
	return check->type == CHECK_UDP;
}

/* A key that is given, and the types that have it. */
struct belonging {
	const char *key;
	bool (*is_given)(const struct health_check *check);
	unsigned types;
	const char *words;
};

static const struct belonging belongings[] = {
	{"name", has_name, TYPE(HTTP) | TYPE(HTTPS) | TYPE(TLS), "http, https or tls"},
	{"path", has_path, TYPE(HTTP) | TYPE(HTTPS), "http or https"},
	{"method", has_method, TYPE(HTTP) | TYPE(HTTPS), "http or https"},
	{"status", has_status, TYPE(HTTP) | TYPE(HTTPS), "http or https"},
	{"body", has_body, TYPE(HTTP) | TYPE(HTTPS), "http or https"},
	{"ca", has_ca, TYPE(HTTPS) | TYPE(TLS), "https or tls"},
	{"send", has_send, TYPE(TCP) | TYPE(UDP), "tcp or udp"},
	{"expect", has_expect, TYPE(TCP) | TYPE(UDP), "tcp or udp"},
	{"user", has_user, TYPE(MYSQL), "mysql"},
	{"password-file", has_password, TYPE(MYSQL), "mysql"},
	{"read-only", has_read_only, TYPE(MYSQL), "mysql"},
};

/* A key without another that it needs. */
struct need {
	const char *keys; /* both */
	bool (*is_given)(const struct health_check *check);
	bool (*is_needed)(const struct health_check *check);
	const char *words;
};

static const struct need needs[] = {
	{"type send", is_udp, has_send, "type udp needs send"},
	{"ca name", has_ca, has_name, "ca needs name, which the certificate must have"},
	{"password-file user", has_password, has_user, "password-file needs user"},
	{"read-only user", has_read_only, has_user, "read-only needs user"},
};

static void check_belongings(struct validator *v, const struct service *service)
{
	const struct health_check *check = &service->check;

	for (size_t i = 0; i < sizeof(belongings) / sizeof(*belongings); i++) {
		const struct belonging *belonging = &belongings[i];
		char keys[32] = "type ";

		if (!belonging->is_given(check) || belonging->types & 1u << check->type)
			continue;
		strcat(keys, belonging->key);
		validator_report(v, service->at, keys, "service \"%s\": check: %s is for type %s",
				 service->name, belonging->key, belonging->words);
	}
}

static void check_needs(struct validator *v, const struct service *service)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		if (needs[i].is_given(&service->check) && !needs[i].is_needed(&service->check))
			validator_report(v, service->at, needs[i].keys, "service \"%s\": check: %s",
					 service->name, needs[i].words);
}

void validate_check(struct validator *v, const struct service *service)
{
	const struct health_check *check = &service->check;

	if (check->type != CHECK_NONE && !check->port && service->vip_count &&
	    vip_ports(&service->vips[0]) == VIP_ALL_PORTS)
		validator_report(v, service->at, "type port vips",
				 "service \"%s\": check: expected a port, as the first VIP is all "
				 "ports",
				 service->name);
	if (check->timeout_ms >= check->interval_ms)
		validator_report(v, service->at, "interval timeout",
				 "service \"%s\": check: timeout %ums: expected less than the "
				 "interval, %ums",
				 service->name, check->timeout_ms, check->interval_ms);
	if (check->method == CHECK_HEAD && check->body.length)
		validator_report(v, service->at, "method body",
				 "service \"%s\": check: body: an answer to method HEAD has none",
				 service->name);
	/* Linux sends one error a second to a host (icmp_ratelimit): silence would be good news. */
	if (check->type == CHECK_UDP && !check->expect.length &&
	    check->interval_ms < MIN_SILENT_INTERVAL_MS)
		validator_report(
			v, service->at, "type expect interval",
			"service \"%s\": check: interval %ums: expected at least %ums for "
			"type udp without expect: hosts tell of closed ports once a second",
			service->name, check->interval_ms, MIN_SILENT_INTERVAL_MS);
	check_belongings(v, service);
	check_needs(v, service);
}
