/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Policies as packets read them. A rule of the model becomes the cross product
 * of its prefixes and port ranges, all with its id, in the order of the file.
 * Interfaces with the same policy share the compiled rules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"

/* --- addresses -------------------------------------------------------------- */

/* One side of a rule, sets resolved. */
struct side {
	struct prefix *prefixes;
	size_t count;
	bool any; /* then prefixes is ::/0, which as such covers both families */
};

static const struct prefix all_v4 = {
	.addr.bytes = {[10] = 0xff, [11] = 0xff},
	.bits = SLUICE_V4_PREFIX_BITS,
};

static bool is_v4(const struct prefix *prefix)
{
	return prefix->bits >= SLUICE_V4_PREFIX_BITS && addr_is_v4(&prefix->addr);
}

/* An IPv6 prefix so short that the mapped addresses fall into it. */
static bool covers_v4(const struct prefix *prefix)
{
	struct sluice_addr mask = addr_mask(prefix->bits);
	struct sluice_addr ours = addr_and(&prefix->addr, &mask);
	struct sluice_addr theirs = addr_and(&all_v4.addr, &mask);

	return prefix->bits < SLUICE_V4_PREFIX_BITS && !addr_cmp(&ours, &theirs);
}

/*
 * ::/0 in a file means IPv6, yet the mapped IPv4 addresses lie inside. What is
 * left without them: at each bit of the way to ::ffff:0:0/96, the other branch.
 */
static size_t without_v4(const struct prefix *prefix, struct prefix out[SLUICE_V4_PREFIX_BITS])
{
	size_t count = 0;

	for (unsigned bit = prefix->bits; bit < SLUICE_V4_PREFIX_BITS; bit++) {
		struct sluice_addr mask = addr_mask(bit + 1);

		out[count].addr = all_v4.addr;
		out[count].addr.bytes[bit / 8] ^= 0x80 >> bit % 8;
		out[count].addr = addr_and(&out[count].addr, &mask);
		out[count++].bits = (unsigned char)(bit + 1);
	}
	return count;
}

static size_t count_prefixes(const struct cluster *cluster, const struct rule_addresses *addresses)
{
	size_t count = addresses->prefix_count;

	for (size_t i = 0; i < addresses->set_count; i++) {
		const struct address_set *set = model_set(cluster, addresses->sets[i]);

		count += set ? set->prefix_count : 0;
	}
	return count;
}

static void append(struct side *side, const struct prefix *prefixes, size_t count)
{
	if (count)
		memcpy(&side->prefixes[side->count], prefixes, count * sizeof(*prefixes));
	side->count += count;
}

/* A set without members matches nothing; no address at all matches everything. */
static int side_init(struct side *side, const struct cluster *cluster,
		     const struct rule_addresses *addresses)
{
	*side = (struct side){.any = !addresses->prefix_count && !addresses->set_count};
	side->prefixes = calloc(count_prefixes(cluster, addresses) + 1, sizeof(*side->prefixes));
	if (!side->prefixes)
		return -ENOMEM;
	if (side->any)
		side->count = 1;
	append(side, addresses->prefixes, addresses->prefix_count);
	for (size_t i = 0; i < addresses->set_count; i++) {
		const struct address_set *set = model_set(cluster, addresses->sets[i]);

		if (set)
			append(side, set->prefixes, set->prefix_count);
	}
	return 0;
}

/* --- rules ------------------------------------------------------------------ */

struct output {
	struct compiled *to;
	struct diag_list *diags;
	const struct policy *policy;
	const struct rule *rule;
	__u8 in;
};

static int emit(struct output *out, const struct prefix *src, const struct prefix *dst,
		const struct port_range *sport, const struct port_range *dport)
{
	const struct rule *rule = out->rule;
	struct sluice_rule *to;

	if (out->to->rule_count == SLUICE_MAX_RULES) {
		diag_add(out->diags, rule->at,
			 "policy \"%s\": rule \"%s\": more than %d rules once prefixes and ports "
			 "are "
			 "multiplied out",
			 out->policy->name, rule->name, SLUICE_MAX_RULES);
		return -EINVAL;
	}
	to = &out->to->rules[out->to->rule_count++];
	to->src_mask = addr_mask(src->bits);
	to->src = addr_and(&src->addr, &to->src_mask);
	to->dst_mask = addr_mask(dst->bits);
	to->dst = addr_and(&dst->addr, &to->dst_mask);
	to->sport_min = sport->min;
	to->sport_max = sport->max;
	to->dport_min = dport->min;
	to->dport_max = dport->max;
	to->id = rule->id;
	to->proto = (__u8)rule->proto;
	to->action = (__u8)rule->action;
	to->in = out->in;
	to->ports = rule->sport_count || rule->dport_count;
	return 0;
}

static int emit_ports(struct output *out, const struct prefix *src, const struct prefix *dst)
{
	static const struct port_range any = {0, 65535};
	const struct rule *rule = out->rule;
	const struct port_range *sports = rule->sport_count ? rule->sports : &any;
	const struct port_range *dports = rule->dport_count ? rule->dports : &any;
	size_t sport_count = rule->sport_count ? rule->sport_count : 1;
	size_t dport_count = rule->dport_count ? rule->dport_count : 1;
	int err = 0;

	for (size_t s = 0; s < sport_count && !err; s++)
		for (size_t d = 0; d < dport_count && !err; d++)
			err = emit(out, src, dst, &sports[s], &dports[d]);
	return err;
}

