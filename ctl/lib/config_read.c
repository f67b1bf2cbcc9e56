/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The cluster file: its keys, as tables, and the few values that are read in a
 * way of their own. A key that is not in a table does not exist.
 */
#include "model.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "config_check.h"
#include "config_limit.h"
#include "config_reader.h"
#include "model_array.h"
#include "words.h"

#define BITS_OF_DEFAULT	      255 /* "default": the family is that of `via`, read later */
#define NAME_EXPECTED	      "1 to 31 letters, digits, \".\", \"_\" or \"-\", not an address"
#define NODE_NAME_EXPECTED    "1 to 31 letters, digits, \"_\" or \"-\", not an address"
#define BACKEND_NAME_EXPECTED "the name of a node or an address, at most 31 characters"
#define IFNAME_EXPECTED	      "an interface name of 1 to 15 characters"
#define PORTS_EXPECTED	      "a port from 1 to 65535 or a range such as 8000-8099"
#define ENDPOINT_EXPECTED     "address and port, as in 192.0.2.10:80 or \"[2001:db8::10]:80\""
#define VIP_EXPECTED                                                                               \
	"address or network, and port, as in 192.0.2.10:80, \"[2001:db8::10]:8000-8099\" or "      \
	"198.51.100.0/24:*"
#define SERVER_ID_EXPECTED "1 to 8 octets as hexadecimal digits, as in 0x0102"
#define NETWORK_EXPECTED   "an address or a network, as in 10.0.0.0/8 or \"fd00::/8\""
#define ADDRESSES_EXPECTED "a network, as in 10.0.0.0/8 or \"fd00::/8\", or the name of a set"

static const char *const bool_words[] = {"false", "true", NULL};
static const char *const service_proto_words[] = {"tcp", "udp", NULL};
static const char *const policy_default_words[] = {"drop", "accept", NULL};

/* --- values read in a way of their own -------------------------------------------- */

static int parse_version(const struct field *field, const char *text, void *out)
{
	unsigned version;

	(void)out;
	return parse_number(field, text, &version);
}

static int parse_service_proto(const struct field *field, const char *text, void *out)
{
	(void)field;
	if (words_find(service_proto_words, text) < 0)
		return -EINVAL;
	return proto_parse(text, out);
}

static int parse_server_id(const struct field *field, const char *text, void *out)
{
	(void)field;
	return server_id_parse(text, out);
}

static int parse_destination(const struct field *field, const char *text, void *out)
{
	struct prefix *to = out;

	if (strcmp(text, "default"))
		return parse_network(field, text, out);
	to->bits = BITS_OF_DEFAULT;
	return 0;
}

static void read_role(struct reader *r, const struct field *field, const yaml_node_t *scalar,
		      void *object)
{
	struct interface *interface = object;
	const char *text = reader_text(scalar);
	enum sluice_role role;

	if (!text || role_parse(text, &role))
		reader_mistake(r, field, scalar);
	else
		interface->roles |= role;
}

static void read_roles(struct reader *r, const struct field *field, const yaml_node_t *value,
		       void *object)
{
	reader_each_scalar(r, field, value, object, read_role);
}

static void read_vlan(struct reader *r, const struct field *field, const yaml_node_t *scalar,
		      void *object)
{
	struct interface *interface = object;
	const char *text = reader_text(scalar);

	if (!text || vlan_range_parse(text, &interface->vlans[interface->vlan_count]))
		reader_mistake(r, field, scalar);
	else
		interface->vlan_count++;
}

static void read_vlans(struct reader *r, const struct field *field, const yaml_node_t *value,
		       void *object)
{
	reader_each_scalar(r, field, value, object, read_vlan);
}

static void read_backend_address(struct reader *r, const struct field *field,
				 const yaml_node_t *scalar, void *object)
{
	struct backend *backend = object;
	const char *text = reader_text(scalar);
	struct sluice_addr addr;

	if (!text || addr_parse(text, &addr) ||
	    (addr_is_v4(&addr) ? backend->has4 : backend->has6)) {
		reader_mistake(r, field, scalar);
	} else if (addr_is_v4(&addr)) {
		backend->addr4 = addr;
		backend->has4 = true;
	} else {
		backend->addr6 = addr;
		backend->has6 = true;
	}
}

