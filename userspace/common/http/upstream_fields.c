/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Upstreams in a configuration file: their defaults and their keys.
 */
#include "http/upstream.h"

#include <string.h>

#include "config_reader.h"

#define MIN_DURATION_MS	  10
#define MAX_DURATION_MS	  (60 * 60 * 1000)
#define DURATION_EXPECTED "a duration from 10ms to 60m, such as 500ms, 2s or 1m"
#define NAME_EXPECTED	  "1 to 31 letters, digits, \".\", \"_\" or \"-\", not an address"
#define ENDPOINT_EXPECTED "address and port, as in 192.0.2.10:80 or \"[2001:db8::10]:80\""

static const char *const bool_words[] = {"false", "true", NULL};
static const char *const balance_words[] = {"round-robin", "least-requests", NULL};

void upstream_settings_init(struct upstream_settings *settings, const char *name)
{
	*settings = (struct upstream_settings){
		.connect_ms = 1000,
		.response_ms = 60 * 1000,
		.retry_ms = 10 * 1000,
		.idle_ms = 30 * 1000,
		.idle_count = 256,
		.check = {.interval_ms = 2000, .timeout_ms = 1000, .rise = 2, .fall = 2},
	};
	strncpy(settings->name, name, sizeof(settings->name) - 1);
}

static void *add_server(void *object, const char *name)
{
	struct upstream_settings *settings = object;
	struct upstream_server_settings *server = &settings->servers[settings->server_count++];

	server->weight = 1;
	strncpy(server->name, name, sizeof(server->name) - 1);
	return server;
}

/* clang-format off */
#define NUMBER(type, member, least, most) \
	.read = read_scalar, .parse = parse_number, FIELD_MEMBER(type, member), \
	.min = least, .max = most
#define DURATION(type, member) \
	.read = read_scalar, .parse = parse_duration_ms, FIELD_MEMBER(type, member), \
	.min = MIN_DURATION_MS, .max = MAX_DURATION_MS, .expected = DURATION_EXPECTED

static const struct field server_fields[] = {
	{"address", .read = read_scalar, .parse = parse_endpoint,
	 FIELD_MEMBER(struct upstream_server_settings, at), .expected = ENDPOINT_EXPECTED,
	 .required = true},
	{"weight", NUMBER(struct upstream_server_settings, weight, 1, UPSTREAM_MAX_WEIGHT)},
	{},
};
/* clang-format on */

/* An address alone, or a mapping of keys. */
static void read_server(struct reader *r, const struct field *field, const yaml_node_t *value,
			void *object)
{
	if (value->type == YAML_MAPPING_NODE)
		read_members(r, server_fields, value, object);
	else
		read_scalar(r, field, value, object);
}

static const struct field server_element = {
	.key = "address",
	.read = read_server,
	.parse = parse_endpoint,
	FIELD_MEMBER(struct upstream_server_settings, at),
	.expected = ENDPOINT_EXPECTED,
};

static const struct field servers_map = {
	.key = "servers",
	.element = &server_element,
	.kind = "server",
	.add = add_server,
	.name_is_valid = model_name_is_valid,
	.expected = NAME_EXPECTED,
	.max = UPSTREAM_MAX_SERVERS,
};

static void read_servers(struct reader *r, const struct field *field, const yaml_node_t *value,
			 void *object)
{
	const struct upstream_settings *settings = object;
	size_t before = r->mistakes;

	read_map(r, &servers_map, value, object);
	if (!settings->server_count && r->mistakes == before)
		reader_report(r, config_yaml_place_of(value), "%s is empty: expected %s",
			      field->key, field->expected);
}

/* clang-format off */
static const struct field check_fields[] = {
	{"path", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct upstream_check_settings, path),
	 .expected = "a path that begins with \"/\"", .required = true},
	{"host", .read = read_scalar, .parse = parse_text,
	 FIELD_MEMBER(struct upstream_check_settings, host),
	 .expected = "a host name of at most 255 characters"},
	{"interval", DURATION(struct upstream_check_settings, interval_ms)},
	{"timeout", DURATION(struct upstream_check_settings, timeout_ms)},
	{"rise", NUMBER(struct upstream_check_settings, rise, 1, 100)},
	{"fall", NUMBER(struct upstream_check_settings, fall, 1, 100)},
	{},
};

const struct field upstream_fields[] = {
	{"servers", .read = read_servers, .required = true,
	 .expected = "names with their addresses, as in web1: 192.0.2.10:80"},
	{"balance", .read = read_scalar, .parse = parse_word,
	 FIELD_MEMBER(struct upstream_settings, balance), .words = balance_words},
	{"retry-unavailable", .read = read_scalar, .parse = parse_bool,
	 FIELD_MEMBER(struct upstream_settings, retry_unavailable), .words = bool_words},
	{"connect-timeout", DURATION(struct upstream_settings, connect_ms)},
	{"response-timeout", DURATION(struct upstream_settings, response_ms)},
	{"retry-after", DURATION(struct upstream_settings, retry_ms)},
	{"idle-timeout", DURATION(struct upstream_settings, idle_ms)},
	{"idle-connections", NUMBER(struct upstream_settings, idle_count, 0, 10000)},
	{"requests", NUMBER(struct upstream_settings, requests, 0, 1000000)},
	{"check", .read = read_object, .members = check_fields,
	 .offset = offsetof(struct upstream_settings, check)},
	{},
};
/* clang-format on */
