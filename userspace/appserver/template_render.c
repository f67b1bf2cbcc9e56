/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fills a template. A name is looked for in the innermost section's value, then outwards; behind a
 * dot only in what was found so far.
 */
#include "template_node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A layout in use: the tag that named it holds the blocks that replace the layout's. */
struct frame {
	const struct template *template;
	size_t layout; /* index of that tag's node */
	const struct frame *outer;
};

struct renderer {
	struct template_output *output;
	const json_t *scope[TEMPLATE_MAX_DEPTH + 1];
	size_t scopes;
	unsigned depth;
};

/* A value of the data, or a text from outside. */
struct value {
	const json_t *json;
	const char *text;
};

static int put(const struct renderer *r, const char *text, size_t length)
{
	return length ? r->output->write(r->output, text, length) : 0;
}

static const char *escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

int template_escape(struct template_output *output, const char *text, size_t length)
{
	size_t done = 0;
	int err = 0;

	for (size_t i = 0; i < length && !err; i++) {
		const char *escape = escape_of(text[i]);

		if (!escape)
			continue;
		if (i > done)
			err = output->write(output, text + done, i - done);
		if (!err)
			err = output->write(output, escape, strlen(escape));
		done = i + 1;
	}
	if (!err && done < length)
		err = output->write(output, text + done, length - done);
	return err;
}

/* --- values ------------------------------------------------------------------------- */

static const json_t *member(const json_t *object, const char *name, size_t length)
{
	return json_is_object(object) ? json_object_getn(object, name, length) : NULL;
}

static struct value find(const struct renderer *r, const struct template_node *node)
{
	const char *name = node->text;
	size_t length = strcspn(name, ".");
	struct value value = {0};

	if (!strcmp(name, ".")) {
		value.json = r->scopes ? r->scope[r->scopes - 1] : NULL;
		return value;
	}
	for (size_t i = r->scopes; i-- && !value.json;)
		value.json = member(r->scope[i], name, length);
	if (!value.json && !name[length] && r->output->lookup)
		value.text = r->output->lookup(r->output, name);
	while (value.json && name[length]) {
		name += length + 1;
		length = strcspn(name, ".");
		value.json = member(value.json, name, length);
	}
	return value;
}

static bool is_true(struct value value)
{
	if (!value.json)
		return value.text && *value.text;
	switch (json_typeof(value.json)) {
	case JSON_STRING:
		return json_string_length(value.json) > 0;
	case JSON_INTEGER:
		return json_integer_value(value.json) != 0;
	case JSON_REAL:
		return json_real_value(value.json) != 0;
	case JSON_ARRAY:
		return json_array_size(value.json) > 0;
	case JSON_OBJECT:
	case JSON_TRUE:
		return true;
	default:
		return false;
	}
}

