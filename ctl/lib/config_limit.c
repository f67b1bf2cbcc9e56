/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Limits in the cluster file: {rate: 1000/s, of: new-flows, per: source/24, burst: 200}.
 */
#include "config_limit.h"

#include <string.h>

#include "words.h"

static int parse_rate(const struct field *field, const char *text, void *out)
{
	(void)field;
	return limit_rate_parse(text, out);
}

static int parse_per(const struct field *field, const char *text, void *out)
{
	(void)field;
	return limit_per_parse(text, out);
}

static int parse_burst(const struct field *field, const char *text, void *out)
{
	(void)field;
	return limit_amount_parse(text, out);
}

/* clang-format off */
const struct field config_limit_fields[] = {
	{"rate", .read = read_scalar, .parse = parse_rate, FIELD_MEMBER(struct limit, rate),
	 .expected = LIMIT_RATE_EXPECTED, .required = true},
	{"of", .read = read_scalar, .parse = parse_word, FIELD_MEMBER(struct limit, of),
	 .words = measure_words},
	{"per", .read = read_scalar, .parse = parse_per, FIELD_MEMBER(struct limit, per),
	 .expected = LIMIT_PER_EXPECTED},
	{"burst", .read = read_scalar, .parse = parse_burst, FIELD_MEMBER(struct limit, burst),
	 .expected = LIMIT_BURST_EXPECTED},
	{},
};

/* clang-format on */

_Static_assert(!offsetof(struct limit, at), "objects begin with their place");

static void read_one(struct reader *r, const struct field *field, const yaml_node_t *value,
		     void *object)
{
	size_t before = strlen(r->label);
	struct place outer = r->object;
	struct limit *limit = field->add(object, "");

	if (!limit) {
		reader_out_of_memory(r);
		return;
	}
	limit->at = r->object = config_yaml_place_of(value);
	snprintf(r->label + before, sizeof(r->label) - before, "%s: ", field->key);
	read_members(r, field->members, value, limit);
	reader_leave(r, before);
	r->object = outer;
}

void config_limit_read(struct reader *r, const struct field *field, const yaml_node_t *value,
		       void *object)
{
	if (value->type == YAML_MAPPING_NODE)
		read_one(r, field, value, object);
	else
		read_objects(r, field, value, object);
}

static void write_one(FILE *out, const struct limit *limit)
{
	struct flow flow = {.out = out};
	char buf[LIMIT_TEXT_LEN];

	putc('{', out);
	flow_text(&flow, "rate", limit_rate_format(&limit->rate, buf));
	if (limit->of != SLUICE_MEASURE_PACKETS)
		flow_text(&flow, "of", measure_name(limit->of));
	if (limit->per.source)
		flow_text(&flow, "per", limit_per_format(&limit->per, buf));
	if (limit->burst)
		flow_text(&flow, "burst", limit_amount_format(limit->burst, buf));
	putc('}', out);
}

void config_limit_write(FILE *out, const struct limit *limits, size_t count)
{
	if (count != 1)
		putc('[', out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			fputs(", ", out);
		write_one(out, &limits[i]);
	}
	if (count != 1)
		putc(']', out);
}
