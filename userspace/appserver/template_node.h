/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A compiled template: a flat list of nodes, in their order. One that has content is followed by
 * it; `end` is where it ends. Private to template_*.c.
 */
#ifndef SLUICE_TEMPLATE_NODE_H
#define SLUICE_TEMPLATE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "template.h"

enum template_kind {
	TEMPLATE_TEXT,
	TEMPLATE_VALUE,	   /* {{name}} */
	TEMPLATE_RAW,	   /* {{{name}}} */
	TEMPLATE_SECTION,  /* {{#name}} */
	TEMPLATE_INVERTED, /* {{^name}} */
	TEMPLATE_PARTIAL,  /* {{>name}} */
	TEMPLATE_LAYOUT,   /* {{<name}} */
	TEMPLATE_BLOCK,	   /* {{$name}} */
};

struct template_node {
	enum template_kind kind;
	unsigned line;
	const char *text; /* of the template's source; of names: in its `names`, ended by NUL */
	size_t length;
	size_t end;		      /* index of the first node behind its content */
	const struct template *other; /* of a partial or layout */
};

struct template
{
	char *name;
	char *source;
	char *names;
	struct template_node *nodes;
	size_t count, size;
	bool shows_token; /* TEMPLATE_TOKEN, itself or by others */
};

struct template_set {
	struct template *templates; /* sorted by name */
	size_t count;
};

/* Whether there is content behind nodes of this kind. */
static inline bool template_has_content(enum template_kind kind)
{
	return kind == TEMPLATE_SECTION || kind == TEMPLATE_INVERTED || kind == TEMPLATE_LAYOUT ||
	       kind == TEMPLATE_BLOCK;
}

/*
 * Compiles template->source, of `length` bytes, which the nodes point into. `other` is not set.
 * -EINVAL: in `diags`; -ENOMEM.
 */
int template_compile(struct template *template, size_t length,
		     struct diag_list *diags) __must_check;

#endif /* SLUICE_TEMPLATE_NODE_H */