static void read_backend_addresses(struct reader *r, const struct field *field,
				   const yaml_node_t *value, void *object)
{
	reader_each_scalar(r, field, value, object, read_backend_address);
}

/* A prefix, or else the name of a set. */
static void read_rule_address(struct reader *r, const struct field *field,
			      const yaml_node_t *scalar, void *object)
{
	struct rule_addresses *addresses = (void *)((char *)object + field->offset);
	const char *text = reader_text(scalar);
	struct prefix prefix;
	void *added;

	if (text && !parse_network(field, text, &prefix)) {
		added = model_array_add(&addresses->prefixes, &addresses->prefix_count,
					sizeof(prefix));
		if (added)
			memcpy(added, &prefix, sizeof(prefix));
	} else if (text && model_name_is_valid(text)) {
		added = model_array_add(&addresses->sets, &addresses->set_count,
					sizeof(*addresses->sets));
		if (added)
			strcpy(added, text);
	} else {
		reader_mistake(r, field, scalar);
		return;
	}
	if (!added)
		reader_out_of_memory(r);
}

static void read_rule_addresses(struct reader *r, const struct field *field,
				const yaml_node_t *value, void *object)
{
	reader_each_scalar(r, field, value, object, read_rule_address);
}

/* --- objects ---------------------------------------------------------------------- */

static void *add_set(void *cluster, const char *name)
{
	return model_set_add(cluster, name);
}

static void *add_service(void *cluster, const char *name)
{
	return model_service_add(cluster, name);
}

static void *add_policy(void *cluster, const char *name)
{
	return model_policy_add(cluster, name);
}

static void *add_node(void *cluster, const char *name)
{
	return model_node_add(cluster, name);
}

static void *add_interface(void *node, const char *name)
{
	return model_interface_add(node, name);
}

static void *add_rule(void *policy, const char *name)
{
	return model_rule_add(policy, name, SIZE_MAX);
}

static void *add_rule_limit(void *object, const char *name)
{
	struct rule *rule = object;

	(void)name;
	return model_array_add(&rule->limits, &rule->limit_count, sizeof(*rule->limits));
}

static void *add_service_limit(void *object, const char *name)
{
	struct service *service = object;

	(void)name;
	return model_array_add(&service->limits, &service->limit_count, sizeof(*service->limits));
}

static void *add_route(void *object, const char *name)
{
	struct node *node = object;

	(void)name;
	return model_array_add(&node->routes, &node->route_count, sizeof(*node->routes));
}

/* An address as a name is kept in its canonical spelling. */
static void *add_backend(void *service, const char *name)
{
	char buf[ADDR_TEXT_LEN];
	struct sluice_addr addr;

	if (!addr_parse(name, &addr))
		name = addr_format(&addr, buf);
	return model_backend_add(service, name);
}

static bool backend_name_is_valid(const char *name)
{
	char buf[ADDR_TEXT_LEN];
	struct sluice_addr addr;

	if (addr_parse(name, &addr))
		return model_name_is_valid(name);
	return strlen(addr_format(&addr, buf)) < SLUICE_NAME_LEN;
}

/* --- the tables ------------------------------------------------------------------- */

/* Of each kind of member, what its fields have in common. */
/* clang-format off */
#define NAME(type, member) \
	.read = read_scalar, .parse = parse_name, FIELD_MEMBER(type, member), \
	.expected = NAME_EXPECTED
#define NUMBER(type, member, least, most) \
	.read = read_scalar, .parse = parse_number, FIELD_MEMBER(type, member), \
	.min = least, .max = most
#define WORD(type, member, list) \
	.read = read_scalar, .parse = parse_word, FIELD_MEMBER(type, member), .words = list
