/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The canonical form of a cluster file: fixed order of keys, no comments, no
 * defaults, one line per rule. It is what is stored with the data plane and
 * what `show config` prints; equal models give equal bytes.
 */
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_flow.h"
#include "config_limit.h"
#include "words.h"

#define LINE_MAX_COLUMNS 100

/* --- scalars ---------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/";

	return text[0] && strchr(first, text[0]) &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.-") ==
		       strlen(text);
}

/* Text is printable ASCII: only the quote and the backslash need care. */
static void put_text(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void put_duration(FILE *out, unsigned ms)
{
	if (ms && ms % 60000 == 0)
		fprintf(out, "%um", ms / 60000);
	else if (ms && ms % 1000 == 0)
		fprintf(out, "%us", ms / 1000);
	else
		fprintf(out, "%ums", ms);
}

static void put_address(FILE *out, const struct sluice_addr *addr)
{
	char buf[ADDR_TEXT_LEN];

	put_text(out, addr_format(addr, buf));
}

static void put_prefix(FILE *out, const struct prefix *prefix)
{
	char buf[PREFIX_TEXT_LEN];

	put_text(out, prefix_format(prefix, buf));
}

static void put_endpoint(FILE *out, const struct endpoint *endpoint)
{
	char buf[ENDPOINT_TEXT_LEN];

	put_text(out, endpoint_format(endpoint, buf));
}

static void put_vip(FILE *out, const struct vip *vip)
{
	char buf[VIP_TEXT_LEN];

	put_text(out, vip_format(vip, buf));
}

static void put_ports(FILE *out, const struct port_range *range)
{
	fprintf(out, range->min == range->max ? "%u" : "%u-%u", range->min, range->max);
}

/* --- flow collections: {key: value, ...} and [value, ...] ----------------------------- */

FILE *flow_key(struct flow *flow, const char *key)
{
	fprintf(flow->out, "%s%s: ", flow->begun ? ", " : "", key);
	flow->begun = true;
	return flow->out;
}

void flow_text(struct flow *flow, const char *key, const char *text)
{
	put_text(flow_key(flow, key), text);
}

void flow_number(struct flow *flow, const char *key, unsigned number)
{
	fprintf(flow_key(flow, key), "%u", number);
}

void flow_duration(struct flow *flow, const char *key, unsigned ms)
{
	put_duration(flow_key(flow, key), ms);
}

static void list_begin(FILE *out, size_t count)
{
	if (count != 1)
		putc('[', out);
}

static void list_end(FILE *out, size_t count)
{
	if (count != 1)
		putc(']', out);
}

static void list_separate(FILE *out, size_t index)
{
	if (index)
		fputs(", ", out);
}

static void put_prefixes(FILE *out, const struct prefix *prefixes, size_t count)
{
	list_begin(out, count);
	for (size_t i = 0; i < count; i++) {
		list_separate(out, i);
		put_prefix(out, &prefixes[i]);
	}
	list_end(out, count);
}

static void flow_prefixes(struct flow *flow, const char *key, const struct prefix *prefixes,
			  size_t count)
{
	if (count)
		put_prefixes(flow_key(flow, key), prefixes, count);
}

static void flow_ports(struct flow *flow, const char *key, const struct port_range *ranges,
		       size_t count)
{
	FILE *out = flow->out;

	if (!count)
		return;
	flow_key(flow, key);
	list_begin(out, count);
	for (size_t i = 0; i < count; i++) {
		list_separate(out, i);
		put_ports(out, &ranges[i]);
	}
	list_end(out, count);
}

static void put_names(FILE *out, const char (*names)[SLUICE_NAME_LEN], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		list_separate(out, i);
		put_text(out, names[i]);
	}
}

/* --- sections --------------------------------------------------------------------- */

/* A list that may be long: broken into lines. */
static void write_set(FILE *out, const struct address_set *set)
{
	size_t column = (size_t)fprintf(out, "  %s: [", set->name);

	for (size_t i = 0; i < set->prefix_count; i++) {
		char buf[PREFIX_TEXT_LEN];
		size_t width = strlen(prefix_format(&set->prefixes[i], buf)) + 4;

		if (i && column + width > LINE_MAX_COLUMNS)
			column = (size_t)fprintf(out, ",\n    ") - 1;
		else
			list_separate(out, i);
		put_prefix(out, &set->prefixes[i]);
		column += width;
	}
	fputs("]\n", out);
}