/* `pieces` is the side that is split, so that no IPv4 packet matches an IPv6 rule. */
static int emit_without_v4(struct output *out, const struct prefix *src, const struct prefix *dst,
			   bool split_src)
{
	struct prefix pieces[SLUICE_V4_PREFIX_BITS];
	size_t count = without_v4(split_src ? src : dst, pieces);
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = split_src ? emit_ports(out, &pieces[i], dst)
				: emit_ports(out, src, &pieces[i]);
	return err;
}

static int emit_pair(struct output *out, const struct side *from, const struct prefix *src,
		     const struct side *to, const struct prefix *dst)
{
	bool src_wide = !from->any && covers_v4(src);
	bool dst_wide = !to->any && covers_v4(dst);

	if (!from->any && !to->any && is_v4(src) != is_v4(dst))
		return 0;
	if (src_wide && (to->any || dst_wide))
		return emit_without_v4(out, src, dst, true);
	if (dst_wide && from->any)
		return emit_without_v4(out, src, dst, false);
	return emit_ports(out, src, dst);
}

static int emit_rule(struct output *out, const struct cluster *cluster)
{
	struct side from = {0}, to = {0};
	int err = side_init(&from, cluster, &out->rule->from);

	if (!err)
		err = side_init(&to, cluster, &out->rule->to);
	for (size_t s = 0; s < from.count && !err; s++)
		for (size_t d = 0; d < to.count && !err; d++)
			err = emit_pair(out, &from, &from.prefixes[s], &to, &to.prefixes[d]);
	free(from.prefixes);
	free(to.prefixes);
	return err;
}

static unsigned port_slot(const struct compiled *compiled, const char *ifname)
{
	unsigned slot = 0;

	while (slot < SLUICE_MAX_PORTS &&
	       !(compiled->ports[slot].roles && !strcmp(compiled->ports[slot].ifname, ifname)))
		slot++;
	return slot;
}

/* A rule for an interface that this node does not have can match nothing here. */
static int emit_policy(struct output *out, const struct cluster *cluster)
{
	int err = 0;

	for (size_t i = 0; i < out->policy->rule_count && !err; i++) {
		unsigned in = SLUICE_RULE_ANY_PORT;

		out->rule = &out->policy->rules[i];
		if (*out->rule->in)
			in = port_slot(out->to, out->rule->in);
		if (in == SLUICE_MAX_PORTS)
			continue;
		out->in = (__u8)in;
		err = emit_rule(out, cluster);
	}
	return err;
}

static const struct sluice_port *port_with_policy(const struct node *node, size_t before,
						  const char *policy,
						  const struct compiled *compiled)
{
	for (size_t i = 0; i < before; i++) {
		const struct interface *interface = &node->interfaces[i];

		if (interface->roles & SLUICE_ROLE_FIREWALL && !strcmp(interface->policy, policy))
			return &compiled->ports[port_slot(compiled, interface->name)];
	}
	return NULL;
}

static int compile_policy(const struct cluster *cluster, const struct node *node, size_t index,
			  struct compiled *out, struct diag_list *diags)
{
	const struct interface *interface = &node->interfaces[index];
	struct output output = {
		.to = out, .diags = diags, .policy = model_policy(cluster, interface->policy)};
	struct sluice_port *port = &out->ports[port_slot(out, interface->name)];
	const struct sluice_port *same;
	int err = 0;

	if (!output.policy) {
		diag_add(diags, interface->at, "interface \"%s\": no policy \"%s\"",
			 interface->name, interface->policy);
		return -EINVAL;
	}
	port->default_action = (__u8)output.policy->default_action;
	port->strict = output.policy->strict;
	same = port_with_policy(node, index, interface->policy, out);
	port->first_rule = same ? same->first_rule : (__u32)out->rule_count;
	if (!same)
		err = emit_policy(&output, cluster);
	port->rule_count = same ? same->rule_count : (__u32)out->rule_count - port->first_rule;
	return err;
}

int compile_rules(const struct cluster *cluster, const struct node *node, struct compiled *out,
		  struct diag_list *diags)
{
	int err = 0;

	for (size_t i = 0; i < node->interface_count && !err; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_FIREWALL)
			err = compile_policy(cluster, node, i, out, diags);
	return err;
}

/* --- ids -------------------------------------------------------------------- */

static unsigned number_rules(struct cluster *cluster)
{
	unsigned next = 0;

	for (size_t p = 0; p < cluster->policy_count; p++)
		for (size_t r = 0; r < cluster->policies[p].rule_count; r++)
			cluster->policies[p].rules[r].id = next++;
	return next;
}

static void replace_numbers(struct cluster *cluster, const unsigned *ids)
{
	for (size_t p = 0; p < cluster->policy_count; p++)
		for (size_t r = 0; r < cluster->policies[p].rule_count; r++)
			cluster->policies[p].rules[r].id = ids[cluster->policies[p].rules[r].id];
}

/* Compiling the same model again, with numbers for ids, tells which rule came from which. */
int compile_recover_rule_ids(struct in_force *now, const char *node_name)
{
	const struct node *node = model_node(&now->model, node_name);
	struct compiled *again = calloc(1, sizeof(*again));
	unsigned count = number_rules(&now->model);
	unsigned *ids = malloc((count + 1) * sizeof(*ids));
	struct diag_list diags = {0};
	int err = -ENOMEM;

	if (!again || !ids)
		goto out;
	memset(ids, 0xff, (count + 1) * sizeof(*ids));
	memcpy(again->ports, now->ports, sizeof(again->ports));
	err = node ? compile_rules(&now->model, node, again, &diags) : 0;
	for (size_t i = 0; i < again->rule_count; i++)
		ids[again->rules[i].id] = now->rules[i].id;
	replace_numbers(&now->model, ids);
out:
	diag_fini(&diags);
	free(ids);
	free(again);
	return err;
}
