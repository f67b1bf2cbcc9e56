/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What must hold between the objects of a model: the common part, and sets.
 * Services, policies, nodes and agents each have a file.
 */
#include "model_validator.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

bool model_name_is_valid(const char *name)
{
	size_t length = strlen(name);
	struct sluice_addr addr;

	if (length >= SLUICE_NAME_LEN || strspn(name, LETTERS_AND_DIGITS ".-") != length)
		return false;
	return strspn(name, LETTERS_AND_DIGITS) && addr_parse(name, &addr);
}

/* It names a directory of a bpffs, which keeps names with a dot for itself. */
bool model_node_name_is_valid(const char *name)
{
	return model_name_is_valid(name) && !strchr(name, '.');
}

bool model_ifname_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == '/' || *name == ':')
			return false;
	return true;
}

bool prefix_is_network(const struct prefix *prefix)
{
	struct sluice_addr mask = addr_mask(prefix->bits);
	struct sluice_addr network = addr_and(&prefix->addr, &mask);

	return !addr_cmp(&network, &prefix->addr);
}

bool validator_is_unicast(const struct sluice_addr *addr)
{
	static const struct sluice_addr loopback6 = {.bytes = {[15] = 1}};
	unsigned char first = addr->bytes[12];

	if (addr_is_zero(addr))
		return false;
	if (addr_is_v4(addr))
		return first != 0 && first != 127 && first < 224;
	return addr->bytes[0] != 0xff && addr_cmp(addr, &loopback6);
}

bool validator_node_has(const struct node *node, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < node->interface_count; i++)
		for (size_t j = 0; j < node->interfaces[i].address_count; j++)
			if (!addr_cmp(&node->interfaces[i].addresses[j].addr, addr))
				return true;
	return false;
}

/* --- reporting -------------------------------------------------------------------- */

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	while (*words) {
		size_t next = strcspn(words, " ");

		if (next == length && !strncmp(words, word, length))
			return true;
		words += next;
		words += *words == ' ';
	}
	return false;
}

bool validator_cannot_know(const struct validator *v, struct place at, const char *keys)
{
	const struct unreadable_list *list = v->unreadable;

	for (size_t i = 0; list && i < list->count; i++) {
		const struct unreadable *item = &list->items[i];

		if (item->at.line == at.line && item->at.column == at.column &&
		    has_word(keys, item->key))
			return true;
	}
	return false;
}

void validator_report(struct validator *v, struct place at, const char *keys, const char *format,
		      ...)
{
	va_list args;
	char *text;
	int length;

	if (v->mistakes > MODEL_MAX_MISTAKES || validator_cannot_know(v, at, keys))
		return;
	if (++v->mistakes > MODEL_MAX_MISTAKES) {
		diag_add(v->diags, (struct place){}, "too many mistakes: some are not listed");
		return;
	}
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		v->out_of_memory = true;
		return;
	}
	diag_add(v->diags, at, "%s", text);
	free(text);
}

bool validator_limit(struct validator *v, struct place at, const char *what, size_t count,
		     size_t max)
{
	if (count <= max)
		return false;
	validator_report(v, at, "", "%zu %s: expected at most %zu", count, what, max);
	return true;
}

struct nearest_name validator_nearest(const struct validator *v, const char *name,
				      const void *first_name, size_t stride, size_t count)
{
	struct nearest_name result = {};
	const char **names, *nearest = NULL;

	if (v->mistakes >= MODEL_MAX_MISTAKES)
		return result;
	names = calloc(count + 1, sizeof(*names));
	for (size_t i = 0; names && i < count; i++)
		names[i] = (const char *)first_name + i * stride;
	if (names)
		nearest = diag_nearest(name, names);
	if (nearest)
		snprintf(result.text, sizeof(result.text), " (did you mean \"%s\"?)", nearest);
	free(names);
	return result;
}

/* --- uniqueness ------------------------------------------------------------------- */

static int compare_claims(const struct claim *a, const struct claim *b)
{
	int order = addr_cmp(&a->endpoint.addr, &b->endpoint.addr);

	if (!order)
		order = (int)a->endpoint.port - b->endpoint.port;
	return order ? order : a->proto - b->proto;
}

static int by_claim_then_order(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = compare_claims(a, b);

	return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

void validator_find_clashes(struct validator *v, struct claim *claims, size_t count,
			    void (*clash)(struct validator *v, const struct claim *first,
					  const struct claim *second))
{
	const struct claim *first = claims;

	qsort(claims, count, sizeof(*claims), by_claim_then_order);
	for (size_t i = 1; i < count; i++) {
		if (compare_claims(first, &claims[i]))
			first = &claims[i];
		else
			clash(v, first, &claims[i]);
	}
}

/* --- the whole -------------------------------------------------------------------- */

static void validate_sets(struct validator *v)
{
	for (size_t i = 0; i < v->cluster->set_count; i++) {
		const struct address_set *set = &v->cluster->sets[i];

		if (!model_name_is_valid(set->name))
			validator_report(v, set->at, "", "set \"%s\": not a valid name", set->name);
		if (!set->prefix_count)
			validator_report(v, set->at, "address",
					 "set \"%s\": expected at least one address", set->name);
		for (size_t j = 0; j < set->prefix_count; j++) {
			char buf[PREFIX_TEXT_LEN];

			if (!prefix_is_network(&set->prefixes[j]))
				validator_report(v, set->at, "",
						 "set \"%s\": \"%s\" is not a network", set->name,
						 prefix_format(&set->prefixes[j], buf));
		}
	}
}

static void validate_cluster(struct validator *v)
{
	const struct cluster *cluster = v->cluster;
	struct place whole = {};

	if (cluster->name[0] && !model_name_is_valid(cluster->name))
		validator_report(v, whole, "cluster", "cluster \"%s\": not a valid name",
				 cluster->name);
	validator_limit(v, whole, "sets", cluster->set_count, MODEL_MAX_NAMED);
	validator_limit(v, whole, "services", cluster->service_count, SLUICE_MAX_SERVICES);
	validator_limit(v, whole, "policies", cluster->policy_count, MODEL_MAX_NAMED);
	validator_limit(v, whole, "nodes", cluster->node_count, MODEL_MAX_NAMED);
}

int model_validate_readable(const struct cluster *cluster, const struct unreadable_list *unreadable,
			    struct diag_list *diags)
{
	struct validator v = {.cluster = cluster, .unreadable = unreadable, .diags = diags};

	validate_cluster(&v);
	validate_sets(&v);
	validate_services(&v);
	validate_nat(&v);
	validate_policies(&v);
	validate_nodes(&v);
	validate_agents(&v);
	if (v.out_of_memory)
		return -ENOMEM;
	return v.mistakes ? -EINVAL : 0;
}

int model_validate(const struct cluster *cluster, struct diag_list *diags)
{
	return model_validate_readable(cluster, NULL, diags);
}
