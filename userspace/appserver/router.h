/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which handler answers a path: a tree of its segments. A fixed segment wins
 * over a parameter (":name"), that over the rest ("*name"), whatever the order in
 * which routes were added.
 */
#ifndef SLUICE_ROUTER_H
#define SLUICE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "http/tokens.h"

#define ROUTER_MAX_PARAMS   16
#define ROUTER_MAX_SEGMENTS 64 /* of a path that is looked up; longer ones have no route */

struct router_node;

struct router {
	struct router_node *root;
};

struct router_route {
	enum http_method method;
	const char *pattern; /* as it was added */
	void *target;	     /* the caller's */
	unsigned index;	     /* the caller's */
	char *names;	     /* of parameters, in their order, each ended by NUL */
};

struct router_match {
	const struct router_route *route; /* NULL: none */
	uint32_t allowed;		  /* methods (1 << enum http_method) that the path has */
	size_t param_count;
	struct router_param {
		const char *name; /* the route's, ended by NUL */
		struct http_slice value;
	} params[ROUTER_MAX_PARAMS];
};

void router_fini(struct router *router);
/* Calls `each` for every route. */
void router_each(const struct router *router, void (*each)(struct router_route *route));

/*
 * The pattern is copied. -EINVAL: it does not start with '/', has an empty segment or name,
 * a rest that is not last or too many parameters; -EEXIST: it is there; -ENOMEM.
 */
int router_add(struct router *router, enum http_method method, const char *pattern, void *target,
	       struct router_route **route) __must_check;

/* `path` is decoded and normalised. HEAD is served by GET if it has no route of its own. */
void router_find(const struct router *router, enum http_method method, struct http_slice path,
		 struct router_match *match);

#endif /* SLUICE_ROUTER_H */
