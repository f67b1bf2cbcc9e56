/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The keys of the configuration file and how their values are read. What
 * depends on more than one value is checked in config.c.
 */
#include "config_fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "model_array.h"
#include "number.h"

#define ENDPOINT_EXPECTED "address and port, as in 192.0.2.10:80 or \"[2001:db8::10]:80\""
#define NAME_EXPECTED	  "1 to 31 letters, digits, \".\", \"_\" or \"-\", not an address"
#define DIR_EXPECTED	  "the absolute path of a directory, at most 255 characters"
#define EXPIRES_MAX_S	  (10u * 365 * 24 * 60 * 60)

/* --- values ----------------------------------------------------------------------------- */

/* Lower case: hosts are compared as they are. */
static int parse_host(const struct field *field, const char *text, void *out)
{
	struct web_host *host = out;
	const char *rest = !strncmp(text, "*.", 2) ? text + 2 : text;
	size_t length = strlen(text);

	(void)field;
	if (!strcmp(text, "*")) {
		strcpy(host->name, text);
		return 0;
	}
	if (!*rest || length >= sizeof(host->name))
		return -EINVAL;
	for (const char *at = rest; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("-._:", *at))
			return -EINVAL;
	for (size_t i = 0; i <= length; i++)
		host->name[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

static int parse_route_path(const struct field *field, const char *text, void *out)
{
	struct web_route *route = out;
	bool exact = *text == '=';

	if (parse_absolute_path(field, text + exact, route->path))
		return -EINVAL;
	route->exact = exact;
	return 0;
}

static int parse_expires(const struct field *field, const char *text, void *out)
{
	static const struct {
		char name;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 60 * 60}, {'d', 24 * 60 * 60}};
	unsigned value;
	const char *unit = number_scan(text, EXPIRES_MAX_S, &value);

	if (!unit || !unit[0] || unit[1])
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (*unit == units[i].name && value <= EXPIRES_MAX_S / units[i].seconds) {
			snprintf(out, field->size, "max-age=%u", value * units[i].seconds);
			return 0;
		}
	return -EINVAL;
}

/* What may stand in a field of a response: visible characters and blanks between them. */
static int parse_field_value(const struct field *field, const char *text, void *out)
{
	size_t length = strlen(text);

	if (length >= field->size || (length && (*text == ' ' || text[length - 1] == ' ')))
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return -EINVAL;
	memcpy(out, text, length + 1);
	return 0;
}

static bool is_field_name(const char *name)
{
	struct http_slice slice = http_slice_of(name);
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-_");

	return slice.len && slice.len == length && length < sizeof(((struct web_field *)0)->name) &&
	       !(http_field_flags(http_field_find(slice)) & HTTP_F_HOP) &&
	       http_field_find(slice) != HTTP_FIELD_CONTENT_LENGTH &&
	       http_field_find(slice) != HTTP_FIELD_X_SLUICE_WEB;
}

/* --- objects ---------------------------------------------------------------------------- */

static void *add_upstream(void *object, const char *name)
{
	struct web_config *config = object;
	struct upstream_settings *upstream = model_array_add(
		&config->upstreams, &config->upstream_count, sizeof(*config->upstreams));

	if (upstream)
		upstream_settings_init(upstream, name);
	return upstream;
}

static struct web_field *find_field(struct web_site *site, const char *name)
{
	for (size_t i = 0; i < site->field_count; i++)
		if (!strcasecmp(site->fields[i].name, name))
			return &site->fields[i];
	return NULL;
}

static void *add_field(void *object, const char *name)
{
	struct web_site *site = object;
	struct web_field *field = find_field(site, name);

	if (!field)
		field = model_array_add(&site->fields, &site->field_count, sizeof(*field));
	if (field)
		snprintf(field->name, sizeof(field->name), "%s", name);
	return field;
}

/* What one expects of a server today; a site may replace or drop them. */
static bool add_default_fields(struct web_site *site)
{
	static const char *const defaults[][2] = {
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "SAMEORIGIN"},
		{"Referrer-Policy", "strict-origin-when-cross-origin"},
	};

	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		struct web_field *field = add_field(site, defaults[i][0]);

		if (!field)
			return false;
		strcpy(field->value, defaults[i][1]);
	}
	return true;
}

