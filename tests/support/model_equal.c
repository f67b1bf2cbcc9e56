/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Equality of models for tests: does not use the writer, so that a member the
 * writer forgets is noticed.
 */
#include "model_equal.h"

#include <string.h>

/* Calls `equal` for each pair of two arrays of structs. */
#define ARRAYS_EQUAL(a, b, items, count, equal)                                                    \
	((a)->count == (b)->count &&                                                               \
	 arrays_equal((a)->items, (b)->items, (a)->count, sizeof(*(a)->items), equal))

static bool arrays_equal(const void *a, const void *b, size_t count, size_t size,
			 bool (*equal)(const void *a, const void *b))
{
	for (size_t i = 0; i < count; i++)
		if (!equal((const char *)a + i * size, (const char *)b + i * size))
			return false;
	return true;
}

static bool prefixes_equal(const void *left, const void *right)
{
	return prefix_equal(left, right);
}

static bool vips_equal(const void *left, const void *right)
{
	return vip_equal(left, right);
}

static bool endpoint_equal(const void *left, const void *right)
{
	const struct endpoint *a = left, *b = right;

	return !addr_cmp(&a->addr, &b->addr) && a->port == b->port;
}

static bool range_equal(const void *left, const void *right)
{
	const struct port_range *a = left, *b = right;

	return a->min == b->min && a->max == b->max;
}

static bool name_equal(const void *a, const void *b)
{
	return !strcmp(a, b);
}

static bool set_equal(const void *left, const void *right)
{
	const struct address_set *a = left, *b = right;

	return name_equal(a->name, b->name) &&
	       ARRAYS_EQUAL(a, b, prefixes, prefix_count, prefixes_equal);
}

static bool backend_equal(const void *left, const void *right)
{
	const struct backend *a = left, *b = right;

	return name_equal(a->name, b->name) && a->has4 == b->has4 && a->has6 == b->has6 &&
	       !addr_cmp(&a->addr4, &b->addr4) && !addr_cmp(&a->addr6, &b->addr6) &&
	       a->weight == b->weight && a->admin == b->admin && a->backup == b->backup &&
	       a->server_id.length == b->server_id.length &&
	       a->server_id.value == b->server_id.value && a->port == b->port;
}

