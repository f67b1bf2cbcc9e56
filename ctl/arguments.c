/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Types of command line values. The words themselves are those of the cluster
 * file (ctl/lib/words.h), so that no list stands twice.
 */
#include "arguments.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_view.h"
#include "model_array.h"
#include "model_validate.h"
#include "number.h"
#include "words.h"

#define LIST_MAX    4096 /* bytes of a comma-separated value */
#define COUNT_MAX   100000000U
#define SECONDS_MAX 3600U
#define SNAPLEN_MIN 14U /* an Ethernet header */

static int parse_text(const char *text, void *member)
{
	if (!*text)
		return -EINVAL;
	*(const char **)member = text;
	return 0;
}

static int parse_name(const char *text, void *member)
{
	return model_name_is_valid(text) ? parse_text(text, member) : -EINVAL;
}

static int parse_ifname(const char *text, void *member)
{
	return model_ifname_is_valid(text) ? parse_text(text, member) : -EINVAL;
}

static int parse_vip(const char *text, void *member)
{
	return vip_parse(text, member);
}

static int parse_prefix(const char *text, void *member)
{
	return prefix_parse(text, member);
}

/* As a filter, a network may be named by any address in it. */
static int parse_hosts(const char *text, void *member)
{
	struct prefix prefix;
	struct sluice_addr mask;

	if (prefix_parse(text, &prefix))
		return -EINVAL;
	mask = addr_mask(prefix.bits);
	*(struct prefix *)member =
		(struct prefix){.addr = addr_and(&prefix.addr, &mask), .bits = prefix.bits};
	return 0;
}

static int parse_port_range(const char *text, void *member)
{
	return port_range_parse(text, member);
}

static int parse_endpoint(const char *text, void *member)
{
	struct endpoint *out = member;
	struct sluice_addr addr;

	if (addr_parse(text, &addr))
		return endpoint_parse(text, out);
	*out = (struct endpoint){.addr = addr};
	return 0;
}

/* An address is a backend's name, too, if it fits. */
static int parse_backend(const char *text, void *member)
{
	struct endpoint at;
	char canonical[ADDR_TEXT_LEN];

	if (addr_parse(text, &at.addr) && endpoint_parse(text, &at))
		return parse_name(text, member);
	return strlen(addr_format(&at.addr, canonical)) < SLUICE_NAME_LEN ? parse_text(text, member)
									  : -EINVAL;
}

static int parse_port(const char *text, void *member)
{
	unsigned port;
	const char *end = number_scan(text, 65535, &port);

	if (!end || *end || !port)
		return -EINVAL;
	*(unsigned short *)member = (unsigned short)port;
	return 0;
}

static int parse_syn_cookies(const char *text, void *member)
{
	return syn_cookies_parse(text, member);
}

static int parse_server_id(const char *text, void *member)
{
	return server_id_parse(text, member);
}

static int parse_server_id_length(const char *text, void *member)
{
	const char *end = number_scan(text, SLUICE_MAX_SERVER_ID, member);

	return end && !*end ? 0 : -EINVAL;
}

static int parse_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
	unsigned value = 0;

	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*c - '0');
		if (value > max)
			return -EINVAL;
	}
	if (!*text || value < min)
		return -EINVAL;
	*out = value;
	return 0;
}

static int parse_slow_start(const char *text, void *member)
{
	return duration_parse(text, MODEL_MAX_SLOW_START_MS, member);
}

static int parse_flags_match(const char *text, void *member)
{
	return tcp_flags_match_parse(text, member);
}

static int parse_icmp_match(const char *text, void *member)
{
	return icmp_match_parse(text, member);
}

static int parse_rule_state(const char *text, void *member)
{
	return rule_state_parse(text, member);
}

static int parse_given_prefix(const char *text, void *member)
{
	struct given_prefix *given = member;
	int err = prefix_parse(text, &given->prefix);

	given->given = !err;
	return err;
}

static int parse_timeout(const char *text, void *member)
{
	int err = duration_parse(text, BLOCK_TIMEOUT_MAX_MS, member);

	return err ? err : *(unsigned *)member ? 0 : -EINVAL;
}

