/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Application modules in a process: loaded, with their templates and routes.
 */
#ifndef SLUICE_MODULE_H
#define SLUICE_MODULE_H

#include "config.h"
#include "router.h"
#include "sluice/app.h"
#include "template.h"

struct app {
	struct modules *modules;
	const struct app_module_config *config;
	void *handle;
	const struct app_module *module; /* NULL: it did not start */
	struct template_set *templates;
	void *data; /* the module's */
};

/* All of a process; routes are one space. */
struct modules {
	const struct app_config *config;
	struct router router;
	void (*added)(const char *label); /* told of each route; may be NULL */
	size_t count;
	struct app apps[APP_MAX_MODULES];
};

/* What a route leads to. */
struct module_target {
	struct app *app;
	app_handler *handler;
};

/* -EINVAL: told in `diags`. Then, too, modules_stop() is to be called. */
int modules_start(struct modules *modules, const struct app_config *config,
		  void (*added)(const char *label), struct diag_list *diags) __must_check;
void modules_stop(struct modules *modules);

#endif /* SLUICE_MODULE_H */
