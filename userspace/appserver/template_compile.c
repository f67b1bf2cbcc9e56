/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The source of a template to nodes. A line that holds nothing but one tag
 * that prints nothing leaves no empty line behind (mustache's standalone tags).
 */
#include "template_node.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tag {
	char sigil;		 /* of "#^/>$<!&{", or 0: a value */
	const char *start, *end; /* with its braces */
	const char *name;
	size_t name_length;
};

struct compiler {
	struct template *template;
	struct diag_list *diags;
	const char *at, *end;
	const char *line_start; /* of the line of `at` */
	unsigned line;
	char *names;
	size_t open[TEMPLATE_MAX_DEPTH]; /* nodes whose content is being read */
	size_t depth;
	int err;
};

static int mistake(struct compiler *c, unsigned line, const char *what, const char *name,
		   size_t length)
{
	struct place nowhere = {0};

	if (length > 60)
		length = 60;
	diag_add(c->diags, nowhere, "%s:%u: {{%.*s}}: %s", c->template->name, line, (int)length,
		 name, what);
	return -EINVAL;
}

static struct template_node *add_node(struct compiler *c, enum template_kind kind)
{
	struct template *template = c->template;
	struct template_node *node;

	if (template->count == template->size) {
		size_t size = template->size ? 2 * template->size : 32;

		node = reallocarray(template->nodes, size, sizeof(*node));
		if (!node) {
			c->err = -ENOMEM;
			return NULL;
		}
		template->nodes = node;
		template->size = size;
	}
	node = &template->nodes[template->count++];
	*node = (struct template_node){.kind = kind, .line = c->line};
	return node;
}

static void add_text(struct compiler *c, const char *from, const char *to)
{
	struct template_node *node = from < to ? add_node(c, TEMPLATE_TEXT) : NULL;

	if (node) {
		node->text = from;
		node->length = (size_t)(to - from);
	}
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || strchr("._-/", c);
}

/* "a.b.c", ".", or the path of a file. */
static bool is_name(const char *name, size_t length)
{
	bool dots = false;

	if (length == 1 && *name == '.')
		return true;
	if (!length || *name == '.' || name[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!name[i] || !is_name_char(name[i]) || (dots && name[i] == '.'))
			return false;
		dots = name[i] == '.';
	}
	return true;
}

/* The tag at `c->at`, which starts with "{{". */
static int read_tag(struct compiler *c, struct tag *tag)
{
	const char *inside = c->at + 2, *close;
	bool triple = inside < c->end && *inside == '{';
	const char *closing = triple ? "}}}" : "}}";

	close = memmem(inside, (size_t)(c->end - inside), closing, strlen(closing));
	if (!close)
		return mistake(c, c->line, "the tag is not closed", inside, strcspn(inside, "\n"));
	*tag = (struct tag){.start = c->at, .end = close + strlen(closing)};
	if (inside < close && strchr("#^/>$<!&{", *inside))
		tag->sigil = *inside++;
	while (inside < close && isspace((unsigned char)*inside))
		inside++;
	while (close > inside && isspace((unsigned char)close[-1]))
		close--;
	tag->name = inside;
	tag->name_length = (size_t)(close - inside);
	if (tag->sigil == '!' || is_name(tag->name, tag->name_length))
		return 0;
	return mistake(c, c->line, *inside == '=' ? "delimiters cannot be changed" : "not a name",
		       tag->name, tag->name_length);
}

/* Whether the tag has its line for itself; then *next is where the next line starts. */
static bool stands_alone(const struct compiler *c, const struct tag *tag, const char **next)
{
	const char *at = c->line_start;

	if (!tag->sigil || strchr("&{", tag->sigil))
		return false;
	while (at < tag->start && (*at == ' ' || *at == '\t'))
		at++;
	if (at != tag->start)
		return false;
	for (at = tag->end; at < c->end && (*at == ' ' || *at == '\t' || *at == '\r'); at++)
		;
	if (at < c->end && *at != '\n')
		return false;
	*next = at < c->end ? at + 1 : at;
	return true;
}