static int parse_percent(const char *text, void *member)
{
	return percent_parse(text, member);
}

static int parse_weight(const char *text, void *member)
{
	return parse_number(text, 0, MODEL_MAX_WEIGHT, member);
}

static int parse_seconds(const char *text, void *member)
{
	return parse_number(text, 1, SECONDS_MAX, member);
}

static int parse_count(const char *text, void *member)
{
	return parse_number(text, 1, COUNT_MAX, member);
}

static int parse_snaplen(const char *text, void *member)
{
	return parse_number(text, SNAPLEN_MIN, SLUICE_MAX_SNAPLEN, member);
}

/* A reason, or a class of them. */
static int parse_outcome(const char *text, void *member)
{
	for (int i = SLUICE_CLASS_PASS; i <= SLUICE_CLASS_DROP; i++)
		if (!strcmp(text, class_token((enum sluice_class)i))) {
			*(int *)member = -1 - i;
			return 0;
		}
	for (int i = SLUICE_CONTINUE + 1; i < SLUICE_OUTCOME_COUNT; i++)
		if (!strcmp(text, outcome_token((enum sluice_outcome)i))) {
			*(int *)member = i;
			return 0;
		}
	return -EINVAL;
}

/* Calls `each` for every part of "a,b,c"; an empty part is a mistake. */
static int for_each_part(const char *text, int (*each)(const char *part, void *into), void *into)
{
	char copy[LIST_MAX], *rest = copy, *part;
	int err;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	while ((part = strsep(&rest, ","))) {
		err = *part ? each(part, into) : -EINVAL;
		if (err)
			return err;
	}
	return 0;
}

static int add_to_pair(const char *part, void *into)
{
	struct address_pair *pair = into;
	struct sluice_addr addr;
	bool v4;

	if (addr_parse(part, &addr))
		return -EINVAL;
	v4 = addr_is_v4(&addr);
	if (v4 ? pair->has4 : pair->has6)
		return -EINVAL;
	*(v4 ? &pair->has4 : &pair->has6) = true;
	*(v4 ? &pair->addr4 : &pair->addr6) = addr;
	return 0;
}

static int parse_address_pair(const char *text, void *member)
{
	return for_each_part(text, add_to_pair, member);
}

static int parse_rate(const char *text, void *member)
{
	return limit_rate_parse(text, member);
}

static int parse_per(const char *text, void *member)
{
	return limit_per_parse(text, member);
}

static int parse_burst(const char *text, void *member)
{
	return limit_amount_parse(text, member);
}

static int add_role(const char *part, void *into)
{
	enum sluice_role role;

	if (role_parse(part, &role))
		return -EINVAL;
	*(unsigned *)into |= role;
	return 0;
}

static int parse_roles(const char *text, void *member)
{
	return for_each_part(text, add_role, member);
}

static int parse_proto(const char *text, void *member)
{
	return proto_parse(text, member);
}

static int parse_service_proto(const char *text, void *member)
{
	int proto;

	if (proto_parse(text, &proto) || (proto != IPPROTO_TCP && proto != IPPROTO_UDP))
		return -EINVAL;
	*(int *)member = proto;
	return 0;
}

static int add_address(const char *part, void *into)
{
	struct rule_addresses *list = into;
	struct prefix prefix, *added;
	char(*set)[SLUICE_NAME_LEN];

	if (!prefix_parse(part, &prefix)) {
		added = model_array_add(&list->prefixes, &list->prefix_count, sizeof(prefix));
		if (!added)
			return -ENOMEM;
		*added = prefix;
		return 0;
	}
	if (!model_name_is_valid(part))
		return -EINVAL;
	set = model_array_add(&list->sets, &list->set_count, sizeof(*set));
	if (!set)
		return -ENOMEM;
	strcpy(*set, part);
	return 0;
}

static int parse_addresses(const char *text, void *member)
{
	return for_each_part(text, add_address, member);
}

