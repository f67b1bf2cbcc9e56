/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From the model to the tables: rules keep their order and match
 * what the file says and no more, numbers stay what they were, and a node gets
 * what its roles need.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"
#include "../support/classify.h"
#include "../support/unit.h"

#define HEAD                                                                                       \
	"sluice: 1\n"                                                                              \
	"cluster: test\n"

#define SETS                                                                                       \
	"sets:\n"                                                                                  \
	"  two: [10.1.0.0/16, 10.2.0.0/16]\n"                                                      \
	"  both: [10.3.0.0/16, \"fd00:3::/32\"]\n"

#define NODES                                                                                      \
	"nodes:\n"                                                                                 \
	"  gw:\n"                                                                                  \
	"    interfaces:\n"                                                                        \
	"      a0: {network: a, address: [10.9.1.1/24, \"fd00:9:1::1/64\"], roles: [firewall], "   \
	"policy: p}\n"                                                                             \
	"      b0: {network: b, address: [10.9.2.1/24], roles: [firewall], policy: p}\n"

static struct in_force now;
static struct compiled next;
static struct cluster cluster;
static struct diag_list diags;

static void read_text(const char *text)
{
	model_init(&cluster);
	CU_ASSERT_EQUAL_FATAL(config_read(text, strlen(text), &cluster, &diags), 0);
	CU_ASSERT_EQUAL_FATAL(model_assign_rule_ids(&cluster, NULL), 0);
}

static int compile_on(const char *node, const struct local_address *local, size_t local_count)
{
	struct compile_input in = {.cluster = &cluster,
				   .node = node,
				   .now = &now,
				   .local = local,
				   .local_count = local_count};

	return compile(&in, &next, &diags);
}

static void start_over(void)
{
	model_fini(&cluster);
	model_fini(&now.model);
	diag_fini(&diags);
	memset(&now, 0, sizeof(now));
	diags = (struct diag_list){0};
}

/* What was compiled becomes what is in force, as a publication does it. */
static void put_in_force(void)
{
	now.slot = next.slot;
	memcpy(now.ports, next.ports, sizeof(now.ports));
	memcpy(now.rules, next.rules, sizeof(now.rules));
	now.rule_count = next.rule_count;
	memcpy(now.backends, next.backends, sizeof(now.backends));
	for (size_t i = 0; i < next.service_count; i++)
		next.services[i].ring = next.services[i].index;
	CU_ASSERT_EQUAL_FATAL(compile_vips(&now, &next, &diags), 0);
	memcpy(now.vips, next.vips, sizeof(now.vips));
	now.vip_count = next.vip_count;
	model_fini(&now.model);
	now.model = cluster;
	model_init(&cluster);
}

/* --- rules ------------------------------------------------------------------ */

/* Compiles one policy of these rules for gw. */
#define RULES(...) HEAD SETS "policies:\n  p:\n    default: drop\n    rules:\n" __VA_ARGS__ NODES

static void compile_rules_of(const char *text)
{
	start_over();
	read_text(text);
	CU_ASSERT_EQUAL_FATAL(compile_on("gw", NULL, 0), 0);
}

/* How many rules match, and which is the first. */
static unsigned matches_of(struct classified *packet, const char *src, const char *dst,
			   size_t *first)
{
	struct classifier classifier;
	unsigned count;

	CU_ASSERT_EQUAL_FATAL(addr_parse(src, &packet->src), 0);
	CU_ASSERT_EQUAL_FATAL(addr_parse(dst, &packet->dst), 0);
	CU_ASSERT_EQUAL_FATAL(classifier_compile(&cluster, &next, &classifier, &diags), 0);
	count = classify_count(&classifier, packet, first);
	classifier_fini(&classifier);
	return count;
}

/* The same of a TCP packet to port 443. */
static unsigned matches(const char *src, const char *dst)
{
	struct classified packet = {.sport = 1024, .dport = 443, .kind = SLUICE_CLASS_TCP + 2};
	size_t first;

	return matches_of(&packet, src, dst, &first);
}

