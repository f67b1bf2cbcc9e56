/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading the configuration: the file by its table of keys, what one value means for another, the
 * secrets that it names, and what the modules say of themselves.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_fields.h"
#include "probe.h"
#include "settings.h"

/* Of all configurations that this daemon has had: counters keep their meaning over a reload. */
static char route_labels[APP_MAX_ROUTES][APP_ROUTE_LEN] = {"none", "other", "/healthz"};
static unsigned route_count = APP_ROUTE_FIRST;

unsigned app_config_route(const char *label)
{
	for (unsigned i = APP_ROUTE_FIRST; i < route_count; i++)
		if (!strncmp(route_labels[i], label, APP_ROUTE_LEN - 1))
			return i;
	return APP_ROUTE_OTHER;
}

const char *app_config_route_label(unsigned index)
{
	return index < route_count ? route_labels[index] : NULL;
}

static void add_route_label(const char *label)
{
	if (app_config_route(label) == APP_ROUTE_OTHER && route_count < APP_MAX_ROUTES)
		strncpy(route_labels[route_count++], label, APP_ROUTE_LEN - 1);
}

static void set_defaults(struct app_config *config)
{
	process_settings_init(&config->process);
	http_server_settings_init(&config->http);
	config->session_ms = 12 * 60 * 60 * 1000;
	config->secure_cookies = true;
	config->request_ms = 30 * 1000;
	config->tasks = 10000;
	config->stack_bytes = 256u << 10;
	config->memory_bytes = 16u << 20;
	config->form_bytes = 1u << 20;
	config->response_bytes = 64u << 10;
	config->database.connections = 32;
	config->database.connect_ms = 2000;
	config->database.wait_ms = 5000;
	config->database.statement_ms = 20 * 1000;
	config->database.idle_ms = 60 * 1000;
	config->database.rows_bytes = 16u << 20;
}

/* --- checks ------------------------------------------------------------------------- */

/* The first line of the file. */
static void read_password(struct database_settings *database, struct diag_list *diags)
{
	int fd = open(database->password_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = -1;

	if (fd >= 0)
		length = read(fd, database->password, sizeof(database->password) - 1);
	if (length < 0)
		diag_add(diags, (struct place){0}, "password-file \"%s\": %s",
			 database->password_file, strerror(errno));
	else
		database->password[strcspn(database->password, "\r\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void check_database(struct app_config *config, struct diag_list *diags)
{
	struct database_settings *database = &config->database;

	config->has_database = *database->user;
	if (!config->has_database)
		return;
	if (database->has_server == (*database->socket != '\0'))
		diag_add(diags, (struct place){0},
			 "database: expected either \"server\" or \"socket\"");
	if (*database->password_file)
		read_password(database, diags);
}

static int check(struct app_config *config, struct diag_list *diags)
{
	int err = 0;

	check_database(config, diags);
	if (!config->module_count)
		diag_add(diags, (struct place){0}, "modules: expected at least one");
	if (*config->session_keys)
		err = seal_keys_read(config->session_keys, &config->keys, diags);
	else
		err = seal_keys_random(&config->keys);
	if (!err && !diags->count)
		err = probe_modules(config, add_route_label, diags);
	return diags->count ? -EINVAL : err;
}

int app_config_read(const char *path, void **out, struct diag_list *diags)
{
	struct app_config *config = calloc(1, sizeof(*config));
	int err;

	if (!config)
		return -ENOMEM;
	set_defaults(config);
	err = settings_read(path, app_config_fields, config, diags);
	if (!err)
		err = check(config, diags);
	if (err)
		app_config_free(config);
	else
		*out = config;
	return err;
}

void app_config_free(void *object)
{
	struct app_config *config = object;

	for (size_t i = 0; i < config->module_count; i++)
		free(config->modules[i].settings);
	free(config->modules);
	free(config->listen);
	free(config->trusted);
	explicit_bzero(config, sizeof(*config));
	free(config);
}
