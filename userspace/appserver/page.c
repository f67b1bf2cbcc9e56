/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whole responses: pages from templates, JSON, redirections, errors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

struct page {
	struct template_output output;
	struct app_request *request;
};

static int write_page(struct template_output *output, const char *text, size_t length)
{
	return response_write(container_of(output, struct page, output)->request, text, length);
}

/* What every template knows. */
static const char *lookup(struct template_output *output, const char *name)
{
	struct app_request *r = container_of(output, struct page, output)->request;

	if (!strcmp(name, TEMPLATE_TOKEN))
		return app_csrf_token(r);
	if (!strcmp(name, "node"))
		return r->worker->config->process.node;
	if (!strcmp(name, "path"))
		return r->path;
	if (!strcmp(name, "request_id"))
		return r->id;
	return NULL;
}

static int render(struct app_request *r, const struct template *template, json_t *data)
{
	struct page page = {.output = {write_page, lookup}, .request = r};
	int err;

	/* Its cookie has to leave before the page, which may be too large to be collected. */
	if (template_shows_token(template) && !r->streaming)
		app_csrf_token(r);
	err = template_render(template, data, &page.output);
	json_decref(data);
	return err;
}

int app_render(struct app_request *r, const char *name, json_t *data)
{
	const struct template *template = template_find(r->app->templates, name);

	if (template)
		return render(r, template, data);
	json_decref(data);
	app_log(r->app, r, APP_LOG_ERROR, "event=no-such-template template=\"%s\"", name);
	app_error(r, 500, "A page is missing.");
	return -ENOENT;
}

int app_write(struct app_request *r, const void *data, size_t length)
{
	return response_write(r, data, length);
}

int app_puts(struct app_request *r, const char *text)
{
	return response_write(r, text, strlen(text));
}

int app_printf(struct app_request *r, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int length, err;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	err = response_write(r, text, (size_t)length);
	free(text);
	return err;
}

int app_write_escaped(struct app_request *r, const char *text)
{
	struct page page = {.output = {write_page, NULL}, .request = r};

	return template_escape(&page.output, text, strlen(text));
}

int app_json_reply(struct app_request *r, unsigned status, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int err = text ? 0 : -EINVAL;

	json_decref(value);
	if (!err && !response_restart(r))
		err = -EALREADY;
	if (!err)
		err = app_status(r, status);
	if (!err)
		err = app_set_header(r, "Content-Type", "application/json");
	if (!err)
		err = app_puts(r, text);
	if (!err)
		err = app_puts(r, "\n");
	free(text);
	return err;
}

int app_redirect(struct app_request *r, const char *location)
{
	int err;

	/* Browsers take '\' for '/': both would lead to another site. */
	if (*location != '/' || location[1] == '/' || strpbrk(location, "\\ \t"))
		return -EINVAL;
	if (!response_restart(r))
		return -EALREADY;
	err = app_set_header(r, "Location", location);
	return err ? err : app_status(r, 303);
}

/* --- errors ------------------------------------------------------------------------- */

static void plain_error(struct app_request *r, unsigned status, const char *message)
{
	app_printf(r,
		   "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
		   "<meta name=\"viewport\" content=\"width=device-width\">"
		   "<title>%u %s</title><h1>%s</h1><p>",
		   status, http_status_reason(status), http_status_reason(status));
	app_write_escaped(r, message);
	app_puts(r, "</p></html>\n");
}

int app_error(struct app_request *r, unsigned status, const char *message)
{
	const struct template *template = template_find(r->app->templates, "error.html");
	json_t *data;
	int err;

	if (!response_restart(r))
		return -EALREADY;
	err = app_status(r, status);
	if (!err)
		err = app_set_header(r, "Content-Type", "text/html; charset=utf-8");
	if (!err)
		err = app_set_header(r, "Cache-Control", "no-store");
	if (err)
		return err;
	data = json_pack("{s:i, s:s, s:s}", "status", (int)status, "reason",
			 http_status_reason(status), "message", message ? message : "");
	if (template && data && !render(r, template, json_incref(data)))
		;
	else if (response_restart(r))
		plain_error(r, status, message ? message : "");
	json_decref(data);
	return 0;
}
