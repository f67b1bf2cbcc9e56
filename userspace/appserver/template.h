/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Templates in the manner of mustache(5), with the inheritance of its
 * specification: text with {{tags}}, compiled at start, filled from JSON. What a value holds is
 * escaped for HTML unless the template says otherwise. sluice/app.h lists the tags.
 *
 * Differences: delimiters cannot be changed, there are no lambdas, a partial is not
 * indented as its tag is.
 */
#ifndef SLUICE_TEMPLATE_H
#define SLUICE_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "diag.h"

#define TEMPLATE_MAX_FILES 1000
#define TEMPLATE_MAX_BYTES (1u << 20) /* of a file */
#define TEMPLATE_MAX_DEPTH 32	      /* of directories, of tags within tags, of templates in use */

struct template;
struct template_set;

/*
 * Compiles every file below a directory but those whose names start with a dot
 * or end with a tilde. -EINVAL: mistakes, in `diags` as "FILE:LINE: ..."; -errno: told there too.
 */
int template_set_load(const char *directory, struct template_set **out,
		      struct diag_list *diags) __must_check;
/* The same with one template called "main", from memory. */
int template_set_parse(const char *text, size_t length, struct template_set **out,
		       struct diag_list *diags) __must_check;
void template_set_free(struct template_set *set); /* NULL is harmless */

/* The name that means the token against forged requests. */
#define TEMPLATE_TOKEN "csrf"

/* Whether the template, or another that it uses, may ask for TEMPLATE_TOKEN. */
bool template_shows_token(const struct template *template);

/* By its path below the directory, or NULL. */
const struct template *template_find(const struct template_set *set, const char *name);

struct template_output {
	/* Not 0: rendering ends and returns it. */
	int (*write)(struct template_output *output, const char *text, size_t length);
	/* What a name means that the data do not know; NULL: nothing. May itself be NULL. */
	const char *(*lookup)(struct template_output *output, const char *name);
};

/* `data` may be NULL. 0, what write() returned, or -ELOOP: templates use each other endlessly. */
int template_render(const struct template *template, const json_t *data,
		    struct template_output *output) __must_check;

/* Text with & < > " ' escaped. */
int template_escape(struct template_output *output, const char *text, size_t length) __must_check;

#endif /* SLUICE_TEMPLATE_H */