#define PORTS(type, member, count) \
	.read = read_list, .parse = parse_port_range, FIELD_LIST(type, member, count), \
	.expected = PORTS_EXPECTED
#define NETWORKS(type, member, count) \
	.read = read_list, .parse = parse_network, FIELD_LIST(type, member, count), \
	.expected = NETWORK_EXPECTED, .suggest = suggest_network
#define RULE_ADDRESSES(type, member) \
	.read = read_rule_addresses, .parse = parse_network, FIELD_MEMBER(type, member), \
	.expected = ADDRESSES_EXPECTED, .suggest = suggest_network
#define ENDPOINT(type, member, flag) \
	.read = read_scalar_and_flag, .parse = parse_endpoint, FIELD_MEMBER(type, member), \
	.beside = offsetof(type, flag), .expected = ENDPOINT_EXPECTED
#define LIMITS(add_limit) \
	.read = config_limit_read, .members = config_limit_fields, .kind = "limit", \
	.add = add_limit, .max = 2 * SLUICE_MEASURE_COUNT

static const struct field limits_fields[] = {
#define TABLE_SIZE_FIELD(member, key, normal, least, most) \
	{key, NUMBER(struct table_sizes, member, least, most)},
	TABLE_SIZES(TABLE_SIZE_FIELD)
#undef TABLE_SIZE_FIELD
	{},
};

static const struct field backend_fields[] = {
	{"weight", NUMBER(struct backend, weight, 0, MODEL_MAX_WEIGHT)},
	{"address", .read = read_backend_addresses,
	 .expected = "an address, at most one IPv4 and one IPv6"},
	{"state", WORD(struct backend, admin, backend_admin_words)},
	{"backup", .read = read_scalar, .parse = parse_bool, FIELD_MEMBER(struct backend, backup),
	 .words = yes_no_words},
	{"server-id", .read = read_scalar, .parse = parse_server_id,
	 FIELD_MEMBER(struct backend, server_id), .expected = SERVER_ID_EXPECTED},
	{"port", NUMBER(struct backend, port, 1, 65535)},
	{},
};

static const struct field service_fields[] = {
	{"vips", .read = read_list, .parse = parse_vip,
	 FIELD_LIST(struct service, vips, vip_count), .expected = VIP_EXPECTED,
	 .suggest = vip_suggest, .required = true},
	{"proto", .read = read_scalar, .parse = parse_service_proto,
	 FIELD_MEMBER(struct service, proto), .words = service_proto_words},
	{"forward", WORD(struct service, forward, forward_words)},
	{"affinity", WORD(struct service, affinity, affinity_words)},
	{"slow-start", .read = read_scalar, .parse = parse_duration_ms,
	 FIELD_MEMBER(struct service, slow_start_ms), .max = MODEL_MAX_SLOW_START_MS,
	 .expected = SLOW_START_EXPECTED},
	{"panic", .read = read_scalar, .parse = parse_percent,
	 FIELD_MEMBER(struct service, panic_percent), .max = 100,
	 .expected = "a percentage from 0% to 100%"},
	{"syn-cookies", .read = read_scalar, .parse = parse_syn_cookies,
	 FIELD_MEMBER(struct service, syn_cookies), .expected = SYN_COOKIES_EXPECTED},
	{"quic", NUMBER(struct service, quic, 0, SLUICE_MAX_SERVER_ID)},
	{"backends", .read = read_map, .members = backend_fields, .kind = "backend",
	 .add = add_backend, .name_is_valid = backend_name_is_valid,
	 .expected = BACKEND_NAME_EXPECTED, .max = SLUICE_MAX_BACKENDS},
	{"limit", LIMITS(add_service_limit)},
	{"check", .read = read_object, .members = config_check_fields,
	 .offset = offsetof(struct service, check)},
	{},
};