static void write_backend(FILE *out, const struct cluster *cluster, const struct backend *backend)
{
	struct flow flow = {.out = out};
	struct backend by_name = *backend;
	bool same = model_backend_resolve(cluster, &by_name) && by_name.has4 == backend->has4 &&
		    by_name.has6 == backend->has6 && !addr_cmp(&by_name.addr4, &backend->addr4) &&
		    !addr_cmp(&by_name.addr6, &backend->addr6);

	fputs("      ", out);
	put_text(out, backend->name);
	fputs(": {", out);
	if (!same && (backend->has4 || backend->has6)) {
		struct prefix addresses[] = {{backend->addr4, 128}, {backend->addr6, 128}};

		flow_prefixes(&flow, "address", backend->has4 ? addresses : addresses + 1,
			      backend->has4 + backend->has6);
	}
	if (backend->port)
		flow_number(&flow, "port", backend->port);
	if (backend->weight != MODEL_DEFAULT_WEIGHT)
		flow_number(&flow, "weight", backend->weight);
	if (backend->admin != BACKEND_ADMIN_UP)
		flow_text(&flow, "state", backend_admin_name(backend->admin));
	if (backend->backup)
		flow_text(&flow, "backup", "yes");
	if (backend->server_id.length)
		fprintf(flow_key(&flow, "server-id"), "0x%0*llx",
			2 * (int)backend->server_id.length,
			(unsigned long long)backend->server_id.value);
	fputs("}\n", out);
}

static void write_scheduling(FILE *out, const struct service *service)
{
	if (service->affinity != AFFINITY_NONE)
		fprintf(out, "    affinity: %s\n", affinity_name(service->affinity));
	if (service->slow_start_ms) {
		fputs("    slow-start: ", out);
		put_duration(out, service->slow_start_ms);
		putc('\n', out);
	}
	if (service->panic_percent)
		fprintf(out, "    panic: %u%%\n", service->panic_percent);
}

static void write_service(FILE *out, const struct cluster *cluster, const struct service *service)
{
	char number[4], cookies[SYN_COOKIES_TEXT_LEN];

	fprintf(out, "  %s:\n    vips: [", service->name);
	for (size_t i = 0; i < service->vip_count; i++) {
		list_separate(out, i);
		put_vip(out, &service->vips[i]);
	}
	fprintf(out, "]\n    proto: %s\n    forward: %s\n", proto_name(service->proto, number),
		forward_name(service->forward));
	write_scheduling(out, service);
	if (service->syn_cookies != SYN_COOKIES_OFF)
		fprintf(out, "    syn-cookies: %s\n",
			syn_cookies_format(service->syn_cookies, cookies));
	if (service->quic)
		fprintf(out, "    quic: %u\n", service->quic);
	if (service->limit_count) {
		fputs("    limit: ", out);
		config_limit_write(out, service->limits, service->limit_count);
		putc('\n', out);
	}
	if (service->backend_count)
		fputs("    backends:\n", out);
	for (size_t i = 0; i < service->backend_count; i++)
		write_backend(out, cluster, &service->backends[i]);
	config_check_write(out, &service->check);
}

static void flow_rule_addresses(struct flow *flow, const char *key,
				const struct rule_addresses *addresses)
{
	size_t count = addresses->set_count + addresses->prefix_count;
	FILE *out = flow->out;

	if (!count)
		return;
	flow_key(flow, key);
	list_begin(out, count);
	put_names(out, (const char(*)[SLUICE_NAME_LEN])addresses->sets, addresses->set_count);
	for (size_t i = 0; i < addresses->prefix_count; i++) {
		list_separate(out, addresses->set_count + i);
		put_prefix(out, &addresses->prefixes[i]);
	}
	list_end(out, count);
}