static void rule_is_one_position_however_much_it_names(void)
{
	struct classified packet = {.sport = 1, .dport = 8050, .kind = SLUICE_CLASS_TCP + 2};
	size_t first = 9;

	compile_rules_of(RULES("      - {name: x, from: two, to: 192.0.2.1, proto: tcp, "
			       "port: [80, 443, 8000-8100], action: accept}\n"
			       "      - {name: y, action: drop}\n"));
	CU_ASSERT_EQUAL(next.rule_count, 2);
	CU_ASSERT_NOT_EQUAL(next.rules[1].id, next.rules[0].id);
	CU_ASSERT_EQUAL(matches_of(&packet, "10.2.3.4", "192.0.2.1", &first), 2);
	CU_ASSERT_EQUAL(first, 0);
	CU_ASSERT_EQUAL(matches_of(&packet, "10.3.3.4", "192.0.2.1", &first), 1);
	CU_ASSERT_EQUAL(first, 1);
	packet.dport = 8101;
	CU_ASSERT_EQUAL(matches_of(&packet, "10.2.3.4", "192.0.2.1", &first), 1);
	packet.dport = 80;
	packet.kind = SLUICE_CLASS_PROTO + IPPROTO_UDP;
	CU_ASSERT_EQUAL(matches_of(&packet, "10.2.3.4", "192.0.2.1", &first), 1);
}

/* Each length has an entry, and leads to the next: with all 32 and 128 there are most steps. */
static void longest_prefix_decides_whatever_the_lengths(void)
{
	struct policy *policy;
	struct rule *rule;

	compile_rules_of(RULES("      - {name: x, action: drop}\n"));
	policy = model_policy(&cluster, "p");
	rule = &policy->rules[0];
	rule->from.prefixes = calloc(160, sizeof(struct prefix));
	for (unsigned i = 0; i < 160; i++) {
		struct prefix *prefix = &rule->from.prefixes[rule->from.prefix_count++];
		struct sluice_addr mask;

		CU_ASSERT_EQUAL(prefix_parse(i < 32 ? "10.0.0.0" : "2001:db8::", prefix), 0);
		prefix->bits = (unsigned char)(i < 32 ? 97 + i : i - 31);
		prefix->addr.bytes[15] = 1;
		prefix->addr.bytes[(prefix->bits - 1) / 8] ^= 0x80 >> (prefix->bits - 1) % 8;
		mask = addr_mask(prefix->bits);
		prefix->addr = addr_and(&prefix->addr, &mask);
	}
	CU_ASSERT_EQUAL(compile_on("gw", NULL, 0), 0);
	CU_ASSERT_EQUAL(matches("10.0.0.1", "10.9.9.9"), 0);
	CU_ASSERT_EQUAL(matches("10.0.0.0", "10.9.9.9"), 1);
	CU_ASSERT_EQUAL(matches("10.0.8.0", "10.9.9.9"), 1);
	CU_ASSERT_EQUAL(matches("138.0.0.1", "10.9.9.9"), 1);
	CU_ASSERT_EQUAL(matches("2001:db8::1", "2001:db8:1::1"), 0);
	CU_ASSERT_EQUAL(matches("2001:db8::", "2001:db8:1::1"), 1);
	CU_ASSERT_EQUAL(matches("2001:db8:0:1::", "2001:db8:1::1"), 1);
	CU_ASSERT_EQUAL(matches("a001:db8::1", "2001:db8:1::1"), 1);
}

static void rule_without_addresses_matches_both_families(void)
{
	compile_rules_of(RULES("      - {name: x, proto: tcp, action: accept}\n"));
	CU_ASSERT_EQUAL(next.rule_count, 1);
	CU_ASSERT_EQUAL(matches("10.0.0.1", "10.0.0.2"), 1);
	CU_ASSERT_EQUAL(matches("2001:db8::1", "2001:db8::2"), 1);
}

static void families_are_not_crossed(void)
{
	compile_rules_of(RULES("      - {name: x, from: both, to: both, action: accept}\n"));
	CU_ASSERT_EQUAL(matches("10.3.0.1", "10.3.0.2"), 1);
	CU_ASSERT_EQUAL(matches("fd00:3::1", "fd00:3::2"), 1);
}

