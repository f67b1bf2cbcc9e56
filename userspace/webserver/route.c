/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "route.h"

#include <string.h>

/* How well it fits: 0 not at all, 1 as any host does, else the better the longer. */
static size_t fit_host(const char *name, struct http_slice host)
{
	size_t length = strlen(name);

	if (!strcmp(name, "*"))
		return 1;
	if (*name != '*')
		return http_slice_equal_nocase(http_slice_of(name), host) ? SIZE_MAX : 0;
	if (host.len < length)
		return 0;
	host.at += host.len - (length - 1);
	host.len = length - 1;
	return http_slice_equal_nocase(http_slice_of(name + 1), host) ? length : 0;
}

const struct web_site *route_find_site(const struct web_config *config, struct http_slice host)
{
	const struct web_site *found = NULL;
	size_t best = 0;

	/* "www.example.com." is the same host: RFC 1034, 3.1. */
	if (host.len && host.at[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < config->site_count; i++)
		for (size_t j = 0; j < config->sites[i].host_count; j++) {
			size_t fit = fit_host(config->sites[i].hosts[j].name, host);

			if (fit > best) {
				best = fit;
				found = &config->sites[i];
			}
		}
	return found;
}

/* "/a" stands for "/a" and "/a/b", not for "/ab"; "/a/" for what is below it. */
static bool begins_with(const char *path, const char *prefix, size_t length)
{
	return !strncmp(path, prefix, length) &&
	       (prefix[length - 1] == '/' || path[length] == '/' || !path[length]);
}

const struct web_route *route_find(const struct web_site *site, const char *path)
{
	const struct web_route *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < site->route_count; i++) {
		const struct web_route *route = &site->routes[i];
		size_t length = strlen(route->path);

		if (route->exact) {
			if (!strcmp(route->path, path))
				return route;
		} else if (length > longest && begins_with(path, route->path, length)) {
			longest = length;
			found = route;
		}
	}
	return found;
}

const char *route_rest(const struct web_route *route, const char *path)
{
	const char *rest = route->exact ? strrchr(path, '/') : path + strlen(route->path);

	return *rest == '/' ? rest + 1 : rest;
}
