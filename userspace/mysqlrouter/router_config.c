/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "router_config.h"

#include <errno.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "model.h"
#include "model_array.h"
#include "settings.h"

#define MAX_MS	      (24 * 60 * 60 * 1000)
#define NAME_EXPECTED "1 to 31 letters, digits, \".\", \"_\" or \"-\", not an address"

static const char *const bool_words[] = {"false", "true", NULL};
static const char *const role_words[] = {"auto", "primary", "replica", NULL};
static const char *const tls_words[] = {"off", "optional", "required", NULL};
static const char *const server_tls_words[] = {"off", "require", "verify", NULL};
static const char *const consistency_words[] = {"session", "none", NULL};
static const char *const plugin_words[] = {PLUGIN_NATIVE, PLUGIN_CACHING_SHA2, NULL};

static void *add_server(void *object, const char *name)
{
	struct router_config *config = object;
	struct server_config *server =
		model_array_add(&config->servers, &config->server_count, sizeof(*config->servers));

	if (server) {
		*server = (struct server_config){};
		strcpy(server->name, name);
	}
	return server;
}

/* schema.table, of letters, digits, "_" and "$" alone: it goes into statements unquoted. */
static int parse_table(const struct field *field, const char *text, void *out)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";
	size_t schema = strspn(text, allowed);
	size_t table = text[schema] == '.' ? strspn(text + schema + 1, allowed) : 0;

	if (!schema || !table || text[schema + 1 + table])
		return -EINVAL;
	return parse_text(field, text, out);
}

/* clang-format off */
#define WORD(type, member, list) \
	.read = read_scalar, .parse = parse_word, FIELD_MEMBER(type, member), .words = list
#define DURATION(type, member, least, most) \
	.read = read_scalar, .parse = parse_duration_ms, FIELD_MEMBER(type, member), \
	.min = least, .max = most, .expected = "a duration, such as 500ms, 30s or 5m"
#define NUMBER(type, member, least, most) \
	.read = read_scalar, .parse = parse_number, FIELD_MEMBER(type, member), \
	.min = least, .max = most
#define PATH(type, member) \
	.read = read_scalar, .parse = parse_absolute_path, FIELD_MEMBER(type, member), \
	.expected = "the absolute path of a file"

static const struct field server_fields[] = {
	{"address", .read = read_scalar_and_flag, .parse = parse_endpoint,
	 FIELD_MEMBER(struct server_config, address),
	 .beside = offsetof(struct server_config, has_address), .required = true,
	 .expected = "address and port, as in 192.0.2.10:3306 or \"[2001:db8::10]:3306\""},
	{"role", WORD(struct server_config, role, role_words)},
	{},
};

static const struct field monitor_fields[] = {
	{"user", .read = read_scalar, .parse = parse_text,
	 FIELD_MEMBER(struct monitor_config, user), .required = true,
	 .expected = "the name of a user on the servers"},
	{"password-file", PATH(struct monitor_config, password_file)},
	{"heartbeat", .read = read_scalar, .parse = parse_table,
	 FIELD_MEMBER(struct monitor_config, heartbeat), .expected = "a table, as schema.name"},
	{"interval", DURATION(struct monitor_config, interval_ms, 50, 60000)},
	{"timeout", DURATION(struct monitor_config, timeout_ms, 50, 60000)},
	{},
};

static const struct field limits_fields[] = {
	{"login", DURATION(struct limits_config, login_ms, 100, MAX_MS)},
	{"connect", DURATION(struct limits_config, connect_ms, 50, MAX_MS)},
	{"idle", DURATION(struct limits_config, idle_ms, 1000, MAX_MS)},
	{"query", DURATION(struct limits_config, query_ms, 0, MAX_MS)},
	{"stall", DURATION(struct limits_config, stall_ms, 100, MAX_MS)},
	{"statements", NUMBER(struct limits_config, statements, 1, 65535)},
	{"lag", DURATION(struct limits_config, lag_ms, 10, MAX_MS)},
	{"wait", DURATION(struct limits_config, wait_ms, 0, 60000)},
	{"auth-failures", NUMBER(struct limits_config, auth_failures, 1, 1000000)},
	{},
};

static const struct field tls_fields[] = {
	{"mode", WORD(struct router_config, tls.mode, tls_words)},
	{"certificate", PATH(struct router_config, tls.files.chain), .required = true},
	{"key", PATH(struct router_config, tls.files.key)},
	{},
};

static const struct field server_tls_fields[] = {
	{"mode", WORD(struct router_config, server_tls.mode, server_tls_words), .required = true},
	{"ca", PATH(struct router_config, server_tls.client.ca)},
	{"name", .read = read_scalar, .parse = parse_text,
	 FIELD_MEMBER(struct router_config, server_tls.client.name),
	 .expected = "the host name that the servers' certificates are for"},
	{},
};

static const struct field fields[] = {
	PROCESS_FIELDS(struct router_config, process),
	{"listen", .read = read_list, .parse = parse_endpoint,
	 FIELD_LIST(struct router_config, listen, listen_count), .max = ROUTER_MAX_LISTENERS,
	 .expected = "address and port, as in 127.0.0.1:3306"},
	{"socket", PATH(struct router_config, socket)},
	{"servers", .read = read_map, .members = server_fields, .kind = "server",
	 .add = add_server, .name_is_valid = model_name_is_valid, .expected = NAME_EXPECTED,
	 .max = ROUTER_MAX_SERVERS, .required = true},
	{"users", PATH(struct router_config, users_file), .required = true},
	{"monitor", .read = read_object, .members = monitor_fields,
	 .offset = offsetof(struct router_config, monitor), .required = true,
	 .expected = "the account for checks: {user: NAME, password-file: PATH}"},
	{"limits", .read = read_object, .members = limits_fields,
	 .offset = offsetof(struct router_config, limits)},
	{"tls", .read = read_object, .members = tls_fields},
	{"server-tls", .read = read_object, .members = server_tls_fields},
	{"plugin", WORD(struct router_config, plugin, plugin_words)},
	{"consistency", WORD(struct router_config, consistency, consistency_words)},
	{"local-infile", .read = read_scalar, .parse = parse_bool,
	 FIELD_MEMBER(struct router_config, local_infile), .words = bool_words},
	{},
};
/* clang-format on */