static void ipv6_default_matches_no_ipv4(void)
{
	compile_rules_of(RULES("      - {name: x, from: \"::/0\", action: accept}\n"));
	CU_ASSERT_EQUAL(matches("10.0.0.1", "10.0.0.2"), 0);
	CU_ASSERT_EQUAL(matches("2001:db8::1", "2001:db8::2"), 1);
	CU_ASSERT_EQUAL(matches("::1", "2001:db8::2"), 1);
	CU_ASSERT_EQUAL(matches("::fffe:a00:1", "2001:db8::2"), 1);
	compile_rules_of(RULES("      - {name: x, to: \"::/0\", action: accept}\n"));
	CU_ASSERT_EQUAL(matches("10.0.0.1", "10.0.0.2"), 0);
	CU_ASSERT_EQUAL(matches("2001:db8::1", "2001:db8::2"), 1);
	compile_rules_of(RULES("      - {name: x, from: \"::/0\", to: \"fd00::/8\", "
			       "action: accept}\n"));
	CU_ASSERT_EQUAL(matches("2001:db8::1", "fd00::2"), 1);
	CU_ASSERT_EQUAL(matches("10.0.0.1", "10.0.0.2"), 0);
}

static void ipv4_default_matches_no_ipv6(void)
{
	compile_rules_of(RULES("      - {name: x, from: 0.0.0.0/0, action: accept}\n"));
	CU_ASSERT_EQUAL(matches("10.0.0.1", "10.0.0.2"), 1);
	CU_ASSERT_EQUAL(matches("2001:db8::1", "2001:db8::2"), 0);
}

static void empty_set_matches_nothing(void)
{
	compile_rules_of(RULES("      - {name: x, from: two, action: accept}\n"));
	CU_ASSERT_EQUAL(matches("10.1.0.1", "10.0.0.2"), 1);
	model_set(&cluster, "two")->prefix_count = 0;
	CU_ASSERT_EQUAL(compile_on("gw", NULL, 0), 0);
	CU_ASSERT_EQUAL(matches("10.1.0.1", "10.0.0.2"), 0);
}

static void interfaces_share_the_rules_of_their_policy(void)
{
	compile_rules_of(RULES("      - {name: x, in: b0, action: accept}\n"
			       "      - {name: y, action: drop}\n"));
	CU_ASSERT_EQUAL(next.rule_count, 2);
	CU_ASSERT_STRING_EQUAL(next.ports[0].ifname, "a0");
	CU_ASSERT_STRING_EQUAL(next.ports[1].ifname, "b0");
	CU_ASSERT_EQUAL(next.ports[0].first_rule, next.ports[1].first_rule);
	CU_ASSERT_EQUAL(next.ports[1].rule_count, 2);
	CU_ASSERT_EQUAL(next.sources[0].in, 1);
	CU_ASSERT_EQUAL(next.sources[1].in, SLUICE_RULE_ANY_PORT);
}

static void rule_for_an_interface_without_program_is_left_out(void)
{
	compile_rules_of(RULES("      - {name: x, in: b0, action: accept}\n"
			       "      - {name: y, action: drop}\n"));
	model_interface(model_node(&cluster, "gw"), "b0")->roles = 0;
	CU_ASSERT_EQUAL(compile_on("gw", NULL, 0), 0);
	CU_ASSERT_EQUAL(next.rule_count, 1);
	CU_ASSERT_EQUAL(next.rules[0].action, SLUICE_ACTION_DROP);
}

static void too_many_rules_are_told(void)
{
	char name[SLUICE_NAME_LEN];

	compile_rules_of(RULES("      - {name: x, action: accept}\n"));
	for (unsigned i = 0; i < SLUICE_MAX_RULES; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		CU_ASSERT_PTR_NOT_NULL_FATAL(
			model_rule_add(model_policy(&cluster, "p"), name, SIZE_MAX));
	}
	CU_ASSERT_EQUAL(compile_on("gw", NULL, 0), -EINVAL);
	CU_ASSERT_EQUAL(diags.count, 1);
	UNIT_ASSERT_TEXT(diags.items[0].text,
			 "policy \"p\": rule \"r16383\": more than 16384 rules");
}

