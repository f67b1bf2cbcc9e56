/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A configuration as JSON, in the order of the file. A member that fails for
 * want of memory makes the whole value NULL: jansson's packer refuses NULL.
 */
#include "model_json.h"
#include "config_check.h"

#include <stdio.h>

static json_t *json_addr(const struct sluice_addr *addr)
{
	char buf[ADDR_TEXT_LEN];

	return json_string(addr_format(addr, buf));
}

static json_t *json_endpoint(const struct endpoint *endpoint)
{
	char buf[ENDPOINT_TEXT_LEN];

	return json_string(endpoint_format(endpoint, buf));
}

static json_t *json_vip(const struct vip *vip)
{
	char buf[VIP_TEXT_LEN];

	return json_string(vip_format(vip, buf));
}

static json_t *json_prefix(const struct prefix *prefix)
{
	char buf[PREFIX_TEXT_LEN];

	return json_string(prefix_format(prefix, buf));
}

/* Appends; on failure frees the array and returns NULL. */
static json_t *append(json_t *array, json_t *value)
{
	if (!array || json_array_append_new(array, value)) {
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *insert(json_t *object, const char *key, json_t *value)
{
	if (!object || json_object_set_new(object, key, value)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *json_prefixes(const struct prefix *prefixes, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		out = append(out, json_prefix(&prefixes[i]));
	return out;
}

static json_t *json_rule_addresses(const struct rule_addresses *addresses)
{
	json_t *out = json_prefixes(addresses->prefixes, addresses->prefix_count);

	for (size_t i = 0; i < addresses->set_count; i++)
		out = append(out, json_string(addresses->sets[i]));
	return out;
}

static json_t *json_port_ranges(const struct port_range *ranges, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		out = append(out, ranges[i].min == ranges[i].max
					  ? json_integer(ranges[i].min)
					  : json_sprintf("%u-%u", ranges[i].min, ranges[i].max));
	return out;
}

static json_t *json_proto(int proto)
{
	char buf[4];

	return json_string(proto_name(proto, buf));
}

/* One as it stands in the file; `of` and `per` are always said. */
json_t *model_json_limit(const struct limit *limit)
{
	char rate[LIMIT_TEXT_LEN], per[LIMIT_TEXT_LEN];
	json_t *out =
		json_pack("{s:s, s:s, s:s}", "rate", limit_rate_format(&limit->rate, rate), "of",
			  measure_name(limit->of), "per", limit_per_format(&limit->per, per));

	return insert(out, "burst", json_integer((json_int_t)limit_burst(limit)));
}

static json_t *insert_limits(json_t *out, const struct limit *limits, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		list = append(list, model_json_limit(&limits[i]));
	if (count)
		return insert(out, "limit", list);
	json_decref(list);
	return out;
}

json_t *model_json_rule(const struct rule *rule)
{
	json_t *out = json_pack("{s:s}", "name", rule->name);
	char text[RULE_MATCH_TEXT_LEN];

	if (*rule->in)
		out = insert(out, "in", json_string(rule->in));
	if (rule->from.prefix_count + rule->from.set_count)
		out = insert(out, "from", json_rule_addresses(&rule->from));
	if (rule->to.prefix_count + rule->to.set_count)
		out = insert(out, "to", json_rule_addresses(&rule->to));
	if (rule->proto)
		out = insert(out, "proto", json_proto(rule->proto));
	if (rule->sport_count)
		out = insert(out, "sport", json_port_ranges(rule->sports, rule->sport_count));
	if (rule->dport_count)
		out = insert(out, "port", json_port_ranges(rule->dports, rule->dport_count));
	out = insert_limits(out, rule->limits, rule->limit_count);
	if (rule->flags.mask)
		out = insert(out, "flags", json_string(tcp_flags_match_format(&rule->flags, text)));
	if (rule->icmp.given)
		out = insert(out, "icmp", json_string(icmp_match_format(&rule->icmp, text)));
	if (rule->state)
		out = insert(out, "state", json_string(rule_state_name(rule->state)));
	return insert(out, "action", json_string(action_name(rule->action)));
}

json_t *model_json_policy(const struct policy *policy)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < policy->rule_count; i++)
		rules = append(rules, model_json_rule(&policy->rules[i]));
	return json_pack("{s:s, s:b, s:o}", "default", action_name(policy->default_action),
			 "strict", policy->strict, "rules", rules);
}

static json_t *json_backend(const struct service *service, const struct backend *backend)
{
	json_t *addresses = json_array(), *out;

	if (backend->has4)
		addresses = append(addresses, json_addr(&backend->addr4));
	if (backend->has6)
		addresses = append(addresses, json_addr(&backend->addr6));
	out = json_pack("{s:i, s:s, s:b, s:o}", "weight", backend->weight, "state",
			backend_admin_name(backend->admin), "backup", backend->backup, "address",
			addresses);
	if (backend->port)
		out = insert(out, "port", json_integer(backend->port));
	if (service->quic)
		out = insert(out, "server_id",
			     json_sprintf("0x%0*llx", 2 * (int)service->quic,
					  (unsigned long long)model_server_id(service, backend)));
	return out;
}

static json_t *insert_bytes(json_t *out, const char *key, const struct check_bytes *bytes)
{
	char buf[CHECK_BYTES_TEXT_LEN];

	if (!bytes->length)
		return out;
	return insert(out, key, json_string(config_check_bytes_format(bytes, buf)));
}

static json_t *json_check_http(json_t *out, const struct health_check *check)
{
	char buf[STATUSES_TEXT_LEN];

	out = insert(out, "path", json_string(check->path));
	out = insert(out, "method", json_string(check_method_name(check->method)));
	out = insert(out, "status", json_string(config_check_statuses_format(check, buf)));
	return insert_bytes(out, "body", &check->body);
}

static json_t *json_check_login(json_t *out, const struct health_check *check)
{
	out = insert(out, "user", json_string(check->user));
	if (*check->password_file)
		out = insert(out, "password_file", json_string(check->password_file));
	return insert(out, "read_only", json_string(check_read_only_name(check->read_only)));
}

static json_t *json_check(const struct health_check *check)
{
	json_t *out = json_pack("{s:s}", "type", check_type_name(check->type));

	if (check->type == CHECK_NONE)
		return out;
	if (check->port)
		out = insert(out, "port", json_integer(check->port));
	out = insert(out, "via", json_string(check_via_name(check->via)));
	if (*check->name)
		out = insert(out, "name", json_string(check->name));
	if (check->type == CHECK_HTTP || check->type == CHECK_HTTPS)
		out = json_check_http(out, check);
	if (*check->ca)
		out = insert(out, "ca", json_string(check->ca));
	out = insert_bytes(out, "send", &check->send);
	out = insert_bytes(out, "expect", &check->expect);
	if (*check->user)
		out = json_check_login(out, check);
	out = insert(out, "interval_ms", json_integer(check->interval_ms));
	out = insert(out, "timeout_ms", json_integer(check->timeout_ms));
	out = insert(out, "jitter_percent", json_integer(check->jitter));
	out = insert(out, "rise", json_integer(check->rise));
	return insert(out, "fall", json_integer(check->fall));
}

json_t *model_json_service(const struct service *service)
{
	json_t *vips = json_array(), *backends = json_object(), *out;
	char cookies[SYN_COOKIES_TEXT_LEN];

	for (size_t i = 0; i < service->vip_count; i++)
		vips = append(vips, json_vip(&service->vips[i]));
	for (size_t i = 0; i < service->backend_count; i++)
		backends = insert(backends, service->backends[i].name,
				  json_backend(service, &service->backends[i]));
	out = json_pack("{s:o, s:o, s:s, s:s, s:i, s:i, s:s, s:i, s:o, s:o}", "vips", vips, "proto",
			json_proto(service->proto), "forward", forward_name(service->forward),
			"affinity", affinity_name(service->affinity), "slow_start_ms",
			(int)service->slow_start_ms, "panic_percent", (int)service->panic_percent,
			"syn_cookies", syn_cookies_format(service->syn_cookies, cookies), "quic",
			(int)service->quic, "backends", backends, "check",
			json_check(&service->check));
	return insert_limits(out, service->limits, service->limit_count);
}

json_t *model_json_roles(unsigned roles)
{
	json_t *out = json_array();

	for (unsigned role = 1; role <= roles; role <<= 1)
		if (roles & role)
			out = append(out, json_string(role_name((enum sluice_role)role)));
	return out;
}

static json_t *json_vlans(const struct interface *interface)
{
	json_t *out = json_array();
	char buf[VLAN_RANGE_TEXT_LEN];

	for (size_t i = 0; i < interface->vlan_count; i++)
		json_array_append_new(out,
				      json_string(vlan_range_format(&interface->vlans[i], buf)));
	return out;
}

static json_t *json_interface(const struct interface *interface)
{
	json_t *out = json_object();

	if (*interface->network)
		out = insert(out, "network", json_string(interface->network));
	out = insert(out, "address", json_prefixes(interface->addresses, interface->address_count));
	if (interface->mtu)
		out = insert(out, "mtu", json_integer(interface->mtu));
	if (interface->roles)
		out = insert(out, "roles", model_json_roles(interface->roles));
	if (*interface->policy)
		out = insert(out, "policy", json_string(interface->policy));
	if (interface->vlan_count)
		out = insert(out, "vlans", json_vlans(interface));
	return out;
}

static json_t *json_route(const struct route *route)
{
	unsigned any = addr_is_v4(&route->via) ? SLUICE_V4_PREFIX_BITS : 0;
	json_t *to = route->to.bits == any ? json_string("default") : json_prefix(&route->to);
	json_t *out = json_pack("{s:o, s:o}", "to", to, "via", json_addr(&route->via));

	return route->mtu ? insert(out, "mtu", json_integer(route->mtu)) : out;
}

static json_t *json_agent(const struct agent_config *agent)
{
	json_t *out = json_object(), *announce = json_array();

	if (agent->has_metrics)
		out = insert(out, "metrics", json_endpoint(&agent->metrics));
	if (agent->has_exchange)
		out = insert(out, "exchange", json_endpoint(&agent->exchange));
	for (size_t i = 0; i < agent->announce_count; i++)
		announce = append(announce, json_string(agent->announce[i]));
	return insert(out, "announce", announce);
}

static json_t *json_node(const struct node *node)
{
	json_t *interfaces = json_object(), *routes = json_array();

	for (size_t i = 0; i < node->interface_count; i++)
		interfaces = insert(interfaces, node->interfaces[i].name,
				    json_interface(&node->interfaces[i]));
	for (size_t i = 0; i < node->route_count; i++)
		routes = append(routes, json_route(&node->routes[i]));
	return json_pack("{s:o, s:o, s:o}", "interfaces", interfaces, "routes", routes, "agent",
			 json_agent(&node->agent));
}

static json_t *json_sizes(const struct table_sizes *sizes)
{
	json_t *out = json_object();

#define TABLE_SIZE_JSON(member, key, normal, least, most)                                          \
	if (sizes->member)                                                                         \
		out = insert(out, key, json_integer(sizes->member));
	TABLE_SIZES(TABLE_SIZE_JSON)
#undef TABLE_SIZE_JSON
	return out;
}

json_t *model_json(const struct cluster *cluster)
{
	json_t *sets = json_object(), *services = json_object(), *policies = json_object(),
	       *nodes = json_object();

	for (size_t i = 0; i < cluster->set_count; i++)
		sets = insert(
			sets, cluster->sets[i].name,
			json_prefixes(cluster->sets[i].prefixes, cluster->sets[i].prefix_count));
	for (size_t i = 0; i < cluster->service_count; i++)
		services = insert(services, cluster->services[i].name,
				  model_json_service(&cluster->services[i]));
	for (size_t i = 0; i < cluster->policy_count; i++)
		policies = insert(policies, cluster->policies[i].name,
				  model_json_policy(&cluster->policies[i]));
	for (size_t i = 0; i < cluster->node_count; i++)
		nodes = insert(nodes, cluster->nodes[i].name, json_node(&cluster->nodes[i]));
	return json_pack("{s:i, s:s, s:s, s:o, s:i, s:o, s:o, s:o, s:o}", "sluice", MODEL_VERSION,
			 "cluster", cluster->name, "key", cluster->key_file, "limits",
			 json_sizes(&cluster->sizes), "gue-port", (int)cluster->gue_port, "sets",
			 sets, "services", services, "policies", policies, "nodes", nodes);
}