static void take_name(struct compiler *c, struct template_node *node, const struct tag *tag)
{
	node->text = c->names;
	node->length = tag->name_length;
	c->names = (char *)mempcpy(c->names, tag->name, tag->name_length) + 1;
}

static int open_node(struct compiler *c, const struct tag *tag, enum template_kind kind)
{
	struct template_node *node;

	if (template_has_content(kind) && c->depth == TEMPLATE_MAX_DEPTH)
		return mistake(c, c->line, "too many tags within each other", tag->name,
			       tag->name_length);
	node = add_node(c, kind);
	if (!node)
		return c->err;
	take_name(c, node, tag);
	if (template_has_content(kind))
		c->open[c->depth++] = c->template->count - 1;
	return 0;
}

static int close_node(struct compiler *c, const struct tag *tag)
{
	struct template_node *node;

	if (!c->depth)
		return mistake(c, c->line, "nothing is open here", tag->start + 2,
			       (size_t)(tag->end - tag->start) - 4);
	node = &c->template->nodes[c->open[--c->depth]];
	node->end = c->template->count;
	if (node->length == tag->name_length && !memcmp(node->text, tag->name, tag->name_length))
		return 0;
	diag_add(c->diags, (struct place){0},
		 "%s:%u: {{/%.*s}}: \"%s\" of line %u is to be closed first", c->template->name,
		 c->line, (int)tag->name_length, tag->name, node->text, node->line);
	return -EINVAL;
}

static int add_tag(struct compiler *c, const struct tag *tag)
{
	switch (tag->sigil) {
	case '!':
		return 0;
	case '/':
		return close_node(c, tag);
	case '#':
		return open_node(c, tag, TEMPLATE_SECTION);
	case '^':
		return open_node(c, tag, TEMPLATE_INVERTED);
	case '>':
		return open_node(c, tag, TEMPLATE_PARTIAL);
	case '<':
		return open_node(c, tag, TEMPLATE_LAYOUT);
	case '$':
		return open_node(c, tag, TEMPLATE_BLOCK);
	case '{':
	case '&':
		return open_node(c, tag, TEMPLATE_RAW);
	default:
		return open_node(c, tag, TEMPLATE_VALUE);
	}
}

/* Goes on to `to` and keeps count of lines. */
static void advance(struct compiler *c, const char *to)
{
	const char *newline;

	while ((newline = memchr(c->at, '\n', (size_t)(to - c->at)))) {
		c->line++;
		c->at = c->line_start = newline + 1;
	}
	c->at = to;
}

static int compile_next(struct compiler *c)
{
	const char *text = c->at, *next = memmem(c->at, (size_t)(c->end - c->at), "{{", 2);
	struct tag tag;
	bool alone;
	int err;

	advance(c, next ? next : c->end);
	if (!next) {
		add_text(c, text, c->end);
		return c->err;
	}
	err = read_tag(c, &tag);
	if (err)
		return err;
	next = tag.end;
	alone = stands_alone(c, &tag, &next);
	add_text(c, text, alone && c->line_start > text ? c->line_start : alone ? text : tag.start);
	err = c->err ? c->err : add_tag(c, &tag);
	advance(c, next);
	return err;
}

int template_compile(struct template *template, size_t length, struct diag_list *diags)
{
	struct compiler c = {
		.template = template,
		.diags = diags,
		.at = template->source,
		.end = template->source + length,
		.line_start = template->source,
		.line = 1,
	};
	int err = 0;

	/* A tag takes at least four bytes more than its name: room enough for all names. */
	template->names = c.names = calloc(1, length + 1);
	if (!c.names)
		return -ENOMEM;
	while (!err && c.at < c.end)
		err = compile_next(&c);
	if (!err && c.depth) {
		const struct template_node *node = &template->nodes[c.open[c.depth - 1]];

		err = mistake(&c, node->line, "is never closed", node->text, node->length);
	}
	return err;
}