static void rule_ids_are_found_again(void)
{
	unsigned y;

	compile_rules_of(RULES("      - {name: x, from: two, action: accept}\n"
			       "      - {name: y, from: two, to: both, action: drop}\n"));
	model_rule(model_policy(&cluster, "p"), "y")->id = y = 77;
	CU_ASSERT_EQUAL(compile_on("gw", NULL, 0), 0);
	put_in_force();
	model_rule(model_policy(&now.model, "p"), "y")->id = SLUICE_NONE;
	CU_ASSERT_EQUAL(compile_recover_rule_ids(&now, "gw"), 0);
	CU_ASSERT_EQUAL(model_rule(model_policy(&now.model, "p"), "y")->id, y);
	CU_ASSERT_EQUAL(model_rule(model_policy(&now.model, "p"), "x")->id, 0);
}

/* --- interfaces ------------------------------------------------------------- */

static void port_keeps_its_slot_when_others_go(void)
{
	compile_rules_of(RULES("      - {name: y, action: drop}\n"));
	put_in_force();
	read_text(RULES("      - {name: y, action: drop}\n"));
	model_interface(model_node(&cluster, "gw"), "a0")->roles = 0;
	CU_ASSERT_EQUAL(compile_on("gw", NULL, 0), 0);
	CU_ASSERT_STRING_EQUAL(next.ports[0].ifname, "");
	CU_ASSERT_STRING_EQUAL(next.ports[1].ifname, "b0");
}

static void tunnel_source_is_the_models_else_the_interfaces_own(void)
{
	struct local_address local[3] = {{.ifname = "b0"}, {.ifname = "b0"}, {.ifname = "a0"}};
	struct sluice_addr expected;

	CU_ASSERT_EQUAL(addr_parse("fe80::1", &local[0].addr), 0);
	CU_ASSERT_EQUAL(addr_parse("2001:db8::b", &local[1].addr), 0);
	CU_ASSERT_EQUAL(addr_parse("2001:db8::a", &local[2].addr), 0);
	compile_rules_of(RULES("      - {name: y, action: drop}\n"));
	CU_ASSERT_EQUAL(compile_on("gw", local, 3), 0);
	CU_ASSERT_EQUAL(addr_parse("fd00:9:1::1", &expected), 0);
	CU_ASSERT_EQUAL(addr_cmp(&next.ports[0].tunnel_source6, &expected), 0);
	CU_ASSERT_EQUAL(addr_parse("2001:db8::b", &expected), 0);
	CU_ASSERT_EQUAL(addr_cmp(&next.ports[1].tunnel_source6, &expected), 0);
	CU_ASSERT_EQUAL(addr_parse("10.9.2.1", &expected), 0);
	CU_ASSERT_EQUAL(addr_cmp(&next.ports[1].tunnel_source4, &expected), 0);
}

/* Where an interface has VLANs, the addresses are often on those alone. */
static void tunnel_source_may_be_a_vlan_devices(void)
{
	struct local_address local[2] = {{.ifname = "b0.10", .below = "b0"}, {.ifname = "b0"}};
	struct sluice_addr expected;

	CU_ASSERT_EQUAL(addr_parse("2001:db8::10", &local[0].addr), 0);
	CU_ASSERT_EQUAL(addr_parse("2001:db8::b", &local[1].addr), 0);
	compile_rules_of(RULES("      - {name: y, action: drop}\n"));
	CU_ASSERT_EQUAL(compile_on("gw", local, 2), 0);
	CU_ASSERT_EQUAL(addr_cmp(&next.ports[1].tunnel_source6, &local[1].addr), 0);
	CU_ASSERT_EQUAL(compile_on("gw", local, 1), 0);
	CU_ASSERT_EQUAL(addr_cmp(&next.ports[1].tunnel_source6, &local[0].addr), 0);
	CU_ASSERT_EQUAL(addr_parse("10.9.2.1", &expected), 0);
	CU_ASSERT_EQUAL(addr_cmp(&next.ports[1].tunnel_source4, &expected), 0);
}

/* --- services --------------------------------------------------------------- */