static const struct field rule_fields[] = {
	{"name", NAME(struct rule, name), .required = true},
	{"id", NUMBER(struct rule, id, 0, SLUICE_MAX_RULES - 1)},
	{"in", .read = read_scalar, .parse = parse_ifname, FIELD_MEMBER(struct rule, in),
	 .expected = IFNAME_EXPECTED},
	{"from", RULE_ADDRESSES(struct rule, from)},
	{"to", RULE_ADDRESSES(struct rule, to)},
	{"proto", .read = read_scalar, .parse = parse_protocol, FIELD_MEMBER(struct rule, proto),
	 .words = proto_words, .expected = "a protocol, such as tcp, udp or icmp, or its number"},
	{"sport", PORTS(struct rule, sports, sport_count)},
	{"port", PORTS(struct rule, dports, dport_count)},
	{"flags", .read = read_scalar, .parse = parse_tcp_flags_match,
	 FIELD_MEMBER(struct rule, flags), .expected = TCP_FLAGS_EXPECTED},
	{"icmp", .read = read_scalar, .parse = parse_icmp_match, FIELD_MEMBER(struct rule, icmp),
	 .expected = ICMP_EXPECTED},
	{"state", .read = read_scalar, .parse = parse_rule_state,
	 FIELD_MEMBER(struct rule, state), .expected = RULE_STATE_EXPECTED},
	{"action", WORD(struct rule, action, action_words), .required = true},
	{"limit", LIMITS(add_rule_limit)},
	{},
};

static const struct field policy_fields[] = {
	{"default", WORD(struct policy, default_action, policy_default_words)},
	{"strict", .read = read_scalar, .parse = parse_bool, FIELD_MEMBER(struct policy, strict),
	 .words = bool_words},
	{"rules", .read = read_objects, .members = rule_fields, .kind = "rule", .add = add_rule,
	 .max = SLUICE_MAX_RULES},
	{},
};

static const struct field interface_fields[] = {
	{"network", NAME(struct interface, network)},
	{"address", .read = read_list, .parse = parse_interface_address,
	 FIELD_LIST(struct interface, addresses, address_count),
	 .expected = "an address with its prefix, as in 10.0.0.1/24 or \"fd00::1/64\"",
	 .max = MODEL_MAX_ADDRESSES},
	{"mtu", NUMBER(struct interface, mtu, 68, 65535)},
	{"roles", .read = read_roles, .words = role_words},
	{"policy", NAME(struct interface, policy)},
	{"vlans", .read = read_vlans, .expected = VLAN_EXPECTED, .max = SLUICE_VLAN_RANGES},
	{},
};

static const struct field route_fields[] = {
	{"to", .read = read_scalar, .parse = parse_destination, FIELD_MEMBER(struct route, to),
	 .expected = "\"default\" or a network, as in 10.0.0.0/8", .suggest = suggest_network,
	 .required = true},
	{"via", .read = read_scalar, .parse = parse_address, FIELD_MEMBER(struct route, via),
	 .expected = "the address of a router", .required = true},
	{"mtu", NUMBER(struct route, mtu, 68, 65535)},
	{},
};

static const struct field agent_fields[] = {
	{"metrics", ENDPOINT(struct agent_config, metrics, has_metrics)},
	{"exchange", ENDPOINT(struct agent_config, exchange, has_exchange)},
	{"announce", .read = read_list, .parse = parse_name,
	 FIELD_LIST(struct agent_config, announce, announce_count),
	 .expected = "the name of a service", .max = SLUICE_MAX_SERVICES},
	{},
};

static const struct field node_fields[] = {
	{"interfaces", .read = read_map, .members = interface_fields, .kind = "interface",
	 .add = add_interface, .name_is_valid = model_ifname_is_valid,
	 .expected = IFNAME_EXPECTED, .max = MODEL_MAX_INTERFACES},
	{"routes", .read = read_objects, .members = route_fields, .kind = "route",
	 .add = add_route, .max = MODEL_MAX_ROUTES},
	{"agent", .read = read_object, .members = agent_fields,
	 .offset = offsetof(struct node, agent)},
	{},
};