static bool bytes_equal(const struct check_bytes *a, const struct check_bytes *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

static bool check_equal(const struct health_check *a, const struct health_check *b)
{
	return a->type == b->type && a->port == b->port && a->via == b->via &&
	       name_equal(a->name, b->name) && name_equal(a->path, b->path) &&
	       a->method == b->method && a->status_count == b->status_count &&
	       !memcmp(a->statuses, b->statuses, a->status_count * sizeof(*a->statuses)) &&
	       bytes_equal(&a->body, &b->body) && name_equal(a->ca, b->ca) &&
	       bytes_equal(&a->send, &b->send) && bytes_equal(&a->expect, &b->expect) &&
	       name_equal(a->user, b->user) && name_equal(a->password_file, b->password_file) &&
	       a->read_only == b->read_only && a->interval_ms == b->interval_ms &&
	       a->timeout_ms == b->timeout_ms && a->jitter == b->jitter && a->rise == b->rise &&
	       a->fall == b->fall;
}

static bool limit_equal(const void *left, const void *right)
{
	const struct limit *a = left, *b = right;

	return a->of == b->of && a->rate.amount == b->rate.amount &&
	       a->rate.seconds == b->rate.seconds && a->per.source == b->per.source &&
	       a->per.bits == b->per.bits && a->per.bits6 == b->per.bits6 && a->burst == b->burst;
}

static bool service_equal(const void *left, const void *right)
{
	const struct service *a = left, *b = right;

	return name_equal(a->name, b->name) && a->proto == b->proto && a->forward == b->forward &&
	       a->affinity == b->affinity && a->panic_percent == b->panic_percent &&
	       a->slow_start_ms == b->slow_start_ms && a->quic == b->quic &&
	       a->syn_cookies == b->syn_cookies &&
	       ARRAYS_EQUAL(a, b, vips, vip_count, vips_equal) &&
	       ARRAYS_EQUAL(a, b, backends, backend_count, backend_equal) &&
	       ARRAYS_EQUAL(a, b, limits, limit_count, limit_equal) &&
	       check_equal(&a->check, &b->check);
}

static bool addresses_equal(const struct rule_addresses *a, const struct rule_addresses *b)
{
	return ARRAYS_EQUAL(a, b, prefixes, prefix_count, prefixes_equal) &&
	       ARRAYS_EQUAL(a, b, sets, set_count, name_equal);
}

static bool rule_equal(const void *left, const void *right)
{
	const struct rule *a = left, *b = right;

	return name_equal(a->name, b->name) && a->id == b->id && name_equal(a->in, b->in) &&
	       addresses_equal(&a->from, &b->from) && addresses_equal(&a->to, &b->to) &&
	       a->proto == b->proto && ARRAYS_EQUAL(a, b, sports, sport_count, range_equal) &&
	       ARRAYS_EQUAL(a, b, dports, dport_count, range_equal) && a->action == b->action &&
	       ARRAYS_EQUAL(a, b, limits, limit_count, limit_equal) &&
	       !memcmp(&a->flags, &b->flags, sizeof(a->flags)) &&
	       !memcmp(&a->icmp, &b->icmp, sizeof(a->icmp)) && a->state == b->state;
}

static bool policy_equal(const void *left, const void *right)
{
	const struct policy *a = left, *b = right;

	return name_equal(a->name, b->name) && a->default_action == b->default_action &&
	       a->strict == b->strict && ARRAYS_EQUAL(a, b, rules, rule_count, rule_equal);
}

static bool vlans_equal(const struct interface *a, const struct interface *b)
{
	return a->vlan_count == b->vlan_count &&
	       !memcmp(a->vlans, b->vlans, a->vlan_count * sizeof(a->vlans[0]));
}

static bool interface_equal(const void *left, const void *right)
{
	const struct interface *a = left, *b = right;

	return name_equal(a->name, b->name) && name_equal(a->network, b->network) &&
	       ARRAYS_EQUAL(a, b, addresses, address_count, prefixes_equal) && a->mtu == b->mtu &&
	       a->roles == b->roles && name_equal(a->policy, b->policy) && vlans_equal(a, b);
}

static bool route_equal(const void *left, const void *right)
{
	const struct route *a = left, *b = right;

	return prefix_equal(&a->to, &b->to) && !addr_cmp(&a->via, &b->via) && a->mtu == b->mtu;
}

static bool agent_equal(const struct agent_config *a, const struct agent_config *b)
{
	return a->has_metrics == b->has_metrics && endpoint_equal(&a->metrics, &b->metrics) &&
	       a->has_exchange == b->has_exchange && endpoint_equal(&a->exchange, &b->exchange) &&
	       ARRAYS_EQUAL(a, b, announce, announce_count, name_equal);
}

static bool node_equal(const void *left, const void *right)
{
	const struct node *a = left, *b = right;

	return name_equal(a->name, b->name) &&
	       ARRAYS_EQUAL(a, b, interfaces, interface_count, interface_equal) &&
	       ARRAYS_EQUAL(a, b, routes, route_count, route_equal) &&
	       agent_equal(&a->agent, &b->agent);
}

bool model_equal(const struct cluster *a, const struct cluster *b)
{
	return name_equal(a->name, b->name) && !memcmp(&a->sizes, &b->sizes, sizeof(a->sizes)) &&
	       a->gue_port == b->gue_port && name_equal(a->key_file, b->key_file) &&
	       ARRAYS_EQUAL(a, b, sets, set_count, set_equal) &&
	       ARRAYS_EQUAL(a, b, services, service_count, service_equal) &&
	       ARRAYS_EQUAL(a, b, policies, policy_count, policy_equal) &&
	       ARRAYS_EQUAL(a, b, nodes, node_count, node_equal);
}
