/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Loading YAML that may be hostile. libyaml keeps nodes, anchors and nesting
 * without limit, and looks anchors up one by one, so the text is first read as
 * events, which need no memory, and refused if a limit is passed. Only then is
 * it loaded as a document.
 */
#include "config_yaml.h"

#include <errno.h>
#include <stdbool.h>

struct screening {
	size_t values, anchors, depth, documents;
	bool empty;
};

struct place config_yaml_place(yaml_mark_t mark)
{
	return (struct place){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

struct place config_yaml_place_of(const yaml_node_t *node)
{
	return config_yaml_place(node->start_mark);
}

/* libyaml's reader gives the offset of a bad byte, not its line. */
static struct place place_of_offset(const char *text, size_t length, size_t offset)
{
	struct place at = {.line = 1, .column = 1};

	for (size_t i = 0; i < offset && i < length; i++) {
		at.column++;
		if (text[i] == '\n')
			at = (struct place){.line = at.line + 1, .column = 1};
	}
	return at;
}

static int report_yaml_error(const yaml_parser_t *parser, const char *text, size_t length,
			     struct diag_list *diags)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		diag_add(diags, place_of_offset(text, length, parser->problem_offset),
			 "not a text file in UTF-8: %s", problem);
	else if (parser->context)
		diag_add(diags, config_yaml_place(parser->problem_mark), "not valid YAML: %s, %s",
			 problem, parser->context);
	else
		diag_add(diags, config_yaml_place(parser->problem_mark), "not valid YAML: %s",
			 problem);
	return -EINVAL;
}

static const char *screen_value(struct screening *seen, const yaml_char_t *anchor,
				const yaml_char_t *tag)
{
	if (++seen->values > CONFIG_MAX_VALUES)
		return "too large: expected at most 500000 values";
	if (anchor && ++seen->anchors > CONFIG_MAX_ANCHORS)
		return "too many anchors: expected at most 1000";
	if (tag)
		return "unexpected YAML tag: values are written without \"!\"";
	return NULL;
}

/* What is wrong with this event, or NULL. */
static const char *screen_event(struct screening *seen, const yaml_event_t *event)
{
	const char *wrong = NULL;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++seen->documents > 1)
			wrong = "a second document begins: expected one per file";
		break;
	case YAML_STREAM_END_EVENT:
		seen->empty = !seen->documents;
		break;
	case YAML_SCALAR_EVENT:
		wrong = screen_value(seen, event->data.scalar.anchor, event->data.scalar.tag);
		break;
	case YAML_ALIAS_EVENT:
		wrong = screen_value(seen, NULL, NULL);
		break;
	case YAML_SEQUENCE_START_EVENT:
		wrong = screen_value(seen, event->data.sequence_start.anchor,
				     event->data.sequence_start.tag);
		seen->depth++;
		break;
	case YAML_MAPPING_START_EVENT:
		wrong = screen_value(seen, event->data.mapping_start.anchor,
				     event->data.mapping_start.tag);
		seen->depth++;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		seen->depth--;
		break;
	default:
		break;
	}
	if (!wrong && seen->depth > CONFIG_MAX_DEPTH)
		wrong = "nested too deeply: expected at most 16 levels";
	return wrong;
}

static int open_parser(yaml_parser_t *parser, const char *text, size_t length)
{
	if (!yaml_parser_initialize(parser))
		return -ENOMEM;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, length);
	return 0;
}

static int screen(const char *text, size_t length, const char *expected, struct diag_list *diags)
{
	struct screening seen = {};
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;
	int err;

	err = open_parser(&parser, text, length);
	while (!err && !end) {
		const char *wrong;

		if (!yaml_parser_parse(&parser, &event)) {
			err = report_yaml_error(&parser, text, length, diags);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		wrong = screen_event(&seen, &event);
		if (wrong) {
			diag_add(diags, config_yaml_place(event.start_mark), "%s", wrong);
			err = -EINVAL;
		} else if (seen.empty) {
			diag_add(diags, config_yaml_place(event.start_mark),
				 "nothing in it: expected %s", expected);
			err = -EINVAL;
		}
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return err;
}

int config_yaml_load(const char *text, size_t length, const char *expected, yaml_document_t *out,
		     struct diag_list *diags)
{
	yaml_parser_t parser;
	int err;

	if (length > CONFIG_MAX_BYTES) {
		diag_add(diags, (struct place){.line = 1, .column = 1},
			 "too large: %zu bytes, expected at most %u", length, CONFIG_MAX_BYTES);
		return -EINVAL;
	}
	err = screen(text, length, expected, diags);
	if (err)
		return err;
	err = open_parser(&parser, text, length);
	if (err)
		return err;
	if (!yaml_parser_load(&parser, out))
		err = report_yaml_error(&parser, text, length, diags);
	yaml_parser_delete(&parser);
	return err;
}
