/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Loading modules. Routes of all modules are one space: what two of them claim is a mistake.
 */
#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define SYMBOL "sluice_app"

static int report(struct app *app, struct diag_list *diags, const char *what, const char *why)
{
	diag_add(diags, app->config->place, "module \"%s\": %s%s%s", app->config->name, what,
		 why ? ": " : "", why ? why : "");
	return -EINVAL;
}

static int load(struct app *app, struct diag_list *diags)
{
	const struct app_module *module;
	char text[64];

	app->handle = dlopen(app->config->path, RTLD_NOW | RTLD_LOCAL);
	if (!app->handle)
		return report(app, diags, dlerror(), NULL);
	module = dlsym(app->handle, SYMBOL);
	if (!module)
		return report(app, diags, app->config->path,
			      "exports no \"" SYMBOL "\": not a module");
	if (module->abi != SLUICE_APP_ABI) {
		snprintf(text, sizeof(text), "made for version %u of sluice/app.h, this is %d",
			 module->abi, SLUICE_APP_ABI);
		return report(app, diags, app->config->path, text);
	}
	app->module = module;
	return 0;
}

static void report_templates(struct app *app, const struct diag_list *found,
			     struct diag_list *diags)
{
	for (size_t i = 0; i < found->count; i++)
		report(app, diags, app->config->templates, found->items[i].text);
}

static int load_templates(struct app *app, struct diag_list *diags)
{
	struct diag_list found = {0};
	int err;

	if (!*app->config->templates)
		return 0;
	err = template_set_load(app->config->templates, &app->templates, &found);
	report_templates(app, &found, diags);
	diag_fini(&found);
	return err;
}

static int start(struct app *app, struct diag_list *diags)
{
	int err = load_templates(app, diags);

	if (!err)
		err = load(app, diags);
	if (err)
		return err;
	err = app->module->start(app);
	if (err) {
		app->module = NULL;
		return report(app, diags, "it does not start", strerror(err < 0 ? -err : err));
	}
	return 0;
}

int modules_start(struct modules *modules, const struct app_config *config,
		  void (*added)(const char *label), struct diag_list *diags)
{
	int err = 0;

	*modules = (struct modules){.config = config, .added = added};
	for (size_t i = 0; i < config->module_count; i++) {
		struct app *app = &modules->apps[modules->count++];

		*app = (struct app){.modules = modules, .config = &config->modules[i]};
		if (start(app, diags))
			err = -EINVAL;
	}
	return err;
}

static void free_target(struct router_route *route)
{
	free(route->target);
}

void modules_stop(struct modules *modules)
{
	for (size_t i = modules->count; i--;) {
		struct app *app = &modules->apps[i];

		if (app->module && app->module->stop)
			app->module->stop(app);
	}
	router_each(&modules->router, free_target);
	router_fini(&modules->router);
	for (size_t i = modules->count; i--;) {
		struct app *app = &modules->apps[i];

		template_set_free(app->templates);
		if (app->handle)
			dlclose(app->handle);
	}
	modules->count = 0;
}

/* --- what modules call at their start ----------------------------------------------- */

static void log_refused_route(struct app *app, const char *method, const char *path, int err)
{
	app_log(app, NULL, APP_LOG_ERROR, "event=route-refused route=\"%s %s\" error=\"%s\"",
		method, path, strerror(-err));
}

int app_route(struct app *app, const char *method, const char *path, app_handler *handler)
{
	enum http_method id = http_method_find(http_slice_of(method));
	struct module_target *target = malloc(sizeof(*target));
	char label[APP_ROUTE_LEN];
	struct router_route *route;
	int err;

	if (!target)
		return -ENOMEM;
	*target = (struct module_target){app, handler};
	snprintf(label, sizeof(label), "%s %s", method, path);
	err = id == HTTP_METHOD_OTHER ? -EINVAL
				      : router_add(&app->modules->router, id, path, target, &route);
	if (err) {
		free(target);
		log_refused_route(app, method, path, err);
		return err;
	}
	if (app->modules->added)
		app->modules->added(label);
	route->index = app_config_route(label);
	return 0;
}

const char *app_setting(struct app *app, const char *key, const char *missing)
{
	for (size_t i = 0; i < app->config->setting_count; i++)
		if (!strcmp(app->config->settings[i].key, key))
			return app->config->settings[i].value;
	return missing;
}

int64_t app_setting_int(struct app *app, const char *key, int64_t missing)
{
	const char *text = app_setting(app, key, NULL);
	int64_t value;

	if (!text)
		return missing;
	if (app_int(text, INT64_MIN, INT64_MAX, &value))
		return value;
	app_log(app, NULL, APP_LOG_WARN, "event=setting-not-a-number setting=%s", key);
	return missing;
}

void app_set_data(struct app *app, void *data)
{
	app->data = data;
}

void *app_data(const struct app *app)
{
	return app->data;
}

const char *app_node(const struct app *app)
{
	return app->modules->config->process.node;
}
