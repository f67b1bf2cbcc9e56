/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading the configuration: the file by its table of keys, then what one value
 * means for another, then what it names: directories, error pages, types.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_fields.h"
#include "model_array.h"
#include "settings.h"

/* --- checks ----------------------------------------------------------------------------- */

static void check_directory(struct diag_list *diags, struct place at, const char *key,
			    const char *path)
{
	struct stat status;

	if (stat(path, &status))
		diag_add(diags, at, "%s \"%s\": %s", key, path, strerror(errno));
	else if (!S_ISDIR(status.st_mode))
		diag_add(diags, at, "%s \"%s\": not a directory", key, path);
}

static void find_upstream(const struct web_config *config, struct web_route *route,
			  struct diag_list *diags)
{
	for (size_t i = 0; i < config->upstream_count; i++)
		if (!strcmp(config->upstreams[i].name, route->proxy)) {
			route->upstream = i;
			return;
		}
	diag_add(diags, route->place, "route \"%s\": there is no upstream \"%s\"", route->path,
		 route->proxy);
}

static bool is_same_route(const struct web_route *a, const struct web_route *b)
{
	return a->exact == b->exact && !strcmp(a->path, b->path);
}

static void check_route(struct web_config *config, struct web_site *site, size_t index,
			struct diag_list *diags)
{
	struct web_route *route = &site->routes[index];

	route->number = config->route_count++;
	if (!*route->files == !*route->proxy)
		diag_add(diags, route->place,
			 "route \"%s\": expected either \"files\" or \"proxy\"", route->path);
	else if (*route->proxy)
		find_upstream(config, route, diags);
	else
		check_directory(diags, route->place, "files", route->files);
	for (size_t i = 0; i < index; i++)
		if (is_same_route(&site->routes[i], route))
			diag_add(diags, route->place,
				 "route \"%s\" is given twice: first on line %u", route->path,
				 site->routes[i].place.line);
}

/* What no route takes is looked for below the root. */
static int add_root_route(struct web_site *site)
{
	struct web_route *route =
		model_array_add(&site->routes, &site->route_count, sizeof(*site->routes));

	if (!route)
		return -ENOMEM;
	route->place = site->place;
	strcpy(route->path, "/");
	strcpy(route->files, site->root);
	return 0;
}

static int collect_fields(const struct web_config *config, struct web_site *site)
{
	size_t used = 0;

	site->pairs = calloc(2 * site->field_count + 3, sizeof(*site->pairs));
	if (!site->pairs)
		return -ENOMEM;
	site->pairs[used++] = "X-Sluice-Web";
	site->pairs[used++] = config->process.node;
	for (size_t i = 0; i < site->field_count; i++)
		if (*site->fields[i].value) {
			site->pairs[used++] = site->fields[i].name;
			site->pairs[used++] = site->fields[i].value;
		}
	return 0;
}

static int check_site(struct web_config *config, struct web_site *site, struct diag_list *diags)
{
	int err = 0;

	site->number = (size_t)(site - config->sites);
	if (*site->root)
		err = add_root_route(site);
	if (!err && !site->route_count)
		diag_add(diags, site->place, "the site has neither \"root\" nor \"routes\"");
	for (size_t i = 0; i < site->route_count && !err; i++)
		check_route(config, site, i, diags);
	return err ? err : collect_fields(config, site);
}

static void check_upstreams(struct web_config *config, struct diag_list *diags)
{
	for (size_t i = 0; i < config->upstream_count; i++)
		config->server_count += config->upstreams[i].server_count;
	if (config->server_count > WEB_MAX_SERVERS)
		diag_add(diags, config->upstreams[0].place,
			 "%zu servers in all upstreams: expected at most %d", config->server_count,
			 WEB_MAX_SERVERS);
}

/* --- error pages ------------------------------------------------------------------------ */

/* 0 if there is none. */
static int read_page(int dir, unsigned status, struct web_page *page)
{
	char name[16], *text;
	ssize_t length;
	int fd, err = 0;

	snprintf(name, sizeof(name), "%u.html", status);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	text = malloc(WEB_PAGE_MAX + 1);
	length = text ? read(fd, text, WEB_PAGE_MAX + 1) : -1;
	if (length < 0)
		err = text ? -errno : -ENOMEM;
	else if (length > (ssize_t)WEB_PAGE_MAX)
		err = -EFBIG;
	else
		*page = (struct web_page){text, (size_t)length};
	if (err)
		free(text);
	close(fd);
	return err;
}

static void read_pages(struct web_config *config, struct diag_list *diags)
{
	int dir = open(config->error_pages, O_PATH | O_DIRECTORY | O_CLOEXEC), err;

	if (dir < 0) {
		diag_add(diags, (struct place){0}, "error-pages \"%s\": %s", config->error_pages,
			 strerror(errno));
		return;
	}
	for (unsigned i = 0; i < WEB_PAGE_COUNT; i++) {
		err = read_page(dir, WEB_PAGE_FIRST + i, &config->pages[i]);
		if (err)
			diag_add(diags, (struct place){0}, "error-pages \"%s/%u.html\": %s",
				 config->error_pages, WEB_PAGE_FIRST + i, strerror(-err));
	}
	close(dir);
}

/* --- the whole -------------------------------------------------------------------------- */

static int check(struct web_config *config, struct diag_list *diags)
{
	int err = types_read(&config->types, config->types_file, diags);

	check_upstreams(config, diags);
	for (size_t i = 0; i < config->site_count && err != -ENOMEM; i++)
		if (check_site(config, &config->sites[i], diags))
			err = -ENOMEM;
	if (*config->error_pages)
		read_pages(config, diags);
	if (err == -ENOMEM)
		diag_add(diags, (struct place){0}, "%s", strerror(ENOMEM));
	return diags->count ? -EINVAL : 0;
}

int web_config_read(const char *path, void **out, struct diag_list *diags)
{
	struct web_config *config = calloc(1, sizeof(*config));
	int err;

	if (!config)
		return -ENOMEM;
	process_settings_init(&config->process);
	http_server_settings_init(&config->http);
	strcpy(config->health, "/healthz");
	config->open_files = 512;
	err = settings_read(path, web_config_fields, config, diags);
	if (!err)
		err = check(config, diags);
	if (err) {
		web_config_free(config);
		return err;
	}
	*out = config;
	return 0;
}

void web_config_free(void *object)
{
	struct web_config *config = object;

	for (size_t i = 0; i < config->site_count; i++) {
		free(config->sites[i].hosts);
		free(config->sites[i].routes);
		free(config->sites[i].fields);
		free(config->sites[i].pairs);
	}
	for (size_t i = 0; i < WEB_PAGE_COUNT; i++)
		free(config->pages[i].text);
	types_fini(&config->types);
	free(config->listen);
	free(config->trusted);
	free(config->upstreams);
	free(config->sites);
	free(config);
}
