/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tree: a node for each segment, its fixed children in a list (an
 * application has tens of routes, not thousands), at most one parameter and one rest beside them.
 * Two routes may name the same parameter differently; names belong to routes.
 */
#include "router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct router_node {
	struct http_slice text; /* of a fixed segment, owned */
	struct router_node *next;
	struct router_node *fixed, *param, *rest;
	struct router_route *routes[HTTP_METHOD_COUNT];
};

static void route_free(struct router_route *route)
{
	if (!route)
		return;
	free((char *)route->pattern);
	free(route->names);
	free(route);
}

static void node_free(struct router_node *node)
{
	while (node) {
		struct router_node *next = node->next;

		node_free(node->fixed);
		node_free(node->param);
		node_free(node->rest);
		for (size_t i = 0; i < HTTP_METHOD_COUNT; i++)
			route_free(node->routes[i]);
		free((char *)node->text.at);
		free(node);
		node = next;
	}
}

static void node_each(const struct router_node *node, void (*each)(struct router_route *route))
{
	for (; node; node = node->next) {
		for (size_t i = 0; i < HTTP_METHOD_COUNT; i++)
			if (node->routes[i])
				each(node->routes[i]);
		node_each(node->fixed, each);
		node_each(node->param, each);
		node_each(node->rest, each);
	}
}

void router_each(const struct router *router, void (*each)(struct router_route *route))
{
	node_each(router->root, each);
}

void router_fini(struct router *router)
{
	node_free(router->root);
	router->root = NULL;
}

/* The next segment of a path that starts with '/'; false at its end. "/" has one, empty. */
static bool next_segment(struct http_slice *path, struct http_slice *segment)
{
	const char *slash;

	if (!path->len)
		return false;
	segment->at = path->at + 1;
	slash = memchr(segment->at, '/', path->len - 1);
	segment->len = slash ? (size_t)(slash - segment->at) : path->len - 1;
	path->at += 1 + segment->len;
	path->len -= 1 + segment->len;
	return true;
}

static int check_pattern(const char *pattern)
{
	struct http_slice path = http_slice_of(pattern), segment;
	size_t params = 0, segments = 0;

	if (*pattern != '/')
		return -EINVAL;
	while (next_segment(&path, &segment)) {
		bool named = segment.len && (*segment.at == ':' || *segment.at == '*');

		/* "/products/" ends with an empty segment, "/a//b" has one where no path has. */
		if (!segment.len && path.len)
			return -EINVAL;
		if (named && (segment.len == 1 || ++params > ROUTER_MAX_PARAMS))
			return -EINVAL;
		if (named && *segment.at == '*' && path.len)
			return -EINVAL;
		if (++segments > ROUTER_MAX_SEGMENTS)
			return -EINVAL;
	}
	return 0;
}

static struct router_node *find_fixed(const struct router_node *node, struct http_slice segment)
{
	for (struct router_node *child = node->fixed; child; child = child->next)
		if (http_slice_equal(child->text, segment))
			return child;
	return NULL;
}

static struct router_node *add_fixed(struct router_node *node, struct http_slice segment)
{
	struct router_node *child = find_fixed(node, segment);

	if (child)
		return child;
	child = calloc(1, sizeof(*child));
	if (!child)
		return NULL;
	child->text = (struct http_slice){strndup(segment.at, segment.len), segment.len};
	if (!child->text.at) {
		free(child);
		return NULL;
	}
	child->next = node->fixed;
	node->fixed = child;
	return child;
}

static struct router_node *add_segment(struct router_node *node, struct http_slice segment)
{
	struct router_node **place;

	if (!segment.len || (*segment.at != ':' && *segment.at != '*'))
		return add_fixed(node, segment);
	place = *segment.at == ':' ? &node->param : &node->rest;
	if (!*place)
		*place = calloc(1, sizeof(**place));
	return *place;
}

static struct router_route *route_create(enum http_method method, const char *pattern, void *target)
{
	struct http_slice path = http_slice_of(pattern), segment;
	struct router_route *route = calloc(1, sizeof(*route));
	char *at;

	if (!route)
		return NULL;
	*route = (struct router_route){
		.method = method, .pattern = strdup(pattern), .target = target};
	route->names = at = calloc(1, path.len + 1);
	if (!route->pattern || !route->names) {
		route_free(route);
		return NULL;
	}
	while (next_segment(&path, &segment))
		if (segment.len && (*segment.at == ':' || *segment.at == '*'))
			at = (char *)mempcpy(at, segment.at + 1, segment.len - 1) + 1;
	return route;
}

int router_add(struct router *router, enum http_method method, const char *pattern, void *target,
	       struct router_route **out)
{
	struct http_slice path = http_slice_of(pattern), segment;
	struct router_node *node;
	struct router_route *route;
	int err = check_pattern(pattern);

	if (err)
		return err;
	if (!router->root)
		router->root = calloc(1, sizeof(*router->root));
	node = router->root;
	while (node && next_segment(&path, &segment))
		node = add_segment(node, segment);
	if (!node)
		return -ENOMEM;
	if (node->routes[method])
		return -EEXIST;
	route = route_create(method, pattern, target);
	if (!route)
		return -ENOMEM;
	node->routes[method] = route;
	*out = route;
	return 0;
}

/* --- looking up --------------------------------------------------------------------- */

struct search {
	enum http_method method;
	struct router_match *match;
	struct http_slice values[ROUTER_MAX_PARAMS];
	size_t count;
};

static void name_params(const struct search *search, const struct router_route *route)
{
	struct router_match *match = search->match;
	const char *name = route->names;

	match->route = route;
	match->param_count = search->count;
	for (size_t i = 0; i < search->count; i++) {
		match->params[i].name = name;
		match->params[i].value = search->values[i];
		name += strlen(name) + 1;
	}
}

static bool take_node(struct search *search, const struct router_node *node)
{
	const struct router_route *route = node->routes[search->method];

	if (!route && search->method == HTTP_METHOD_HEAD)
		route = node->routes[HTTP_METHOD_GET];
	for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++)
		if (node->routes[i])
			search->match->allowed |= 1u << i;
	if (!route)
		return false;
	name_params(search, route);
	return true;
}

static bool descend(struct search *search, const struct router_node *node, struct http_slice path);

static bool descend_with(struct search *search, const struct router_node *node,
			 struct http_slice value, struct http_slice path)
{
	bool found;

	if (!node || !value.len)
		return false;
	search->values[search->count++] = value;
	found = descend(search, node, path);
	search->count--;
	return found;
}

/* Goes back and takes the next kind of child where the better one led nowhere. */
static bool descend(struct search *search, const struct router_node *node, struct http_slice path)
{
	struct http_slice segment, whole = path;
	const struct router_node *child;

	if (!next_segment(&path, &segment))
		return take_node(search, node);
	child = find_fixed(node, segment);
	if (child && descend(search, child, path))
		return true;
	if (descend_with(search, node->param, segment, path))
		return true;
	whole.at++;
	whole.len--;
	return descend_with(search, node->rest, whole, (struct http_slice){"", 0});
}

static size_t count_segments(struct http_slice path)
{
	struct http_slice segment;
	size_t count = 0;

	while (next_segment(&path, &segment))
		count++;
	return count;
}

void router_find(const struct router *router, enum http_method method, struct http_slice path,
		 struct router_match *match)
{
	struct search search = {.method = method, .match = match};

	match->route = NULL;
	match->allowed = 0;
	match->param_count = 0;
	if (router->root && path.len && *path.at == '/' &&
	    count_segments(path) <= ROUTER_MAX_SEGMENTS)
		descend(&search, router->root, path);
}
