/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rendering of an answer: as JSON, or as aligned tables. Numbers are aligned
 * to the right, all else to the left. Text that came from a packet or a file
 * cannot carry control characters to the terminal: they are printed as '?'.
 */
#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16
#define INDENT	    2

/* The text of one value; the caller frees it. NULL: out of memory. */
static char *cell_text(const json_t *value)
{
	char *text = NULL, *joined;
	const json_t *item;
	size_t i;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		return strdup(json_string_value(value));
	case JSON_INTEGER:
		return asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0 ? NULL
											 : text;
	case JSON_TRUE:
		return strdup("yes");
	case JSON_FALSE:
		return strdup("no");
	case JSON_ARRAY:
		json_array_foreach(value, i, item) {
			char *part = cell_text(item);
			int length = part ? asprintf(&joined, "%s%s%s", text ?: "", text ? "," : "",
						     part)
					  : -1;

			free(part);
			free(text);
			if (length < 0)
				return NULL;
			text = joined;
		}
		return text ?: strdup("-");
	case JSON_OBJECT:
		return asprintf(&text, "{%zu keys}", json_object_size(value)) < 0 ? NULL : text;
	default:
		return strdup("-");
	}
}

static int cell_width(const json_t *value)
{
	char *text = cell_text(value);
	int width = text ? (int)strlen(text) : 0;

	free(text);
	return width;
}

static void print_padding(FILE *stream, int width)
{
	for (; width > 0; width--)
		fputc(' ', stream);
}

/* width 0: the last column, which needs no padding behind it. */
static void print_cell(FILE *stream, const json_t *value, int width)
{
	char *text = cell_text(value);
	int padding = width - (text ? (int)strlen(text) : 0);

	if (json_is_integer(value))
		print_padding(stream, padding);
	for (const char *c = text ?: ""; *c; c++)
		fputc(iscntrl((unsigned char)*c) ? '?' : *c, stream);
	if (!json_is_integer(value))
		print_padding(stream, padding);
	free(text);
}

struct layout {
	const struct output_column *columns;
	size_t count;
	int width[COLUMNS_MAX];
	bool number[COLUMNS_MAX]; /* the heading goes to the right, too */
};

static void layout_init(struct layout *layout, const struct output_column *columns)
{
	*layout = (struct layout){.columns = columns};
	for (; columns[layout->count].key && layout->count < COLUMNS_MAX; layout->count++)
		layout->width[layout->count] = (int)strlen(columns[layout->count].title);
}

static void layout_measure(struct layout *layout, const json_t *rows)
{
	const json_t *row, *value;
	size_t i;

	json_array_foreach(rows, i, row) {
		for (size_t c = 0; c < layout->count; c++) {
			int width;

			value = json_object_get(row, layout->columns[c].key);
			width = cell_width(value);
			if (width > layout->width[c])
				layout->width[c] = width;
			if (json_is_integer(value))
				layout->number[c] = true;
		}
	}
}

static void print_headings(FILE *stream, const struct layout *layout, int indent)
{
	print_padding(stream, indent);
	for (size_t c = 0; c < layout->count; c++) {
		int padding = layout->width[c] - (int)strlen(layout->columns[c].title);
		bool last = c + 1 == layout->count;

		if (layout->number[c])
			print_padding(stream, padding);
		fputs(layout->columns[c].title, stream);
		if (!layout->number[c] && !last)
			print_padding(stream, padding);
		fputs(last ? "\n" : "  ", stream);
	}
}

/* Columns up to the last one that says something: lines do not end in blanks. */
static size_t count_used(const struct layout *layout, const json_t *row)
{
	size_t used = layout->count;

	while (used > 1) {
		const json_t *value = json_object_get(row, layout->columns[used - 1].key);

		if (!json_is_string(value) || json_string_length(value))
			break;
		used--;
	}
	return used;
}

static void print_row(FILE *stream, const struct layout *layout, const json_t *row, int indent)
{
	size_t used = count_used(layout, row);

	print_padding(stream, indent);
	for (size_t c = 0; c < used; c++) {
		const json_t *value = json_object_get(row, layout->columns[c].key);
		bool last = c + 1 == used;

		print_cell(stream, value, last && !json_is_integer(value) ? 0 : layout->width[c]);
		fputs(last ? "\n" : "  ", stream);
	}
}

static void print_rows(FILE *stream, const struct output_table *table, const json_t *rows,
		       int indent)
{
	const struct output_table *below = table->below;
	struct layout layout, inner;
	const json_t *row;
	size_t i;

	layout_init(&layout, table->columns);
	layout_measure(&layout, rows);
	if (below) {
		/* One layout for all rows, so that the tables below them align. */
		layout_init(&inner, below->columns);
		json_array_foreach(rows, i, row)
			layout_measure(&inner, json_object_get(row, below->key));
	}
	print_headings(stream, &layout, indent);
	json_array_foreach(rows, i, row) {
		const json_t *line;
		size_t j;

		print_row(stream, &layout, row, indent);
		if (!below || !json_array_size(json_object_get(row, below->key)))
			continue;
		print_headings(stream, &inner, indent + INDENT);
		json_array_foreach(json_object_get(row, below->key), j, line)
			print_row(stream, &inner, line, indent + INDENT);
	}
}

static void print_table(FILE *stream, const struct output_table *table, const json_t *root,
			bool first)
{
	const json_t *rows = json_object_get(root, table->key);

	if (!json_array_size(rows) && !table->empty)
		return;
	if (!first)
		fputc('\n', stream);
	if (table->heading)
		fprintf(stream, "%s\n", table->heading);
	if (json_array_size(rows))
		print_rows(stream, table, rows, table->heading ? INDENT : 0);
	else
		fprintf(stream, "%*s%s\n", table->heading ? INDENT : 0, "", table->empty);
}

static void print_line(FILE *stream, const struct output_column *line, const json_t *root)
{
	const char *gap = "";

	for (; line->key; line++) {
		const json_t *value = json_object_get(root, line->key);

		if (!value)
			continue;
		fprintf(stream, "%s%s%s", gap, line->title, *line->title ? " " : "");
		print_cell(stream, value, 0);
		gap = "  ";
	}
	fputc('\n', stream);
}

static void print_text(FILE *stream, const struct output_view *view, const json_t *root)
{
	const struct output_table *table = view->tables;

	if (view->line)
		print_line(stream, view->line, root);
	for (; table && table->key; table++)
		print_table(stream, table, root, table == view->tables && !view->line);
}

static int print_json(const struct output *out, json_t *root)
{
	size_t flags = out->format == OUTPUT_PRETTY ? JSON_INDENT(2) : JSON_COMPACT;

	if (json_object_set_new(root, "schema", json_integer(OUTPUT_SCHEMA)) ||
	    json_dumpf(root, out->stream, flags))
		return -ENOMEM;
	fputc('\n', out->stream);
	return 0;
}

int output_emit(const struct output *out, json_t *root, const struct output_view *view)
{
	int err = 0;

	if (!root)
		return -ENOMEM;
	if (out->format == OUTPUT_TEXT)
		print_text(out->stream, view, root);
	else
		err = print_json(out, root);
	json_decref(root);
	return fflush(out->stream) || ferror(out->stream) ? -EIO : err;
}