static int add_ports(const char *part, void *into)
{
	struct port_list *list = into;
	struct port_range range, *added;

	if (port_range_parse(part, &range))
		return -EINVAL;
	added = model_array_add(&list->ranges, &list->count, sizeof(range));
	if (!added)
		return -ENOMEM;
	*added = range;
	return 0;
}

static int parse_ports(const char *text, void *member)
{
	return for_each_part(text, add_ports, member);
}

static int add_vlan(const char *part, void *into)
{
	struct vlan_list *list = into;

	if (list->count == SLUICE_VLAN_RANGES || vlan_range_parse(part, &list->ranges[list->count]))
		return -EINVAL;
	list->count++;
	return 0;
}

static int parse_vlans(const char *text, void *member)
{
	return strcmp(text, "devices") ? for_each_part(text, add_vlan, member) : 0;
}

/* "10", or with two tags the outer one first: "100.10". */
static int parse_tags(const char *text, void *member)
{
	struct tag_list *list = member;
	const char *end = number_scan(text, SLUICE_VLAN_ID_MAX, &list->ids[0]);

	list->count = 1;
	if (end && *end == '.') {
		list->count = 2;
		end = number_scan(end + 1, SLUICE_VLAN_ID_MAX, &list->ids[1]);
	}
	return !end || *end ? -EINVAL : 0;
}

static const char *const tcp_flag_words[] = {"fin", "syn", "rst", "psh", "ack", "urg", NULL};

static int add_tcp_flag(const char *part, void *into)
{
	int bit = words_find(tcp_flag_words, part);

	if (bit < 0)
		return -EINVAL;
	*(unsigned *)into |= 1U << bit;
	return 0;
}

static int parse_tcp_flags(const char *text, void *member)
{
	return strcmp(text, "none") ? for_each_part(text, add_tcp_flag, member) : 0;
}

/* Said in words below. */
_Static_assert(MODEL_MAX_WEIGHT == 1000 && SLUICE_NAME_LEN == 32, "limits");

static const char *const mode_words[] = {"native", "generic", NULL};
static const char *const default_words[] = {"drop", "accept", NULL};

#define TEXT_EXPECTED "a word that is not empty"
#define NAME_EXPECTED "a name: up to 31 letters, digits, '.', '_' and '-'"

/* Types of the same text differ in what completion offers for them: see complete.c. */
const struct argument_type type_text = {parse_text, NULL, TEXT_EXPECTED};
const struct argument_type type_file = {parse_text, NULL, TEXT_EXPECTED};
const struct argument_type type_command = {parse_text, NULL, TEXT_EXPECTED};
const struct argument_type type_service = {parse_text, NULL, TEXT_EXPECTED};
const struct argument_type type_name = {parse_name, NULL, NAME_EXPECTED};
const struct argument_type type_policy = {parse_name, NULL, NAME_EXPECTED};
const struct argument_type type_rule = {parse_name, NULL, NAME_EXPECTED};
const struct argument_type type_ifname = {parse_ifname, NULL, "the name of an interface"};
const struct argument_type type_vip = {
	parse_vip, NULL,
	"ADDRESS:PORT, as 192.0.2.1:443, [2001:db8::1]:8000-8099 or 198.51.100.0/24:*"};
const struct argument_type type_prefix = {parse_prefix, NULL,
					  "a prefix, as 192.0.2.0/24 or 2001:db8::/32"};
const struct argument_type type_hosts = {
	parse_hosts, NULL, "an address or a prefix, as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"};
const struct argument_type type_port_range = {parse_port_range, NULL,
					      "a port or a range, as 80 or 8000-8080"};
const struct argument_type type_flow_state = {NULL, flow_state_words, NULL};
const struct argument_type type_flow_table = {NULL, flow_table_words, NULL};
const struct argument_type type_given_prefix = {parse_given_prefix, NULL,
						"a prefix, as 192.0.2.0/24 or 2001:db8::/32"};
const struct argument_type type_endpoint = {
	parse_endpoint, NULL,
	"ADDRESS or ADDRESS:PORT, as 192.0.2.1, 192.0.2.1:443 or [2001:db8::1]:443"};