static const char balanced[] = HEAD
	"services:\n"
	"  one:\n"
	"    vips: [\"192.0.2.1:80\", \"192.0.2.1:443\", \"[2001:db8::1]:80\"]\n"
	"    proto: tcp\n"
	"    forward: ipip\n"
	"    backends:\n"
	"      lb2: {weight: 100}\n"
	"      10.9.1.21: {weight: 0}\n"
	"      10.9.1.22: {weight: 100}\n"
	"  two:\n"
	"    vips: [\"192.0.2.1:53\"]\n"
	"    proto: udp\n"
	"    forward: dsr\n"
	"    backends:\n"
	"      10.9.1.21: {weight: 100}\n"
	"nodes:\n"
	"  lb1:\n"
	"    interfaces:\n"
	"      eth0: {network: a, address: [10.9.1.11/24], roles: [balancer]}\n"
	"  lb2:\n"
	"    interfaces:\n"
	"      eth0: {network: a, address: [10.9.1.12/24, \"fd00:9::12/64\"], roles: [balancer]}\n"
	"  tls:\n"
	"    interfaces:\n"
	"      eth0: {network: a, address: [10.9.1.22/24], roles: [decap]}\n";

static void compile_balanced(const char *node)
{
	start_over();
	read_text(balanced);
	CU_ASSERT_EQUAL_FATAL(compile_on(node, NULL, 0), 0);
}

static const struct sluice_backend *backend_of(unsigned service, unsigned backend)
{
	unsigned first = next.services[service].first_backend;

	return &next.backends[next.backend_slots[first + backend]];
}

static __u32 tunnel_flags(const char *text)
{
	struct sluice_addr addr;

	CU_ASSERT_EQUAL_FATAL(addr_parse(text, &addr), 0);
	for (size_t i = 0; i < next.tunnel_count; i++)
		if (!addr_cmp(&next.tunnels[i].addr, &addr))
			return next.tunnels[i].flags;
	return 0;
}

static void balancers_are_who_a_tunnel_may_come_from(void)
{
	compile_balanced("tls");
	CU_ASSERT_EQUAL(tunnel_flags("10.9.1.11"), SLUICE_TUNNEL_FROM);
	CU_ASSERT_EQUAL(tunnel_flags("10.9.1.12"), SLUICE_TUNNEL_FROM);
	CU_ASSERT_EQUAL(tunnel_flags("fd00:9::12"), SLUICE_TUNNEL_FROM);
	CU_ASSERT_EQUAL(next.service_count, 0);
}

/* Of the file, and of the host; but a VIP is every backend's. */
static void tunnels_end_at_the_addresses_of_a_node_that_decapsulates(void)
{
	struct local_address local[] = {{.ifname = "lo"}, {.ifname = "eth9"}};

	start_over();
	read_text(balanced);
	CU_ASSERT_EQUAL_FATAL(addr_parse("192.0.2.1", &local[0].addr), 0);
	CU_ASSERT_EQUAL_FATAL(addr_parse("10.9.9.9", &local[1].addr), 0);
	CU_ASSERT_EQUAL_FATAL(compile_on("tls", local, 2), 0);
	CU_ASSERT_EQUAL(tunnel_flags("10.9.1.22"), SLUICE_TUNNEL_HERE);
	CU_ASSERT_EQUAL(tunnel_flags("10.9.9.9"), SLUICE_TUNNEL_HERE);
	CU_ASSERT_EQUAL(tunnel_flags("192.0.2.1"), 0);
	CU_ASSERT_EQUAL(next.tunnel_count, 5);
	compile_balanced("lb1");
	CU_ASSERT_EQUAL(tunnel_flags("10.9.1.11"), SLUICE_TUNNEL_FROM);
	CU_ASSERT_EQUAL(next.tunnel_count, 3);
}

static void each_address_of_a_vip_is_known_by_itself(void)
{
	compile_balanced("lb1");
	CU_ASSERT_EQUAL(compile_vips(&now, &next, &diags), 0);
	CU_ASSERT_EQUAL(next.vip_count, 6);
	for (size_t i = 0; i < next.vip_count; i++)
		CU_ASSERT_EQUAL(!next.vips[i].key.proto,
				next.vips[i].vip.ring == SLUICE_NONE16 && !next.vips[i].key.port);
}

