/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which site a host names, and which of its routes a path takes. Pure.
 */
#ifndef SLUICE_WEB_ROUTE_H
#define SLUICE_WEB_ROUTE_H

#include "config.h"

/*
 * By the host of a request (any case, without port): the site that names it,
 * else the one with the longest "*.suffix", else the one with "*"; else NULL.
 */
const struct web_site *route_find_site(const struct web_config *config, struct http_slice host);

/* The route of exactly this path, else the longest one that it begins with; NULL: none. */
const struct web_route *route_find(const struct web_site *site, const char *path);

/* What remains of the path for the route's directory: without '/' in front. */
const char *route_rest(const struct web_route *route, const char *path);

#endif /* SLUICE_WEB_ROUTE_H */