static void write_rule(FILE *out, const struct rule *rule)
{
	struct flow flow = {.out = out};
	char number[4], text[RULE_MATCH_TEXT_LEN];

	fputs("      - {", out);
	flow_text(&flow, "name", rule->name);
	if (rule->id != SLUICE_NONE)
		flow_number(&flow, "id", rule->id);
	if (rule->in[0])
		flow_text(&flow, "in", rule->in);
	flow_rule_addresses(&flow, "from", &rule->from);
	flow_rule_addresses(&flow, "to", &rule->to);
	if (rule->proto)
		flow_text(&flow, "proto", proto_name(rule->proto, number));
	flow_ports(&flow, "sport", rule->sports, rule->sport_count);
	flow_ports(&flow, "port", rule->dports, rule->dport_count);
	if (rule->flags.mask)
		fprintf(flow_key(&flow, "flags"), "\"%s\"",
			tcp_flags_match_format(&rule->flags, text));
	if (rule->icmp.given)
		flow_text(&flow, "icmp", icmp_match_format(&rule->icmp, text));
	if (rule->state)
		flow_text(&flow, "state", rule_state_name(rule->state));
	flow_text(&flow, "action", action_name(rule->action));
	if (rule->limit_count)
		config_limit_write(flow_key(&flow, "limit"), rule->limits, rule->limit_count);
	fputs("}\n", out);
}

static void write_policy(FILE *out, const struct policy *policy)
{
	fprintf(out, "  %s:\n    default: %s\n", policy->name, action_name(policy->default_action));
	if (!policy->strict)
		fputs("    strict: false\n", out);
	if (policy->rule_count)
		fputs("    rules:\n", out);
	for (size_t i = 0; i < policy->rule_count; i++)
		write_rule(out, &policy->rules[i]);
}

/* Here a host prefix is written out: the reader wants to see one. */
static void flow_interface_addresses(struct flow *flow, const struct interface *interface)
{
	size_t count = interface->address_count;
	FILE *out = flow->out;

	if (!count)
		return;
	flow_key(flow, "address");
	list_begin(out, count);
	for (size_t i = 0; i < count; i++) {
		const struct prefix *prefix = &interface->addresses[i];
		char buf[PREFIX_TEXT_LEN];

		prefix_format(prefix, buf);
		if (prefix->bits == 128)
			strcat(buf, addr_is_v4(&prefix->addr) ? "/32" : "/128");
		list_separate(out, i);
		put_text(out, buf);
	}
	list_end(out, count);
}

static void flow_roles(struct flow *flow, unsigned roles)
{
	size_t count = (size_t)__builtin_popcount(roles), written = 0;
	FILE *out = flow->out;

	if (!roles)
		return;
	flow_key(flow, "roles");
	list_begin(out, count);
	for (int i = 0; role_words[i]; i++) {
		if (!(roles & 1U << i))
			continue;
		list_separate(out, written++);
		fputs(role_words[i], out);
	}
	list_end(out, count);
}

static void flow_vlans(struct flow *flow, const struct interface *interface)
{
	char buf[VLAN_RANGE_TEXT_LEN];

	if (!interface->vlan_count)
		return;
	flow_key(flow, "vlans");
	list_begin(flow->out, interface->vlan_count);
	for (size_t i = 0; i < interface->vlan_count; i++) {
		list_separate(flow->out, i);
		fputs(vlan_range_format(&interface->vlans[i], buf), flow->out);
	}
	list_end(flow->out, interface->vlan_count);
}

static void write_interface(FILE *out, const struct interface *interface)
{
	struct flow flow = {.out = out};

	fputs("      ", out);
	put_text(out, interface->name);
	fputs(": {", out);
	if (interface->network[0])
		flow_text(&flow, "network", interface->network);
	flow_interface_addresses(&flow, interface);
	if (interface->mtu)
		flow_number(&flow, "mtu", interface->mtu);
	flow_roles(&flow, interface->roles);
	if (interface->policy[0])
		flow_text(&flow, "policy", interface->policy);
	flow_vlans(&flow, interface);
	fputs("}\n", out);
}