static void *add_site(void *object, const char *name)
{
	struct web_config *config = object;
	struct web_site *site =
		model_array_add(&config->sites, &config->site_count, sizeof(*config->sites));

	(void)name;
	return site && add_default_fields(site) ? site : NULL;
}

static void *add_route(void *object, const char *name)
{
	struct web_site *site = object;

	(void)name;
	return model_array_add(&site->routes, &site->route_count, sizeof(*site->routes));
}

/* --- keys ------------------------------------------------------------------------------- */

/* clang-format off */
static const struct field route_fields[] = {
	{"path", .read = read_scalar, .parse = parse_route_path,
	 .size = WEB_PATH_LEN, .required = true,
	 .expected = "a path that begins with \"/\", or with \"=/\" for that path alone"},
	{"files", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct web_route, files), .expected = DIR_EXPECTED},
	{"proxy", .read = read_scalar, .parse = parse_name,
	 FIELD_MEMBER(struct web_route, proxy), .expected = "the name of an upstream"},
	{"expires", .read = read_scalar, .parse = parse_expires,
	 FIELD_MEMBER(struct web_route, cache_control),
	 .expected = "a time from 0s to 3650d, such as 90s, 10m, 1h or 30d"},
	{"cache-control", .read = read_scalar, .parse = parse_field_value,
	 FIELD_MEMBER(struct web_route, cache_control),
	 .expected = "the value of a Cache-Control field, at most 255 characters"},
	{},
};

static const struct field field_value = {
	.read = read_scalar, .parse = parse_field_value, FIELD_MEMBER(struct web_field, value),
	.expected = "the value of a field, at most 1023 printable characters",
};

static const struct field site_fields[] = {
	{"hosts", .read = read_list, .parse = parse_host, .max = 64, .required = true,
	 FIELD_LIST(struct web_site, hosts, host_count),
	 .expected = "a host name, \"*.example.com\" or \"*\""},
	{"root", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct web_site, root), .expected = DIR_EXPECTED},
	{"routes", .read = read_objects, .members = route_fields, .kind = "route",
	 .add = add_route, .max = WEB_MAX_ROUTES},
	{"fields", .read = read_map, .element = &field_value, .kind = "field",
	 .add = add_field, .name_is_valid = is_field_name, .max = WEB_MAX_FIELDS,
	 .expected = "the name of a response field that is not the server's own business"},
	{},
};

const struct field web_config_fields[] = {
	PROCESS_FIELDS(struct web_config, process),
	HTTP_SERVER_FIELDS(struct web_config, http),
	{"listen", .read = read_list, .parse = parse_endpoint, .max = PROCESS_MAX_LISTENERS,
	 FIELD_LIST(struct web_config, listen, listen_count),
	 .expected = ENDPOINT_EXPECTED, .required = true},
	{"trusted", .read = read_list, .parse = parse_network, .max = 256,
	 FIELD_LIST(struct web_config, trusted, trusted_count),
	 .expected = "a network, as in 10.0.0.0/8 or \"fd00::/8\"", .suggest = suggest_network},
	{"upstreams", .read = read_map, .members = upstream_fields, .kind = "upstream",
	 .add = add_upstream, .name_is_valid = model_name_is_valid, .max = WEB_MAX_UPSTREAMS,
	 .expected = NAME_EXPECTED},
	{"sites", .read = read_objects, .members = site_fields, .kind = "site",
	 .add = add_site, .max = WEB_MAX_SITES, .required = true, .expected = "a list of sites"},
	{"health", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct web_config, health), .expected = "a path that begins with \"/\""},
	{"error-pages", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct web_config, error_pages), .expected = DIR_EXPECTED},
	{"types", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct web_config, types_file),
	 .expected = "the absolute path of a file such as /etc/mime.types"},
	{"open-files", .read = read_scalar, .parse = parse_number,
	 FIELD_MEMBER(struct web_config, open_files), .min = 1, .max = WEB_MAX_OPEN_FILES},
	{},
};
/* clang-format on */