static void set_defaults(struct router_config *config)
{
	process_settings_init(&config->process);
	config->process.drain_ms = PROCESS_MAX_DRAIN_MS;
	config->monitor.interval_ms = 250;
	config->monitor.timeout_ms = 1000;
	config->limits = (struct limits_config){
		.login_ms = 10000,
		.connect_ms = 2000,
		.idle_ms = 8 * 60 * 60 * 1000,
		.stall_ms = 60000,
		.statements = 1024,
		.lag_ms = 5000,
		.wait_ms = 500,
		.auth_failures = 100,
	};
}

/* --- what the tables cannot say ---------------------------------------------------- */

static int check_servers(const struct router_config *config, struct diag_list *diags)
{
	unsigned primaries = 0;

	for (size_t i = 0; i < config->server_count; i++)
		primaries += config->servers[i].role == ROLE_PRIMARY;
	if (!config->server_count)
		diag_add(diags, (struct place){0}, "servers: expected at least one");
	else if (primaries > 1)
		diag_add(diags, (struct place){0},
			 "servers: %u have role \"primary\": expected at most one", primaries);
	else
		return 0;
	return -EINVAL;
}

static int check_listeners(const struct router_config *config, struct diag_list *diags)
{
	if (config->listen_count || config->socket[0])
		return 0;
	diag_add(diags, (struct place){0}, "expected \"listen\" or \"socket\"");
	return -EINVAL;
}

static int read_password(struct monitor_config *monitor, struct diag_list *diags)
{
	FILE *file = NULL;
	bool read;

	if (!monitor->password_file[0])
		return 0;
	file = fopen(monitor->password_file, "re");
	if (!file) {
		diag_add(diags, (struct place){0}, "%s: cannot be read: %s", monitor->password_file,
			 strerror(errno));
		return -EINVAL;
	}
	read = fgets(monitor->password, sizeof(monitor->password), file);
	fclose(file);
	monitor->password[strcspn(monitor->password, "\r\n")] = '\0';
	if (read)
		return 0;
	diag_add(diags, (struct place){0}, "%s: expected a password in its first line",
		 monitor->password_file);
	return -EINVAL;
}

static int make_tls(struct router_config *config, struct diag_list *diags)
{
	struct tls_server_settings settings = {
		.certificates = {config->tls.files},
		.certificate_count = 1,
		.min_version = TLS1_2_VERSION,
	};
	struct tls_client_settings *client = &config->server_tls.client;
	int err = 0;

	client->verify = config->server_tls.mode == SERVER_TLS_VERIFY;
	if (config->tls.files.chain[0] && config->tls.mode != TLS_OFF)
		err = tls_server_create(&settings, &config->tls_server, diags);
	if (!err && config->server_tls.mode != SERVER_TLS_OFF)
		err = tls_client_create(client, &config->tls_client, diags);
	return err ? -EINVAL : 0;
}

static int finish(struct router_config *config, struct diag_list *diags)
{
	int err = check_servers(config, diags);

	if (check_listeners(config, diags))
		err = -EINVAL;
	if (read_password(&config->monitor, diags))
		err = -EINVAL;
	if (users_read(config->users_file, &config->users, diags))
		err = -EINVAL;
	if (make_tls(config, diags))
		err = -EINVAL;
	if (err)
		return err;
	config->rsa = EVP_RSA_gen(AUTH_RSA_BITS);
	err = config->rsa ? cluster_assign(config) : -EIO;
	if (err)
		diag_add(diags, (struct place){0}, "cannot start: %s", strerror(-err));
	return err ? -EINVAL : 0;
}

int router_config_read(const char *path, void **out, struct diag_list *diags)
{
	struct router_config *config = calloc(1, sizeof(*config));
	int err;

	if (!config)
		return -ENOMEM;
	set_defaults(config);
	config->tls.mode = TLS_OPTIONAL;
	config->plugin = AUTH_SHA2;
	err = settings_read(path, fields, config, diags);
	if (!err)
		err = finish(config, diags);
	if (err) {
		router_config_release(config);
		return err;
	}
	*out = config;
	return 0;
}

void router_config_release(void *object)
{
	struct router_config *config = object;

	users_fini(&config->users);
	EVP_PKEY_free(config->rsa);
	if (config->tls_server)
		tls_server_destroy(config->tls_server);
	SSL_CTX_free(config->tls_client);
	free(config->servers);
	free(config->listen);
	OPENSSL_cleanse(config->monitor.password, sizeof(config->monitor.password));
	free(config);
}

const struct process_settings *router_config_process(const void *object)
{
	return &((const struct router_config *)object)->process;
}

size_t router_config_listeners(const void *object, struct process_listener *out)
{
	const struct router_config *config = object;
	size_t count = 0;

	for (; count < config->listen_count; count++)
		out[count] = (struct process_listener){.at = config->listen[count]};
	if (config->socket[0]) {
		out[count] = (struct process_listener){};
		strcpy(out[count++].path, config->socket);
	}
	return count;
}
