/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the reader has to say: each message begins with the objects it is about,
 * shows the value, and says what was expected. Text from the file is shown
 * without what would break a line or a terminal.
 */
#include "config_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_array.h"

void reader_report(struct reader *r, struct place at, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	if (r->stopped)
		return;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		reader_out_of_memory(r);
		return;
	}
	diag_add(r->diags, at, "%s%s", r->label, text);
	free(text);
	if (++r->mistakes < MODEL_MAX_MISTAKES)
		return;
	diag_add(r->diags, at, "too many mistakes: those behind this place are not listed");
	r->stopped = true;
}

void reader_out_of_memory(struct reader *r)
{
	r->out_of_memory = true;
	r->stopped = true;
}

const char *reader_quote(const char *text, char buf[READER_QUOTE_LEN])
{
	size_t i;

	for (i = 0; text[i] && i < READER_QUOTE_LEN - 4; i++)
		buf[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	strcpy(buf + i, text[i] ? "..." : "");
	return buf;
}

size_t reader_enter(struct reader *r, const char *kind, const char *name)
{
	size_t before = strlen(r->label);
	char shown[READER_QUOTE_LEN];

	snprintf(r->label + before, sizeof(r->label) - before, "%s \"%s\": ", kind,
		 reader_quote(name, shown));
	return before;
}

size_t reader_enter_numbered(struct reader *r, const char *kind, size_t number)
{
	size_t before = strlen(r->label);

	snprintf(r->label + before, sizeof(r->label) - before, "%s %zu: ", kind, number);
	return before;
}

void reader_leave(struct reader *r, size_t before)
{
	r->label[before] = '\0';
}

void reader_mark_unreadable(struct reader *r, const char *key)
{
	struct unreadable_list *list = &r->unreadable;
	struct unreadable *added = model_array_add(&list->items, &list->count, sizeof(*added));

	if (!added) {
		reader_out_of_memory(r);
		return;
	}
	added->at = r->object;
	added->key = key;
}

void reader_mistake(struct reader *r, const struct field *field, const yaml_node_t *value)
{
	const char *text = reader_text(value);
	char shown[READER_QUOTE_LEN], expected[256], buf[VIP_TEXT_LEN];
	const char *meant = text ? field_suggest(field, text, buf) : NULL;

	reader_mark_unreadable(r, field->key);
	if (meant)
		reader_report(r, config_yaml_place_of(value),
			      "%s \"%s\": expected %s (did you mean \"%s\"?)", field->key,
			      reader_quote(text, shown),
			      field_describe(field, expected, sizeof(expected)), meant);
	else if (text)
		reader_report(r, config_yaml_place_of(value), "%s \"%s\": expected %s", field->key,
			      reader_quote(text, shown),
			      field_describe(field, expected, sizeof(expected)));
	else
		reader_report(r, config_yaml_place_of(value), "%s: expected %s", field->key,
			      field_describe(field, expected, sizeof(expected)));
}

static const char *const shapes[] = {
	[YAML_SCALAR_NODE] = "a value",
	[YAML_SEQUENCE_NODE] = "a list",
	[YAML_MAPPING_NODE] = "a mapping",
};

void reader_wrong_shape(struct reader *r, const struct field *field, const yaml_node_t *value,
			const char *expected)
{
	reader_mark_unreadable(r, field->key);
	reader_report(r, config_yaml_place_of(value), "%s: expected %s, found %s", field->key,
		      expected, shapes[value->type]);
}

bool reader_too_many(struct reader *r, const struct field *field, size_t index, struct place at)
{
	if (!field->max || index < field->max)
		return false;
	reader_mark_unreadable(r, field->key);
	reader_report(r, at, "%s: expected at most %u", field->key, field->max);
	return true;
}

void reader_not_an_object(struct reader *r, const struct field *field, const yaml_node_t *value)
{
	for (const struct field *member = field->members; member->key; member++)
		reader_mark_unreadable(r, member->key);
	reader_report(r, config_yaml_place_of(value),
		      "expected a mapping of keys to values, found %s", shapes[value->type]);
}
