/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The router's configuration and its users file: what is read, and what each
 * mistake is told, with its place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../userspace/mysqlrouter/router_config.h"
#include "../support/unit.h"

static char directory[] = "/tmp/sluice-mysql-config.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

/* DIR in the text is the tests' directory. */
static void write_config(const char *text)
{
	char *expanded = calloc(1, strlen(text) * 8 + 1), *to = expanded;

	for (const char *from = text; *from;) {
		if (!strncmp(from, "DIR", 3)) {
			to = stpcpy(to, directory);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	write_file("router.yaml", expanded);
	free(expanded);
}

/* The messages, each "LINE: text", one a line; the directory's name is left out. */
static const char *mistakes_of(const char *text)
{
	static char seen[4096];
	struct diag_list diags = {};
	size_t used = 0;
	void *config = NULL;

	write_config(text);
	seen[0] = '\0';
	if (!router_config_read(path_of("router.yaml"), &config, &diags))
		router_config_release(config);
	for (size_t i = 0; i < diags.count; i++) {
		const char *message = diags.items[i].text;

		if (!strncmp(message, directory, strlen(directory)))
			message += strlen(directory) + 1;
		used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%u: %s\n",
					 diags.items[i].at.line, message);
	}
	diag_fini(&diags);
	return seen;
}

#define SMALLEST                                                                                   \
	"listen: \"127.0.0.1:3306\"\n"                                                             \
	"servers: {db1: {address: \"127.0.0.1:3307\"}}\n"                                          \
	"users: DIR/users.yaml\n"                                                                  \
	"monitor: {user: monitor}\n"

static void smallest_configuration_has_defaults(void)
{
	struct diag_list diags = {};
	struct router_config *config;
	void *read = NULL;

	write_file("users.yaml", "users: {b: {password: two}, a: {password: 'o n e'}}\n");
	write_config(SMALLEST);
	CU_ASSERT_EQUAL_FATAL(router_config_read(path_of("router.yaml"), &read, &diags), 0);
	config = read;
	CU_ASSERT_EQUAL(config->server_count, 1);
	CU_ASSERT_EQUAL(config->monitor.interval_ms, 250);
	CU_ASSERT_EQUAL(config->limits.lag_ms, 5000);
	CU_ASSERT_EQUAL(config->plugin, AUTH_SHA2);
	CU_ASSERT_FALSE(config->local_infile);
	CU_ASSERT_EQUAL(config->users.count, 2);
	UNIT_ASSERT_TEXT(users_find(&config->users, (struct span){"a", 1})->secret.password,
			 "o n e");
	CU_ASSERT_PTR_NULL(users_find(&config->users, (struct span){"c", 1}));
	CU_ASSERT_PTR_NULL(users_find(&config->users, (struct span){"", 0}));
	router_config_release(config);
}

static void mistakes_are_told_with_their_place(void)
{
	write_file("users.yaml", "users: {a: {password: one}}\n");
	UNIT_ASSERT_TEXT(mistakes_of(SMALLEST "lokal-infile: true\nplugin: sha256\n"),
			 "5: unknown key \"lokal-infile\" (did you mean \"local-infile\"?)\n"
			 "6: plugin \"sha256\": expected mysql_native_password or "
			 "caching_sha2_password\n");
	UNIT_ASSERT_TEXT(mistakes_of("users: DIR/users.yaml\nmonitor: {user: monitor}\n"
				     "servers: {db1: {address: \"10.0.0.1:1\", role: primary}, "
				     "db2: {address: \"10.0.0.2:1\", role: primary}}\n"),
			 "0: servers: 2 have role \"primary\": expected at most one\n"
			 "0: expected \"listen\" or \"socket\"\n");
	UNIT_ASSERT_TEXT(mistakes_of(SMALLEST "tls: {certificate: DIR/none.pem}\n"),
			 "0: none.pem: no chain of certificates can be read: No such file or "
			 "directory\n");
}

static void mistakes_among_users_name_their_file(void)
{
	write_file("users.yaml", "users:\n"
				 "  a: {pasword: one}\n"
				 "  b: {password: one, hash: '*00'}\n"
				 "  c: {hash: '*00'}\n"
				 "  d:\n");
	UNIT_ASSERT_TEXT(
		mistakes_of(SMALLEST),
		"0: users.yaml:2:7: user \"a\": unknown key \"pasword\" (did you mean "
		"\"password\"?)\n"
		"0: users.yaml:2:3: user \"a\": expected either \"password\" or \"hash\"\n"
		"0: users.yaml:3:3: user \"b\": expected either \"password\" or \"hash\"\n"
		"0: users.yaml:4:3: user \"c\": not a hash: expected \"*\" and 40 hexadecimal "
		"digits\n"
		"0: users.yaml:5:3: user \"d\": expected either \"password\" or \"hash\"\n");
	unlink(path_of("users.yaml"));
	UNIT_ASSERT_TEXT(mistakes_of(SMALLEST),
			 "0: users.yaml: cannot be read: No such file or directory\n");
}

static void heartbeat_must_be_a_plain_table(void)
{
	static const char *const bad[] = {"heartbeat", "a.b.c", "a.b c", ".a", "a.", "a.b;--"};

	write_file("users.yaml", "users: {}\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "socket: /tmp/s\nservers: {a: {address: \"10.0.0.1:1\"}}\n"
			 "users: DIR/users.yaml\nmonitor: {user: m, heartbeat: '%s'}\n",
			 bad[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(mistakes_of(text), "expected a table"));
	}
}

static void clean_up(void)
{
	unlink(path_of("router.yaml"));
	unlink(path_of("users.yaml"));
	rmdir(directory);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(smallest_configuration_has_defaults),
		UNIT_TEST(mistakes_are_told_with_their_place),
		UNIT_TEST(mistakes_among_users_name_their_file),
		UNIT_TEST(heartbeat_must_be_a_plain_table),
		{},
	};
	int code;

	if (!mkdtemp(directory))
		return 1;
	code = unit_run("mysql configuration", tests);
	clean_up();
	return code;
}