static void backend_on_this_node_is_local(void)
{
	struct local_address local = {.ifname = "lo"};

	compile_balanced("lb2");
	CU_ASSERT_TRUE(backend_of(0, 0)->flags & SLUICE_BACKEND_LOCAL);
	CU_ASSERT_FALSE(backend_of(0, 1)->flags & SLUICE_BACKEND_LOCAL);
	CU_ASSERT_EQUAL(addr_parse("10.9.1.21", &local.addr), 0);
	CU_ASSERT_EQUAL(compile_on("lb1", &local, 1), 0);
	CU_ASSERT_FALSE(backend_of(0, 0)->flags & SLUICE_BACKEND_LOCAL);
	CU_ASSERT_TRUE(backend_of(0, 1)->flags & SLUICE_BACKEND_LOCAL);
}

static void only_the_other_slots_states_change(void)
{
	struct sluice_backend before;

	compile_balanced("lb1");
	put_in_force();
	before = now.backends[next.backend_slots[2]];
	read_text(balanced);
	model_backend(model_service(&cluster, "one"), "10.9.1.22")->admin = BACKEND_ADMIN_DOWN;
	CU_ASSERT_EQUAL(compile_on("lb1", NULL, 0), 0);
	CU_ASSERT_EQUAL(backend_of(0, 2)->state[now.slot], SLUICE_BACKEND_UP);
	CU_ASSERT_EQUAL(backend_of(0, 2)->state[next.slot], SLUICE_BACKEND_DOWN);
	CU_ASSERT_EQUAL(backend_of(0, 2)->incarnation, before.incarnation);
}

static void service_keeps_its_index_when_its_vips_change(void)
{
	struct vip other;
	struct service *two;
	unsigned slot;

	compile_balanced("lb1");
	slot = next.backend_slots[next.services[1].first_backend];
	put_in_force();
	read_text(balanced);
	model_service_del(&cluster, model_service(&cluster, "one"));
	two = model_service(&cluster, "two");
	CU_ASSERT_EQUAL(vip_parse("192.0.2.9:53", &other), 0);
	two->vips[0] = other;
	CU_ASSERT_EQUAL(compile_on("lb1", NULL, 0), 0);
	CU_ASSERT_EQUAL(next.service_count, 1);
	CU_ASSERT_EQUAL(next.services[0].index, 1);
	CU_ASSERT_EQUAL(next.services[0].ring_before, 1);
	CU_ASSERT_EQUAL(next.backend_slots[0], slot);
}

static void node_must_be_in_the_configuration(void)
{
	start_over();
	read_text(balanced);
	CU_ASSERT_EQUAL(compile_on("nobody", NULL, 0), -EINVAL);
	CU_ASSERT_EQUAL(diags.count, 1);
	UNIT_ASSERT_TEXT(diags.items[0].text, "node \"nobody\" is not in the configuration");
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(rule_is_one_position_however_much_it_names),
		UNIT_TEST(longest_prefix_decides_whatever_the_lengths),
		UNIT_TEST(rule_without_addresses_matches_both_families),
		UNIT_TEST(families_are_not_crossed),
		UNIT_TEST(ipv6_default_matches_no_ipv4),
		UNIT_TEST(ipv4_default_matches_no_ipv6),
		UNIT_TEST(empty_set_matches_nothing),
		UNIT_TEST(interfaces_share_the_rules_of_their_policy),
		UNIT_TEST(rule_for_an_interface_without_program_is_left_out),
		UNIT_TEST(too_many_rules_are_told),
		UNIT_TEST(rule_ids_are_found_again),
		UNIT_TEST(port_keeps_its_slot_when_others_go),
		UNIT_TEST(tunnel_source_is_the_models_else_the_interfaces_own),
		UNIT_TEST(tunnel_source_may_be_a_vlan_devices),
		UNIT_TEST(balancers_are_who_a_tunnel_may_come_from),
		UNIT_TEST(tunnels_end_at_the_addresses_of_a_node_that_decapsulates),
		UNIT_TEST(each_address_of_a_vip_is_known_by_itself),
		UNIT_TEST(backend_on_this_node_is_local),
		UNIT_TEST(only_the_other_slots_states_change),
		UNIT_TEST(service_keeps_its_index_when_its_vips_change),
		UNIT_TEST(node_must_be_in_the_configuration),
		{NULL, NULL},
	};
	int code = unit_run("compile", tests);

	start_over();
	return code;
}
