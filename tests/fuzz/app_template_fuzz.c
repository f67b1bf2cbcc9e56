/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Templates, up to a NUL, filled with the JSON behind it: whatever they are, they are refused with
 * a reason, or render in bounded time.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/appserver/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUTPUT_MAX (1u << 20)

struct sink {
	struct template_output output;
	size_t length;
};

static int take(struct template_output *output, const char *text, size_t length)
{
	struct sink *sink = (struct sink *)output;

	(void)text;
	if (!length)
		abort();
	sink->length += length;
	return sink->length > OUTPUT_MAX ? -EMSGSIZE : 0;
}

static const char *lookup(struct template_output *output, const char *name)
{
	(void)output;
	return *name == 'x' ? "<\"'&>" : NULL;
}

static void render(const struct template_set *set, const char *json, size_t length)
{
	json_t *values = json_loadb(json, length, JSON_DECODE_ANY, NULL);
	struct sink sink = {.output = {take, lookup}};
	int err = template_render(template_find(set, "main"), values, &sink.output);

	if (err && err != -ELOOP && err != -EMSGSIZE)
		abort();
	json_decref(values);
}

static char escaped[6 * 65536];
static size_t escaped_length;

static int collect(struct template_output *output, const char *text, size_t length)
{
	(void)output;
	memcpy(escaped + escaped_length, text, length);
	escaped_length += length;
	return 0;
}

static char unescape(const char **at)
{
	static const struct {
		const char *name;
		char character;
	} entities[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};

	for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++)
		if (!strncmp(*at, entities[i].name, strlen(entities[i].name))) {
			*at += strlen(entities[i].name);
			return entities[i].character;
		}
	if (strchr("&<>\"'", **at) && **at)
		abort();
	return *(*at)++;
}

/* What is escaped has none of these characters, and comes back when it is read as HTML. */
static void check_escaping(const char *text, size_t length)
{
	struct template_output output = {collect, NULL};
	const char *at = escaped;

	escaped_length = 0;
	if (length > 65535 || template_escape(&output, text, length))
		return;
	escaped[escaped_length] = '\0';
	for (size_t i = 0; i < length; i++)
		if (unescape(&at) != text[i])
			abort();
	if (at != escaped + escaped_length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t length = strnlen(text, size), rest = length < size ? length + 1 : size;
	struct diag_list diags = {0};
	struct template_set *set;

	check_escaping(text, size);
	if (template_set_parse(text, length, &set, &diags)) {
		if (!diags.count)
			abort();
	} else {
		render(set, text + rest, size - rest);
		template_set_free(set);
	}
	diag_fini(&diags);
	return 0;
}
