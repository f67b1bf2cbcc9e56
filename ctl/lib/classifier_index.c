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

static __u16 class_of(const struct classifier *out, unsigned at)
{
	return out->classes[at / SLUICE_CLASSES_PER_WORD].of[at % SLUICE_CLASSES_PER_WORD];
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

/* Sets the class of entry `at`: of the rules for which `match` says so. */
static int index_entry(struct builder *builder, unsigned at, unsigned kind,
		       bool (*match)(const struct rule *rule, unsigned kind))
{
	const struct compiled *compiled = builder->compiled;
	struct rule_bits bits = {0};
	__u16 class;
	int err;

	for (size_t i = 0; i < compiled->rule_count; i++)
		if (match(compiled->sources[i].rule, kind))
			rule_bits_set(&bits, i);
	err = vectors_intern(builder->vectors, &bits, &class);
	if (!err)
		set_class(builder->out, at, class);
	return err;
}

/* Where no header was read, or not the one that the rule asks for: not what it asks. */
static bool match_proto(const struct rule *rule, unsigned proto)
{
	if (!rule->proto)
		return true;
	if (proto == IPPROTO_ICMPV6 && rule->proto == IPPROTO_ICMP)
		return !rule->icmp.given;
	return rule->proto == (int)proto && !rule->icmp.given && !rule->flags.mask;
}

static bool match_tcp(const struct rule *rule, unsigned flags)
{
	return !rule->proto || (rule->proto == IPPROTO_TCP && tcp_flags_match(&rule->flags, flags));
}

/* In a rule, ICMP is that of either family. `kind`: type << 8 | code. */
static bool match_icmp4(const struct rule *rule, unsigned kind)
{
	return !rule->proto || (rule->proto == IPPROTO_ICMP &&
				icmp_match(&rule->icmp, false, kind >> 8, kind & 255));
}

static bool match_icmp6(const struct rule *rule, unsigned kind)
{
	return !rule->proto || ((rule->proto == IPPROTO_ICMP || rule->proto == IPPROTO_ICMPV6) &&
				icmp_match(&rule->icmp, true, kind >> 8, kind & 255));
}

static bool code_counts(const struct builder *builder, bool v6, unsigned type)
{
	const struct compiled *compiled = builder->compiled;

	for (size_t i = 0; i < compiled->rule_count; i++) {
		const struct icmp_match *match = &compiled->sources[i].rule->icmp;

		if (match->has_code && (v6 ? match->type6 : match->type4) == type)
			return true;
	}
	return false;
}

static int index_icmp(struct builder *builder, bool v6)
{
	unsigned table = v6 ? SLUICE_CLASS_ICMP6 : SLUICE_CLASS_ICMP4;
	int err = 0;

	for (unsigned type = 0; type < 256 && !err; type++) {
		unsigned codes = code_counts(builder, v6, type) ? 256 : 1;
		unsigned at = table + (type << 8);

		for (unsigned code = 0; code < codes && !err; code++)
			err = index_entry(builder, at + code, type << 8 | code,
					  v6 ? match_icmp6 : match_icmp4);
		for (unsigned code = codes; code < 256 && !err; code++)
			set_class(builder->out, at + code, class_of(builder->out, at));
	}
	return err;
}

static int index_kinds(struct builder *builder)
{
	int err = 0;

	for (unsigned proto = 0; proto < 256 && !err; proto++)
		err = index_entry(builder, SLUICE_CLASS_PROTO + proto, proto, match_proto);
	for (unsigned flags = 0; flags < 256 && !err; flags++)
		err = index_entry(builder, SLUICE_CLASS_TCP + flags, flags, match_tcp);
	if (!err)
		err = index_icmp(builder, false);
	return err ? err : index_icmp(builder, true);
}

/* --- interfaces ------------------------------------------------------------------- */

static int index_port(struct builder *builder, unsigned slot, unsigned invalid)
{
	const struct compiled *compiled = builder->compiled;
	const struct sluice_port *port = &compiled->ports[slot];
	struct rule_bits bits = {0};

	for (size_t i = port->first_rule; i < (size_t)port->first_rule + port->rule_count; i++) {
		const struct compiled_source *source = &compiled->sources[i];

		if (source->in != SLUICE_RULE_ANY_PORT && source->in != slot)
			continue;
		if (source->rule->state == (invalid ? RULE_STATE_NEW : RULE_STATE_INVALID))
			continue;
		rule_bits_set(&bits, i);
	}
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
