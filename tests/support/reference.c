/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Bit by bit and rule by rule: what could be clever here would have to be tested
 * itself. It shares no code with the compiler of rules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

static bool bit_of(const struct sluice_addr *addr, unsigned bit)
{
	return addr->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

/* Families are told apart first: an IPv6 prefix, however short, holds no IPv4. */
static bool prefix_holds(const struct prefix *prefix, const struct sluice_addr *addr)
{
	bool v4_prefix = addr_is_v4(&prefix->addr) && prefix->bits >= SLUICE_V4_PREFIX_BITS;

	if (v4_prefix != addr_is_v4(addr))
		return false;
	for (unsigned bit = 0; bit < prefix->bits; bit++)
		if (bit_of(&prefix->addr, bit) != bit_of(addr, bit))
			return false;
	return true;
}

static bool any_prefix_holds(const struct prefix *prefixes, size_t count,
			     const struct sluice_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_holds(&prefixes[i], addr))
			return true;
	return false;
}

static bool addresses_hold(const struct cluster *cluster, const struct rule_addresses *addresses,
			   const char *text)
{
	struct sluice_addr addr;

	if (!addresses->prefix_count && !addresses->set_count)
		return true;
	if (addr_parse(text, &addr))
		abort();
	if (any_prefix_holds(addresses->prefixes, addresses->prefix_count, &addr))
		return true;
	for (size_t i = 0; i < addresses->set_count; i++) {
		const struct address_set *set = model_set(cluster, addresses->sets[i]);

		if (any_prefix_holds(set->prefixes, set->prefix_count, &addr))
			return true;
	}
	return false;
}

static bool ports_hold(const struct port_range *ranges, size_t count, unsigned short port)
{
	for (size_t i = 0; i < count; i++)
		if (port >= ranges[i].min && port <= ranges[i].max)
			return true;
	return !count;
}

static unsigned flags_of(const struct packet *packet)
{
	return packet->flags ? packet->flags : TCP_ACK;
}

static bool opens_flow(const struct packet *packet, bool v6)
{
	int proto = packet->proto ? packet->proto : IPPROTO_TCP;

	if (proto == IPPROTO_TCP)
		return (flags_of(packet) & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	if (proto != IPPROTO_ICMP)
		return true;
	if (v6)
		return packet->type >= 128 && packet->type != 129;
	return packet->type != 0 && packet->type != 3 && packet->type != 11 && packet->type != 12;
}

static bool details_hold(const struct rule *rule, const struct packet *packet)
{
	bool v6 = packet_is_v6(packet);

	if (rule->flags.mask && (flags_of(packet) & rule->flags.mask) != rule->flags.value)
		return false;
	if (rule->icmp.given && packet->type != (v6 ? rule->icmp.type6 : rule->icmp.type4))
		return false;
	if (rule->icmp.given && rule->icmp.has_code && packet->code != rule->icmp.code)
		return false;
	return !rule->state || (rule->state == RULE_STATE_NEW) == opens_flow(packet, v6);
}

static bool rule_matches(const struct cluster *cluster, const struct rule *rule, const char *ifname,
			 const struct packet *packet)
{
	int proto = packet->proto ? packet->proto : IPPROTO_TCP;

	if (rule->in[0] && strcmp(rule->in, ifname) != 0)
		return false;
	if (rule->proto && rule->proto != proto)
		return false;
	if (!details_hold(rule, packet))
		return false;
	return ports_hold(rule->sports, rule->sport_count, packet->sport) &&
	       ports_hold(rule->dports, rule->dport_count, packet->dport) &&
	       addresses_hold(cluster, &rule->from, packet->src) &&
	       addresses_hold(cluster, &rule->to, packet->dst);
}

const struct rule *reference_first_match(const struct cluster *cluster, const struct policy *policy,
					 const char *ifname, const struct packet *packet)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (rule_matches(cluster, &policy->rules[i], ifname, packet))
			return &policy->rules[i];
	return NULL;
}