static const struct field set_prefixes = {
	"address", NETWORKS(struct address_set, prefixes, prefix_count),
};

static const struct field cluster_fields[] = {
	{"sluice", .read = read_scalar, .parse = parse_version, .size = sizeof(unsigned),
	 .min = MODEL_VERSION, .max = MODEL_VERSION, .required = true,
	 .expected = "1, the version of the format"},
	{"cluster", NAME(struct cluster, name)},
	{"key", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct cluster, key_file), .expected = "the absolute path of a file"},
	{"limits", .read = read_object, .members = limits_fields,
	 .offset = offsetof(struct cluster, sizes)},
	{"gue-port", NUMBER(struct cluster, gue_port, 1, 65535)},
	{"sets", .read = read_map, .element = &set_prefixes, .kind = "set", .add = add_set,
	 .name_is_valid = model_name_is_valid, .expected = NAME_EXPECTED, .max = MODEL_MAX_NAMED},
	{"services", .read = read_map, .members = service_fields, .kind = "service",
	 .add = add_service, .name_is_valid = model_name_is_valid, .expected = NAME_EXPECTED,
	 .max = SLUICE_MAX_SERVICES},
	{"policies", .read = read_map, .members = policy_fields, .kind = "policy",
	 .add = add_policy, .name_is_valid = model_name_is_valid, .expected = NAME_EXPECTED,
	 .max = MODEL_MAX_NAMED},
	{"nodes", .read = read_map, .members = node_fields, .kind = "node", .add = add_node,
	 .name_is_valid = model_node_name_is_valid, .expected = NODE_NAME_EXPECTED,
	 .max = MODEL_MAX_NAMED},
	{},
};

/* clang-format on */

/* What the engine takes for granted of every object in a map or list. */
_Static_assert(!offsetof(struct address_set, at) && !offsetof(struct service, at) &&
		       !offsetof(struct backend, at) && !offsetof(struct policy, at) &&
		       !offsetof(struct rule, at) && !offsetof(struct node, at) &&
		       !offsetof(struct interface, at) && !offsetof(struct route, at),
	       "objects begin with their place");

/* --- the whole file --------------------------------------------------------------- */

static void settle_routes(struct node *node)
{
	for (size_t i = 0; i < node->route_count; i++) {
		struct route *route = &node->routes[i];

		if (route->to.bits != BITS_OF_DEFAULT)
			continue;
		route->to = (struct prefix){};
		if (addr_is_v4(&route->via))
			route->to = (struct prefix){addr_from_v4(0), SLUICE_V4_PREFIX_BITS};
	}
}

static void settle_backends(const struct cluster *cluster, struct service *service)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		struct backend *backend = &service->backends[i];

		/* Whoever is left without an address is reported by the validation. */
		if (!backend->has4 && !backend->has6)
			model_backend_resolve(cluster, backend);
	}
}

/* What depends on objects that stand further down in the file. */
static void settle(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->node_count; i++)
		settle_routes(&cluster->nodes[i]);
	for (size_t i = 0; i < cluster->service_count; i++)
		settle_backends(cluster, &cluster->services[i]);
}

static int read_cluster(struct reader *r, struct cluster *cluster)
{
	size_t before = r->diags->count;
	int err;

	read_members(r, cluster_fields, yaml_document_get_root_node(&r->document), cluster);
	if (r->stopped)
		return r->out_of_memory ? -ENOMEM : -EINVAL;
	settle(cluster);
	err = model_validate_readable(cluster, &r->unreadable, r->diags);
	diag_sort(r->diags, before);
	return r->mistakes ? -EINVAL : err;
}

int config_read(const char *text, size_t length, struct cluster *out, struct diag_list *diags)
{
	struct reader r = {.diags = diags};
	int err;

	model_init(out);
	err = reader_open(&r, text, length, "beginning with \"sluice: 1\"");
	if (err)
		return err;
	err = read_cluster(&r, out);
	if (err)
		model_fini(out);
	reader_close(&r);
	return err;
}
