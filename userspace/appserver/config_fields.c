/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The keys of the configuration file and how their values are read. What depends on more than one
 * value is checked in config.c.
 */
#include "config_fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "model_array.h"

#define ENDPOINT_EXPECTED "address and port, as in 192.0.2.10:80 or \"[2001:db8::10]:80\""
#define PATH_EXPECTED	  "the absolute path of a file, at most 255 characters"
#define DIR_EXPECTED	  "the absolute path of a directory, at most 255 characters"
#define NAME_CHARS	  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define DAY_MS		  (24 * 60 * 60 * 1000)

static const char *const bool_words[] = {"false", "true", NULL};

/* --- values ------------------------------------------------------------------------- */

/* Any text of one line; the module knows what it means. */
static int parse_setting(const struct field *field, const char *text, void *out)
{
	size_t length = strlen(text);

	if (length >= field->size)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return -EINVAL;
	memcpy(out, text, length + 1);
	return 0;
}

static bool is_module_name(const char *name)
{
	size_t length = strlen(name);

	return length && length < SLUICE_NAME_LEN && strspn(name, NAME_CHARS) == length;
}

static bool is_setting_key(const char *key)
{
	size_t length = strlen(key);

	return length && length < sizeof(((struct app_setting *)0)->key) &&
	       strspn(key, NAME_CHARS) == length;
}

static void *add_module(void *object, const char *name)
{
	struct app_config *config = object;
	struct app_module_config *module =
		model_array_add(&config->modules, &config->module_count, sizeof(*config->modules));

	if (module)
		snprintf(module->name, sizeof(module->name), "%s", name);
	return module;
}

static void *add_setting(void *object, const char *key)
{
	struct app_module_config *module = object;
	struct app_setting *setting = model_array_add(&module->settings, &module->setting_count,
						      sizeof(*module->settings));

	if (setting)
		snprintf(setting->key, sizeof(setting->key), "%s", key);
	return setting;
}

/* --- tables ------------------------------------------------------------------------- */

/* clang-format off */
#define DURATION(name, type, member, least) \
	{name, .read = read_scalar, .parse = parse_duration_ms, FIELD_MEMBER(type, member), \
	 .min = least, .max = DAY_MS, \
	 .expected = "a duration from " #least "ms to 24h, such as 500ms, 30s or 5m"}
#define NUMBER(name, type, member, least, most) \
	{name, .read = read_scalar, .parse = parse_number, FIELD_MEMBER(type, member), \
	 .min = least, .max = most}

static const struct field setting_value = {
	"value", .read = read_scalar, .parse = parse_setting,
	FIELD_MEMBER(struct app_setting, value),
	.expected = "a text of one line, at most 511 bytes",
};

static const struct field module_fields[] = {
	{"path", .read = read_scalar, .parse = parse_absolute_path, .required = true,
	 FIELD_MEMBER(struct app_module_config, path), .expected = PATH_EXPECTED},
	{"templates", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct app_module_config, templates), .expected = DIR_EXPECTED},
	{"settings", .read = read_map, .element = &setting_value, .kind = "setting",
	 .add = add_setting, .name_is_valid = is_setting_key, .max = APP_MAX_SETTINGS,
	 .expected = "1 to 63 letters, digits, \".\", \"_\" or \"-\""},
	{},
};

static const struct field database_fields[] = {
	{"server", .read = read_scalar_and_flag, .parse = parse_endpoint,
	 FIELD_MEMBER(struct database_settings, server),
	 .beside = offsetof(struct database_settings, has_server), .expected = ENDPOINT_EXPECTED},
	{"socket", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct database_settings, socket),
	 .expected = "the absolute path of a UNIX socket, at most 107 characters"},
	{"user", .read = read_scalar, .parse = parse_text, .required = true,
	 FIELD_MEMBER(struct database_settings, user),
	 .expected = "the name of a database user, at most 80 characters"},
	{"password-file", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct database_settings, password_file), .expected = PATH_EXPECTED},
	{"name", .read = read_scalar, .parse = parse_text,
	 FIELD_MEMBER(struct database_settings, name),
	 .expected = "the name of a database, at most 64 characters"},
	NUMBER("connections", struct database_settings, connections, 1, 10000),
	DURATION("connect-timeout", struct database_settings, connect_ms, 10),
	DURATION("wait-timeout", struct database_settings, wait_ms, 10),
	DURATION("statement-timeout", struct database_settings, statement_ms, 10),
	DURATION("idle-timeout", struct database_settings, idle_ms, 100),
	NUMBER("rows-max", struct database_settings, rows_bytes, 65536, 1u << 30),
	{},
};

const struct field app_config_fields[] = {
	PROCESS_FIELDS(struct app_config, process),
	HTTP_SERVER_FIELDS(struct app_config, http),
	{"listen", .read = read_list, .parse = parse_endpoint, .max = PROCESS_MAX_LISTENERS,
	 FIELD_LIST(struct app_config, listen, listen_count), .required = true,
	 .expected = ENDPOINT_EXPECTED},
	{"trusted", .read = read_list, .parse = parse_network, .max = 256,
	 FIELD_LIST(struct app_config, trusted, trusted_count),
	 .expected = "an address or a network, as in 10.0.0.0/8 or \"fd00::/8\"",
	 .suggest = suggest_network},
	{"session-keys", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct app_config, session_keys), .expected = PATH_EXPECTED},
	DURATION("session-lifetime", struct app_config, session_ms, 1000),
	{"secure-cookies", .read = read_scalar, .parse = parse_bool, .words = bool_words,
	 FIELD_MEMBER(struct app_config, secure_cookies)},
	DURATION("request-timeout", struct app_config, request_ms, 10),
	NUMBER("coroutines", struct app_config, tasks, 1, 30000),
	NUMBER("stack", struct app_config, stack_bytes, 65536, 64u << 20),
	NUMBER("memory-max", struct app_config, memory_bytes, 65536, 1u << 30),
	NUMBER("form-max", struct app_config, form_bytes, 1024, 1u << 30),
	NUMBER("response-buffer", struct app_config, response_bytes, 4096, 16u << 20),
	{"database", .read = read_object, .members = database_fields,
	 .offset = offsetof(struct app_config, database)},
	{"modules", .read = read_map, .members = module_fields, .kind = "module",
	 .add = add_module, .name_is_valid = is_module_name, .max = APP_MAX_MODULES,
	 .expected = "1 to 31 letters, digits, \".\", \"_\" or \"-\"", .required = true},
	{},
};
/* clang-format on */