const struct argument_type type_backend = {
	parse_backend, NULL,
	"a node, an address of up to 31 characters, with or without a port, or a name beside "
	"\"address ADDR,..\""};
const struct argument_type type_port = {parse_port, NULL, "a number from 1 to 65535"};
const struct argument_type type_address_pair = {
	parse_address_pair, NULL, "an IPv4 address, an IPv6 address, or one of each with a comma"};
const struct argument_type type_server_id = {parse_server_id, NULL,
					     "1 to 8 octets as hexadecimal digits, as 0x0102"};
const struct argument_type type_server_id_length = {parse_server_id_length, NULL,
						    "a number from 0 to 8"};
const struct argument_type type_syn_cookies = {parse_syn_cookies, NULL, SYN_COOKIES_EXPECTED};
const struct argument_type type_weight = {parse_weight, NULL, "a number from 0 to 1000"};
const struct argument_type type_seconds = {parse_seconds, NULL, "seconds, from 1 to 3600"};
const struct argument_type type_flags_match = {parse_flags_match, NULL, TCP_FLAGS_EXPECTED};
const struct argument_type type_icmp_match = {parse_icmp_match, NULL, ICMP_EXPECTED};
const struct argument_type type_rule_state = {parse_rule_state, NULL, RULE_STATE_EXPECTED};
const struct argument_type type_timeout = {parse_timeout, NULL, BLOCK_TIMEOUT_EXPECTED};
const struct argument_type type_count = {parse_count, NULL, "a number from 1 to 100000000"};
const struct argument_type type_snaplen = {parse_snaplen, NULL, "a number from 14 to 4096"};
const struct argument_type type_outcome = {
	parse_outcome, NULL, "pass, tx, redirect, drop, or a reason that \"lbctl drops\" names"};
const struct argument_type type_roles = {parse_roles, role_words,
					 "a list, with commas, of firewall, balancer, forward, "
					 "decap"};
const struct argument_type type_mode = {NULL, mode_words, NULL};
const struct argument_type type_service_proto = {parse_service_proto, NULL, "tcp or udp"};
const struct argument_type type_proto = {
	parse_proto, proto_words,
	"any, tcp, udp, icmp, icmpv6, ipip, ipv6, gre, esp, ah, sctp or a number from 1 to 255"};
const struct argument_type type_forward = {NULL, forward_words, NULL};
const struct argument_type type_affinity = {NULL, affinity_words, NULL};
const struct argument_type type_slow_start = {parse_slow_start, NULL, SLOW_START_EXPECTED};
const struct argument_type type_percent = {parse_percent, NULL, "a percentage from 0% to 100%"};
const struct argument_type type_admin = {NULL, backend_admin_words, NULL};
const struct argument_type type_action = {NULL, action_words, NULL};
const struct argument_type type_rate = {parse_rate, NULL, LIMIT_RATE_EXPECTED};
const struct argument_type type_measure = {NULL, measure_words, NULL};
const struct argument_type type_per = {parse_per, NULL, LIMIT_PER_EXPECTED};
const struct argument_type type_burst = {parse_burst, NULL, LIMIT_BURST_EXPECTED};
const struct argument_type type_default = {NULL, default_words, NULL};
const struct argument_type type_yes_no = {NULL, yes_no_words, NULL};
const struct argument_type type_addresses = {
	parse_addresses, NULL, "prefixes and names of sets, with commas, as 192.0.2.0/24,inner"};
const struct argument_type type_ports = {parse_ports, NULL,
					 "ports and ranges, with commas, as 80,443,8000-8080"};
const struct argument_type type_tcp_flags = {
	parse_tcp_flags, NULL, "none, or a list, with commas, of fin, syn, rst, psh, ack, urg"};
const struct argument_type type_vlans = {
	parse_vlans, NULL,
	"up to 8 VLAN ids and ranges, with commas, as 10,100-199, or any, none or devices"};
const struct argument_type type_tags = {
	parse_tags, NULL, "a VLAN id, as 10, or with an outer tag in front of it 100.10"};