/* The shortest text that is read back as the same number. */
static size_t format_real(double number, char *text, size_t size)
{
	int length = 0;

	for (int digits = 15; digits <= 17; digits++) {
		length = snprintf(text, size, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return (size_t)length;
}

/* Text of a value; of lists and objects there is none. Numbers are written to `buffer`. */
static const char *text_of(struct value value, char *buffer, size_t size, size_t *length)
{
	if (!value.json) {
		*length = value.text ? strlen(value.text) : 0;
		return value.text;
	}
	*length = 0;
	switch (json_typeof(value.json)) {
	case JSON_STRING:
		*length = json_string_length(value.json);
		return json_string_value(value.json);
	case JSON_INTEGER:
		*length = (size_t)snprintf(buffer, size, "%" JSON_INTEGER_FORMAT,
					   json_integer_value(value.json));
		return buffer;
	case JSON_REAL:
		*length = format_real(json_real_value(value.json), buffer, size);
		return buffer;
	case JSON_TRUE:
		*length = 4;
		return "true";
	case JSON_FALSE:
		*length = 5;
		return "false";
	default:
		return "";
	}
}

static int render_value(struct renderer *r, const struct template_node *node)
{
	char buffer[64];
	size_t length;
	const char *text = text_of(find(r, node), buffer, sizeof(buffer), &length);

	if (node->kind == TEMPLATE_RAW)
		return put(r, text, length);
	return template_escape(r->output, text, length);
}

/* --- nodes -------------------------------------------------------------------------- */

static int render_nodes(struct renderer *r, const struct template *template, size_t from, size_t to,
			const struct frame *frame);

static int render_with(struct renderer *r, const struct template *template, size_t index,
		       const struct frame *frame, const json_t *scope)
{
	const struct template_node *node = &template->nodes[index];
	int err;

	if (scope && r->scopes == TEMPLATE_MAX_DEPTH + 1)
		return -ELOOP;
	if (scope)
		r->scope[r->scopes++] = scope;
	err = render_nodes(r, template, index + 1, node->end, frame);
	r->scopes -= scope != NULL;
	return err;
}

static int render_section(struct renderer *r, const struct template *template, size_t index,
			  const struct frame *frame)
{
	const struct template_node *node = &template->nodes[index];
	struct value value = find(r, node);
	int err = 0;

	if (is_true(value) != (node->kind == TEMPLATE_SECTION))
		return 0;
	if (node->kind == TEMPLATE_INVERTED || !json_is_array(value.json))
		return render_with(r, template, index, frame,
				   node->kind == TEMPLATE_SECTION ? value.json : NULL);
	for (size_t i = 0; i < json_array_size(value.json) && !err; i++)
		err = render_with(r, template, index, frame, json_array_get(value.json, i));
	return err;
}

/* The node of the block `name` within a layout's tag, or 0: it is never the first node. */
static size_t find_block(const struct frame *frame, const char *name)
{
	const struct template_node *nodes = frame->template->nodes;
	size_t i = frame->layout + 1;

	while (i < nodes[frame->layout].end) {
		if (nodes[i].kind == TEMPLATE_BLOCK && !strcmp(nodes[i].text, name))
			return i;
		i = template_has_content(nodes[i].kind) ? nodes[i].end : i + 1;
	}
	return 0;
}

/* The template that stands farthest from the layout decides what is in its blocks. */
static int render_block(struct renderer *r, const struct template *template, size_t index,
			const struct frame *frame)
{
	const struct frame *from = NULL;
	size_t block = 0;

	for (const struct frame *f = frame; f; f = f->outer) {
		size_t found = find_block(f, template->nodes[index].text);

		if (found) {
			block = found;
			from = f;
		}
	}
	if (!from)
		return render_with(r, template, index, frame, NULL);
	return render_with(r, from->template, block, from->outer, NULL);
}

static int render_other(struct renderer *r, const struct template *template, size_t index,
			const struct frame *frame)
{
	const struct template_node *node = &template->nodes[index];
	struct frame inner = {.template = template, .layout = index, .outer = frame};

	/* Blocks of a partial are its own: nothing from outside replaces them. */
	return render_nodes(r, node->other, 0, node->other->count,
			    node->kind == TEMPLATE_LAYOUT ? &inner : NULL);
}

static int render_node(struct renderer *r, const struct template *template, size_t index,
		       const struct frame *frame)
{
	const struct template_node *node = &template->nodes[index];

	switch (node->kind) {
	case TEMPLATE_TEXT:
		return put(r, node->text, node->length);
	case TEMPLATE_VALUE:
	case TEMPLATE_RAW:
		return render_value(r, node);
	case TEMPLATE_SECTION:
	case TEMPLATE_INVERTED:
		return render_section(r, template, index, frame);
	case TEMPLATE_PARTIAL:
	case TEMPLATE_LAYOUT:
		return render_other(r, template, index, frame);
	case TEMPLATE_BLOCK:
		return render_block(r, template, index, frame);
	}
	return 0;
}

static int render_nodes(struct renderer *r, const struct template *template, size_t from, size_t to,
			const struct frame *frame)
{
	int err = 0;

	if (++r->depth > 3 * TEMPLATE_MAX_DEPTH)
		err = -ELOOP;
	while (from < to && !err) {
		err = render_node(r, template, from, frame);
		from = template_has_content(template->nodes[from].kind) ? template->nodes[from].end
									: from + 1;
	}
	r->depth--;
	return err;
}

int template_render(const struct template *template, const json_t *data,
		    struct template_output *output)
{
	struct renderer renderer = {.output = output};

	if (data)
		renderer.scope[renderer.scopes++] = data;
	return render_nodes(&renderer, template, 0, template->count, NULL);
}
