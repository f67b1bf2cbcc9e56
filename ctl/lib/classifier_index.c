/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The dimensions of the classifier whose values are indexes: ports, protocols, interfaces.
 * A table has a class for each value.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"

struct builder {
	const struct compiled *compiled;
	struct vectors *vectors;
	struct classifier *out;
};

static void set_class(struct classifier *out, unsigned at, __u16 class)
{
	out->classes[at / SLUICE_CLASSES_PER_WORD].of[at % SLUICE_CLASSES_PER_WORD] = class;
}

/* --- ports ------------------------------------------------------------------------ */

/* A range of a rule begins here, or has ended before. */
struct edge {
	unsigned port; /* up to 65536 */
	unsigned rule;
	int change;
};

struct edges {
	struct edge *items;
	size_t count;
	unsigned *open; /* by rule: ranges that hold the port in hand */
	struct rule_bits bits;
};

static int by_port(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	return a->port < b->port ? -1 : a->port > b->port;
}

static size_t rule_ranges(const struct rule *rule, bool source, const struct port_range **ranges)
{
	*ranges = source ? rule->sports : rule->dports;
	return source ? rule->sport_count : rule->dport_count;
}

/* Rules without ports have their bit from the start. */
static int collect_edges(const struct compiled *compiled, bool source, struct edges *edges)
{
	const struct port_range *ranges;
	size_t room = 0;

	*edges = (struct edges){0};
	for (size_t i = 0; i < compiled->rule_count; i++)
		room += 2 * rule_ranges(compiled->sources[i].rule, source, &ranges);
	edges->items = calloc(room + 1, sizeof(*edges->items));
	edges->open = calloc(compiled->rule_count + 1, sizeof(*edges->open));
	if (!edges->items || !edges->open)
		return -ENOMEM;
	for (size_t i = 0; i < compiled->rule_count; i++) {
		size_t count = rule_ranges(compiled->sources[i].rule, source, &ranges);

		if (!count)
			rule_bits_set(&edges->bits, i);
		for (size_t r = 0; r < count; r++) {
			edges->items[edges->count++] = (struct edge){ranges[r].min, (unsigned)i, 1};
			edges->items[edges->count++] =
				(struct edge){ranges[r].max + 1U, (unsigned)i, -1};
		}
	}
	qsort(edges->items, edges->count, sizeof(*edges->items), by_port);
	return 0;
}

static void cross(struct edges *edges, const struct edge *edge)
{
	edges->open[edge->rule] += (unsigned)edge->change;
	if (edges->open[edge->rule])
		rule_bits_set(&edges->bits, edge->rule);
	else
		rule_bits_clear(&edges->bits, edge->rule);
}

static int sweep_ports(struct builder *builder, struct edges *edges, unsigned table)
{
	unsigned port = 0;
	size_t at = 0;

	while (port < 65536) {
		unsigned end;
		__u16 class;
		int err;

		while (at < edges->count && edges->items[at].port == port)
			cross(edges, &edges->items[at++]);
		end = at < edges->count ? edges->items[at].port : 65536;
		err = vectors_intern(builder->vectors, &edges->bits, &class);
		if (err)
			return err;
		for (; port < end; port++)
			set_class(builder->out, table + port, class);
	}
	return 0;
}

static int index_ports(struct builder *builder, bool source)
{
	struct edges edges;
	int err = collect_edges(builder->compiled, source, &edges);

	if (!err)
		err = sweep_ports(builder, &edges,
				  source ? SLUICE_CLASS_SPORT : SLUICE_CLASS_DPORT);
	free(edges.items);
	free(edges.open);
	return err;
}

/* --- protocols -------------------------------------------------------------------- */

/* One class for `count` entries from `at` on: of the rules that ask for no protocol, or this. */
static int index_proto(struct builder *builder, int proto, unsigned at, unsigned count)
{
	const struct compiled *compiled = builder->compiled;
	struct rule_bits bits = {0};
	__u16 class;
	int err;

	for (size_t i = 0; i < compiled->rule_count; i++)
		if (!compiled->sources[i].rule->proto || compiled->sources[i].rule->proto == proto)
			rule_bits_set(&bits, i);
	err = vectors_intern(builder->vectors, &bits, &class);
	for (unsigned i = 0; i < count && !err; i++)
		set_class(builder->out, at + i, class);
	return err;
}

/* In a rule, ICMP is that of either family. */
static int index_kinds(struct builder *builder)
{
	int err = 0;

	for (int proto = 0; proto < 256 && !err; proto++)
		err = index_proto(builder, proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : proto,
				  SLUICE_CLASS_PROTO + (unsigned)proto, 1);
	if (!err)
		err = index_proto(builder, IPPROTO_TCP, SLUICE_CLASS_TCP, 256);
	if (!err)
		err = index_proto(builder, IPPROTO_ICMP, SLUICE_CLASS_ICMP4, 65536);
	if (!err)
		err = index_proto(builder, IPPROTO_ICMP, SLUICE_CLASS_ICMP6, 65536);
	return err;
}

/* --- interfaces ------------------------------------------------------------------- */

static int index_port(struct builder *builder, unsigned slot, unsigned invalid)
{
	const struct compiled *compiled = builder->compiled;
	const struct sluice_port *port = &compiled->ports[slot];
	struct rule_bits bits = {0};

	for (size_t i = port->first_rule; i < (size_t)port->first_rule + port->rule_count; i++)
		if (compiled->sources[i].in == SLUICE_RULE_ANY_PORT ||
		    compiled->sources[i].in == slot)
			rule_bits_set(&bits, i);
	return vectors_intern(builder->vectors, &bits, &builder->out->head.in[slot][invalid]);
}

int classifier_index(const struct cluster *cluster, const struct compiled *compiled,
		     struct vectors *vectors, struct classifier *out)
{
	struct builder builder = {.compiled = compiled, .vectors = vectors, .out = out};
	int err = 0;

	(void)cluster;
	out->classes = calloc(SLUICE_CLASS_WORDS, sizeof(*out->classes));
	if (!out->classes)
		return -ENOMEM;
	err = index_ports(&builder, true);
	if (!err)
		err = index_ports(&builder, false);
	if (!err)
		err = index_kinds(&builder);
	for (unsigned slot = 0; slot < SLUICE_MAX_PORTS && !err; slot++) {
		err = index_port(&builder, slot, 0);
		if (!err)
			err = index_port(&builder, slot, 1);
	}
	return err;
}
