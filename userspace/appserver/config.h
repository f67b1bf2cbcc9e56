/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The configuration of sluice-app, read and checked by the master: also secrets, and the routes
 * that the modules have. The latter are asked for in a child without privileges,
 * so that the master never runs a module's code.
 */
#ifndef SLUICE_APP_CONFIG_H
#define SLUICE_APP_CONFIG_H

#include "database.h"
#include "http/server.h"
#include "process.h"
#include "seal.h"

#define APP_PATH_LEN	 256
#define APP_MAX_MODULES	 16
#define APP_MAX_SETTINGS 256 /* of one module */
#define APP_MAX_ROUTES	 256 /* told apart by metrics; those of all configurations so far */
#define APP_ROUTE_LEN	 96

/* Labels of metrics that are no route of a module. */
enum { APP_ROUTE_NONE, APP_ROUTE_OTHER, APP_ROUTE_HEALTH, APP_ROUTE_FIRST };

struct app_setting {
	struct place place;
	char key[64];
	char value[512];
};

struct app_module_config {
	struct place place;
	char name[SLUICE_NAME_LEN];
	char path[APP_PATH_LEN];
	char templates[APP_PATH_LEN]; /* directory; "": none */
	struct app_setting *settings;
	size_t setting_count;
};

struct app_config {
	struct process_settings process;
	struct http_server_settings http;
	struct endpoint *listen;
	size_t listen_count;
	struct prefix *trusted; /* proxies whose X-Forwarded-* and X-Request-ID are believed */
	size_t trusted_count;
	char session_keys[APP_PATH_LEN];
	struct seal_keys keys;
	unsigned session_ms;
	bool secure_cookies;
	unsigned request_ms;
	unsigned tasks; /* requests at a time in each worker */
	unsigned stack_bytes, memory_bytes, form_bytes, response_bytes;
	struct database_settings database;
	bool has_database;
	struct app_module_config *modules;
	size_t module_count;
};

/* For struct process_daemon. */
int app_config_read(const char *path, void **config, struct diag_list *diags);
void app_config_free(void *config);

/* The label of metrics that "GET /path" has: an index below APP_MAX_ROUTES. */
unsigned app_config_route(const char *label);
/* The label with that index, or NULL. */
const char *app_config_route_label(unsigned index);

#endif /* SLUICE_APP_CONFIG_H */