static void write_route(FILE *out, const struct route *route)
{
	unsigned family_bits = addr_is_v4(&route->to.addr) ? SLUICE_V4_PREFIX_BITS : 0;
	struct flow flow = {.out = out};

	fputs("      - {", out);
	if (route->to.bits == family_bits)
		flow_text(&flow, "to", "default");
	else
		flow_prefixes(&flow, "to", &route->to, 1);
	put_address(flow_key(&flow, "via"), &route->via);
	if (route->mtu)
		flow_number(&flow, "mtu", route->mtu);
	fputs("}\n", out);
}

static void write_agent(FILE *out, const struct agent_config *agent)
{
	struct flow flow = {.out = out};

	if (!agent->has_metrics && !agent->has_exchange && !agent->announce_count)
		return;
	fputs("    agent: {", out);
	if (agent->has_metrics)
		put_endpoint(flow_key(&flow, "metrics"), &agent->metrics);
	if (agent->has_exchange)
		put_endpoint(flow_key(&flow, "exchange"), &agent->exchange);
	if (agent->announce_count) {
		fputs("[", flow_key(&flow, "announce"));
		put_names(out, (const char(*)[SLUICE_NAME_LEN])agent->announce,
			  agent->announce_count);
		putc(']', out);
	}
	fputs("}\n", out);
}

static void write_node(FILE *out, const struct node *node)
{
	fprintf(out, "  %s:\n", node->name);
	if (node->interface_count)
		fputs("    interfaces:\n", out);
	for (size_t i = 0; i < node->interface_count; i++)
		write_interface(out, &node->interfaces[i]);
	if (node->route_count)
		fputs("    routes:\n", out);
	for (size_t i = 0; i < node->route_count; i++)
		write_route(out, &node->routes[i]);
	write_agent(out, &node->agent);
}

static void write_sizes(FILE *out, const struct table_sizes *sizes)
{
	struct flow flow = {.out = out};

	if (!memcmp(sizes, &table_sizes_default, sizeof(*sizes)))
		return;
	fputs("limits: {", out);
#define TABLE_SIZE_WRITE(member, key, normal, least, most)                                         \
	if (sizes->member != (normal))                                                             \
		flow_number(&flow, key, sizes->member);
	TABLE_SIZES(TABLE_SIZE_WRITE)
#undef TABLE_SIZE_WRITE
	fputs("}\n", out);
}

static void write_head(FILE *out, const struct cluster *cluster)
{
	fprintf(out, "sluice: %d\n", MODEL_VERSION);
	if (cluster->name[0])
		fprintf(out, "cluster: %s\n", cluster->name);
	if (cluster->key_file[0]) {
		fputs("key: ", out);
		put_text(out, cluster->key_file);
		putc('\n', out);
	}
	write_sizes(out, &cluster->sizes);
	if (cluster->gue_port != MODEL_DEFAULT_GUE)
		fprintf(out, "gue-port: %u\n", cluster->gue_port);
}

static void write_cluster(FILE *out, const struct cluster *cluster)
{
	write_head(out, cluster);
	if (cluster->set_count)
		fputs("\nsets:\n", out);
	for (size_t i = 0; i < cluster->set_count; i++)
		write_set(out, &cluster->sets[i]);
	if (cluster->service_count)
		fputs("\nservices:\n", out);
	for (size_t i = 0; i < cluster->service_count; i++)
		write_service(out, cluster, &cluster->services[i]);
	if (cluster->policy_count)
		fputs("\npolicies:\n", out);
	for (size_t i = 0; i < cluster->policy_count; i++)
		write_policy(out, &cluster->policies[i]);
	if (cluster->node_count)
		fputs("\nnodes:\n", out);
	for (size_t i = 0; i < cluster->node_count; i++)
		write_node(out, &cluster->nodes[i]);
}

int config_write(const struct cluster *cluster, char **text, size_t *length)
{
	char *buffer = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&buffer, &size);
	bool failed;

	if (!out)
		return -ENOMEM;
	write_cluster(out, cluster);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(buffer);
		return -ENOMEM;
	}
	*text = buffer;
	*length = size;
	return 0;
}
