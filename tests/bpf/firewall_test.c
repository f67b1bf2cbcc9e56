/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The firewall's rules and block set: what matches, in which order, and what
 * no rule has a say in. Rules are judged by packets that open no flow where
 * flows would hide them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../support/gateway.h"
#include "../support/unit.h"

#define TCP4(port) USER_TO_WEB4, .sport = 40000, .dport = port, .flags = TCP_SYN
#define TCP6(port) USER_TO_WEB6, .sport = 40000, .dport = port, .flags = TCP_SYN
#define UDP4(port) USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 40000, .dport = port
#define UDP6(port) USER_TO_WEB6, .proto = IPPROTO_UDP, .sport = 40000, .dport = port

static void first_rule_that_matches_decides(void)
{
	static const char config[] = GATEWAY(
		"default: drop,", "{name: a, proto: tcp, port: 80, action: accept-stateless},"
				  "{name: b, proto: tcp, port: [80, 81], action: drop},"
				  "{name: c, proto: tcp, port: 82, action: drop},"
				  "{name: d, proto: tcp, action: accept-stateless},"
				  "{name: e, proto: tcp, port: 83, action: drop}");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"accept before drop", "wan", {TCP4(80)}, ROUTED_TO("web")},
		{"accept before drop, IPv6", "wan", {TCP6(80)}, ROUTED_TO("web")},
		{"drop before accept", "wan", {TCP4(81)}, .outcome = SLUICE_RULE},
		{"drop before accept, IPv6", "wan", {TCP6(81)}, .outcome = SLUICE_RULE},
		{"drop alone", "wan", {TCP4(82)}, .outcome = SLUICE_RULE},
		{"later drop is not reached", "wan", {TCP4(83)}, ROUTED_TO("web")},
		{"nothing matches", "wan", {UDP4(80)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"nothing matches, IPv6", "wan", {UDP6(80)}, .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

static void default_decides_when_no_rule_does(void)
{
	static const char drop[] = GATEWAY("default: drop,", "");
	static const char accept[] =
		GATEWAY("default: accept,", "{name: a, proto: tcp, port: 80, action: drop}");
	/* clang-format off */
	const struct packet_test dropped[] = {
		{"TCP", "wan", {TCP4(80)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"UDP, IPv6", "wan", {UDP6(80)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"to the gateway itself", "wan", {.src = USER4, .dst = FW4, .flags = TCP_SYN},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"to the gateway itself, IPv6", "wan", {.src = USER6, .dst = FW6},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"ARP is not IP", "wan", {UDP4(1), .ethertype = ETH_P_ARP},
		 .outcome = SLUICE_PASS_NOT_IP},
	};
	const struct packet_test accepted[] = {
		{"the rule", "wan", {TCP4(80)}, .outcome = SLUICE_RULE},
		{"TCP", "wan", {TCP4(81)}, ROUTED_TO("web")},
		{"UDP, IPv6", "wan", {UDP6(80)}, ROUTED_TO("web")},
		{"to the gateway itself", "wan", {.src = USER4, .dst = FW4, .flags = TCP_SYN},
		 .outcome = SLUICE_PASS_LOCAL},
		{"to the gateway itself, IPv6", "wan", {.src = USER6, .dst = FW6,
		 .flags = TCP_SYN}, .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", drop, dropped);
	PACKET_TESTS_ON("fw", accept, accepted);
}

static void protocols_are_told_apart(void)
{
	static const char config[] =
		GATEWAY("default: drop,", "{name: icmp, proto: icmp, action: accept-stateless},"
					  "{name: gre, proto: 47, action: accept-stateless},"
					  "{name: udp, proto: udp, action: accept-stateless}");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"icmp", "wan", {USER_TO_WEB4, .type = 8}, ROUTED_TO("web")},
		{"icmp is ICMPv6 too", "wan", {USER_TO_WEB6, .type = 128}, ROUTED_TO("web")},
		{"by number", "wan", {USER_TO_WEB4, .proto = 47, .payload = 8}, ROUTED_TO("web")},
		{"by number, IPv6", "wan", {USER_TO_WEB6, .proto = 47, .payload = 8},
		 ROUTED_TO("web")},
		{"udp", "wan", {UDP4(53)}, ROUTED_TO("web")},
		{"udp, IPv6", "wan", {UDP6(53)}, ROUTED_TO("web")},
		{"behind extension headers", "wan", {UDP6(53), .ext = "HD"}, ROUTED_TO("web")},
		{"tcp", "wan", {TCP4(53)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"tcp, IPv6", "wan", {TCP6(53)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"sctp", "wan", {USER_TO_WEB4, .proto = 132, .payload = 12},
		 .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

static void ports_match_in_ranges_and_lists(void)
{
	static const char config[] = GATEWAY(
		"default: drop,",
		"{name: d, proto: tcp, port: 1000-2000, action: accept-stateless},"
		"{name: s, proto: udp, sport: 53, port: [7, 9-10], action: accept-stateless},"
		"{name: i, proto: icmp, action: drop},"
		"{name: all, proto: tcp, sport: 5-5, action: accept-stateless}");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"below", "wan", {TCP4(999)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"first", "wan", {TCP4(1000)}, ROUTED_TO("web")},
		{"last", "wan", {TCP6(2000)}, ROUTED_TO("web")},
		{"above", "wan", {TCP6(2001)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"in reverse", "wan", {USER_TO_WEB4, .sport = 1000, .dport = 40000,
		 .flags = TCP_SYN}, .outcome = SLUICE_POLICY_DEFAULT},
		{"another protocol", "wan", {UDP4(1000)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"both ports", "wan", {USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 53,
		 .dport = 7}, ROUTED_TO("web")},
		{"second range", "wan", {USER_TO_WEB6, .proto = IPPROTO_UDP, .sport = 53,
		 .dport = 10}, ROUTED_TO("web")},
		{"between ranges", "wan", {USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 53,
		 .dport = 8}, .outcome = SLUICE_POLICY_DEFAULT},
		{"source port differs", "wan", {USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 54,
		 .dport = 7}, .outcome = SLUICE_POLICY_DEFAULT},
		{"port 65535", "wan", {USER_TO_WEB4, .sport = 5, .dport = 65535,
		 .flags = TCP_SYN}, ROUTED_TO("web")},
		{"port 0", "wan", {USER_TO_WEB4, .sport = 5, .dport = 0, .flags = TCP_SYN},
		 ROUTED_TO("web")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

static void interfaces_are_told_apart(void)
{
	static const char config[] = GATEWAY(
		"default: drop,", "{name: in, in: wan, proto: tcp, action: accept-stateless},"
				  "{name: out, in: lan, proto: udp, action: accept-stateless}");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"tcp by wan", "wan", {TCP4(80)}, ROUTED_TO("web")},
		{"udp by wan", "wan", {UDP4(80)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"tcp by lan", "lan", {WEB_TO_USER6, .flags = TCP_SYN},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"udp by lan", "lan", {WEB_TO_USER6, .proto = IPPROTO_UDP}, ROUTED_TO("user")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

static void sets_stand_for_their_members(void)
{
	static const char config[] =
		"{sluice: 1, cluster: test, limits: {flows: 65536},"
		" sets: {good: [198.51.100.0/30, 198.51.100.7, '2001:db8:51::/112']},"
		" nodes: {fw: {interfaces: {wan: {network: wan, address: 198.51.100.1/24,"
		"  roles: [firewall], policy: edge}}}},"
		" policies: {edge: {default: drop, rules: ["
		"  {name: good, from: good, to: [192.0.2.1, 192.0.2.128/25, '2001:db8::1'],"
		"   action: accept-stateless}]}}}";
	/* clang-format off */
	const struct packet_test tests[] = {
		{"a network", "wan", {.src = "198.51.100.2", .dst = "192.0.2.1"},
		 .outcome = SLUICE_PASS_LOCAL},
		{"an address", "wan", {.src = "198.51.100.7", .dst = "192.0.2.200"},
		 .outcome = SLUICE_PASS_LOCAL},
		{"IPv6", "wan", {.src = "2001:db8:51::ffff", .dst = "2001:db8::1"},
		 .outcome = SLUICE_PASS_LOCAL},
		{"not a member", "wan", {.src = "198.51.100.4", .dst = "192.0.2.1"},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"not a member, IPv6", "wan", {.src = "2001:db8:51::1:0", .dst = "2001:db8::1"},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"to another", "wan", {.src = "198.51.100.7", .dst = "192.0.2.2"},
		 .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

/* --- prefixes of every length --------------------------------------------- */

#define BASE4 "85.170.85.170"
#define BASE6 "2a5a:a5a5:5a5a:a5a5:5a5a:a5a5:5a5a:a5a5"

static const char prefix_config[] =
	"{sluice: 1, cluster: test, limits: {flows: 65536},"
	" nodes: {fw: {interfaces: {wan: {network: wan, address: 198.51.100.1/24,"
	"  roles: [firewall], policy: edge}}}},"
	" policies: {edge: {default: drop}}}";

static struct prefix base_prefix(bool v6, unsigned length)
{
	struct prefix prefix;
	struct sluice_addr mask;

	CU_ASSERT_FATAL(!prefix_parse(v6 ? BASE6 : BASE4, &prefix));
	prefix.bits = (unsigned char)(length + (v6 ? 0 : SLUICE_V4_PREFIX_BITS));
	mask = addr_mask(prefix.bits);
	prefix.addr = addr_and(&prefix.addr, &mask);
	return prefix;
}

static void add_prefix(struct rule_addresses *addresses, struct prefix prefix)
{
	addresses->prefixes = malloc(sizeof(prefix));
	CU_ASSERT_FATAL(addresses->prefixes != NULL);
	addresses->prefixes[0] = prefix;
	addresses->prefix_count = 1;
}

/* The rule for a length has a port of its own, so that each length is asked alone. */
static unsigned short port_of(unsigned length)
{
	return (unsigned short)(1000 + length);
}

static void add_prefix_rules(struct testbed *tb, bool v6, bool source)
{
	struct policy *policy = model_policy(&tb->cluster, "edge");

	for (unsigned length = 0; length <= (v6 ? 128U : 32U); length++) {
		char name[16];
		struct rule *rule;

		snprintf(name, sizeof(name), "r%u", length);
		rule = model_rule_add(policy, name, SIZE_MAX);
		rule->proto = IPPROTO_UDP;
		rule->action = SLUICE_ACTION_ACCEPT_STATELESS;
		rule->dports = calloc(1, sizeof(*rule->dports));
		rule->dports[0] = (struct port_range){port_of(length), port_of(length)};
		rule->dport_count = 1;
		add_prefix(source ? &rule->from : &rule->to, base_prefix(v6, length));
	}
	testbed_publish(tb);
}

static enum sluice_outcome send_with_bit(struct testbed *tb, bool v6, bool source, unsigned length,
					 unsigned flipped)
{
	struct prefix prefix = base_prefix(v6, v6 ? 128 : 32);
	char text[ADDR_TEXT_LEN];
	struct packet packet = {
		.src = source ? text : (v6 ? USER6 : USER4),
		.dst = source ? (v6 ? USER6 : USER4) : text,
		.proto = IPPROTO_UDP,
		.sport = 40000,
		.dport = port_of(length),
	};
	unsigned bit = flipped + (v6 ? 0 : SLUICE_V4_PREFIX_BITS);

	if (bit < 128)
		prefix.addr.bytes[bit / 8] ^= 0x80 >> bit % 8;
	addr_format(&prefix.addr, text);
	return testbed_send(tb, "wan", &packet);
}

/* The last bit of a prefix counts, and the one behind it does not. */
static void check_prefixes(bool v6, bool source)
{
	struct testbed tb;

	testbed_up(&tb, "fw", prefix_config);
	add_prefix_rules(&tb, v6, source);
	for (unsigned length = 0; length <= (v6 ? 128U : 32U); length++) {
		CU_ASSERT_EQUAL(send_with_bit(&tb, v6, source, length, length), SLUICE_PASS_LOCAL);
		if (length)
			CU_ASSERT_EQUAL(send_with_bit(&tb, v6, source, length, length - 1),
					SLUICE_POLICY_DEFAULT);
		CU_ASSERT_EQUAL(testbed_send(&tb, "wan",
					     &(struct packet){.src = v6 ? USER4 : USER6,
							      .dst = v6 ? WEB4 : WEB6,
							      .proto = IPPROTO_UDP,
							      .dport = port_of(length)}),
				SLUICE_POLICY_DEFAULT);
	}
	testbed_down(&tb);
}

static void source_prefixes_of_every_length(void)
{
	check_prefixes(false, true);
	check_prefixes(true, true);
}

static void destination_prefixes_of_every_length(void)
{
	check_prefixes(false, false);
	check_prefixes(true, false);
}

/* --- what a default drop must not take away ------------------------------- */

static void networks_keep_what_they_cannot_do_without(void)
{
	static const char config[] = GATEWAY("default: drop,", "");
	static const struct packet quoted4 = {WEB_TO_USER4}, quoted6 = {WEB_TO_USER6};
	/* clang-format off */
	const struct packet_test tests[] = {
		{"fragmentation needed", "wan", {.src = "203.0.113.1", .dst = WEB4, .type = 3,
		 .code = 4, .quoted = &quoted4}, ROUTED_TO("web")},
		{"packet too big", "wan", {.src = "2001:db8:99::1", .dst = WEB6, .type = 2,
		 .quoted = &quoted6}, ROUTED_TO("web")},
		{"other unreachables are judged", "wan", {.src = "203.0.113.1", .dst = WEB4,
		 .type = 3, .code = 1, .quoted = &quoted4}, .outcome = SLUICE_POLICY_DEFAULT},
		{"other errors are judged, IPv6", "wan", {.src = "2001:db8:99::1", .dst = WEB6,
		 .type = 1, .quoted = &quoted6}, .outcome = SLUICE_POLICY_DEFAULT},
		{"router solicitation", "wan", {.src = "fe80::7", .dst = "ff02::2", .type = 133,
		 .ttl = 255}, .outcome = SLUICE_PASS_LOCAL},
		{"router advertisement", "wan", {.src = "fe80::7", .dst = "ff02::1", .type = 134,
		 .ttl = 255, .payload = 8}, .outcome = SLUICE_PASS_LOCAL},
		{"neighbour solicitation", "wan", {.src = USER6, .dst = "ff02::1:ff00:1",
		 .type = 135, .ttl = 255, .payload = 16}, .outcome = SLUICE_PASS_LOCAL},
		{"duplicate address detection", "wan", {.src = "::", .dst = "ff02::1:ff00:1",
		 .type = 135, .ttl = 255, .payload = 16}, .outcome = SLUICE_PASS_LOCAL},
		{"neighbour advertisement", "wan", {.src = USER6, .dst = FW6, .type = 136,
		 .ttl = 255, .payload = 16}, .outcome = SLUICE_PASS_LOCAL},
		{"redirect", "wan", {.src = "fe80::7", .dst = FW6, .type = 137, .ttl = 255,
		 .payload = 32}, .outcome = SLUICE_PASS_LOCAL},
		{"solicitation from afar", "wan", {.src = USER6, .dst = "ff02::1:ff00:1",
		 .type = 135, .ttl = 254, .payload = 16}, .outcome = SLUICE_POLICY_DEFAULT},
		{"advertisement from afar", "wan", {.src = USER6, .dst = FW6, .type = 136,
		 .ttl = 254, .payload = 16}, .outcome = SLUICE_POLICY_DEFAULT},
		{"multicast listener query", "wan", {.src = "fe80::7", .dst = "ff02::1",
		 .ext = "H", .type = 130, .ttl = 1, .payload = 16}, .outcome = SLUICE_PASS_LOCAL},
		{"multicast listener report", "wan", {.src = "fe80::7", .dst = "ff02::16",
		 .ext = "H", .type = 143, .ttl = 1, .payload = 16}, .outcome = SLUICE_PASS_LOCAL},
		{"multicast listener query from afar", "wan", {.src = USER6, .dst = "ff02::1",
		 .ext = "H", .type = 130, .ttl = 2, .payload = 16},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"node information is judged", "wan", {.src = USER6, .dst = FW6, .type = 139,
		 .ttl = 255}, .outcome = SLUICE_POLICY_DEFAULT},
		{"ICMPv6 types mean nothing in IPv4", "wan", {.src = USER4, .dst = FW4,
		 .type = 135, .ttl = 255}, .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

static void what_ports_cannot_be_read_of_is_dropped(void)
{
	static const char config[] = GATEWAY("default: accept,", "");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"later fragment", "wan", {UDP4(80), .fragment = 185, .payload = 64},
		 .outcome = SLUICE_FRAGMENT},
		{"later fragment, IPv6", "wan", {UDP6(80), .ext = "F", .fragment = 8},
		 .outcome = SLUICE_FRAGMENT},
		{"a fragment that is whole", "wan", {UDP6(80), .ext = "F"}, ROUTED_TO("web")},
		{"may not be fragmented", "wan", {UDP4(80), .fragment = IP_DF}, ROUTED_TO("web")},
		{"802.1Q", "wan", {TCP4(80), .vlan = 7}, .outcome = SLUICE_VLAN},
		{"802.1ad", "wan", {TCP4(80), .ethertype = ETH_P_8021AD}, .outcome = SLUICE_VLAN},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

/* --- the block set -------------------------------------------------------- */

/* Another source, `outside`, must not mind; its packets go to `outside_dst`. */
static void check_block(const char *prefix_text, const char *inside, const char *dst,
			const char *outside, const char *outside_dst)
{
	static const char config[] = GATEWAY("default: accept,", "");
	struct packet in = {.src = inside, .dst = dst, .flags = TCP_SYN};
	struct packet out = {.src = outside, .dst = outside_dst, .flags = TCP_SYN};
	struct prefix prefix;
	struct testbed tb;

	CU_ASSERT_FATAL(!prefix_parse(prefix_text, &prefix));
	testbed_up(&tb, "fw", config);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &in), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(dataplane_block(&tb.dp, &prefix), 0);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &in), SLUICE_BLOCKED);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &out), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(dataplane_block(&tb.dp, &prefix), 0);
	CU_ASSERT_EQUAL(dataplane_unblock(&tb.dp, &prefix), 0);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &in), SLUICE_REDIRECT);
	testbed_down(&tb);
}

static void blocking_a_source_is_immediate(void)
{
	check_block("198.51.100.7", USER4, WEB4, "198.51.100.6", WEB4);
	check_block("198.51.100.0/29", USER4, WEB4, "198.51.100.8", WEB4);
	check_block("2001:db8:51::7", USER6, WEB6, "2001:db8:51::6", WEB6);
	check_block("2001:db8:50::/47", USER6, WEB6, "2001:db8:52::7", WEB6);
}

static void blocking_is_of_sources_alone(void)
{
	static const char config[] = GATEWAY("default: accept,", "");
	struct prefix prefix;
	struct testbed tb;

	CU_ASSERT_FATAL(!prefix_parse(USER4, &prefix));
	testbed_up(&tb, "fw", config);
	CU_ASSERT_EQUAL(dataplane_block(&tb.dp, &prefix), 0);
	CU_ASSERT_EQUAL(testbed_send(&tb, "lan", &(struct packet){WEB_TO_USER4, .flags = TCP_SYN}),
			SLUICE_REDIRECT);
	testbed_down(&tb);
}

/* In the trie an IPv4 address is an IPv6 one: neither family may block the other. */
static void blocking_a_whole_family_spares_the_other(void)
{
	check_block("0.0.0.0/0", USER4, WEB4, USER6, WEB6);
	check_block("::/0", USER6, WEB6, USER4, WEB4);
	check_block("::/64", "::7", WEB6, USER4, WEB4);
}

/* --- counters ------------------------------------------------------------- */

static void rules_count_frames(void)
{
	static const char config[] = GATEWAY(
		"default: drop,", "{name: pass, proto: tcp, port: 80, action: accept-stateless},"
				  "{name: drop, proto: tcp, action: drop}");
	struct sluice_count count;
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	testbed_send(&tb, "wan", &(struct packet){TCP4(80), .payload = 100});
	testbed_send(&tb, "wan", &(struct packet){TCP6(80), .padding = 6});
	testbed_send(&tb, "wan", &(struct packet){TCP4(81)});
	count = testbed_rule_use(&tb, "edge", "pass");
	CU_ASSERT_EQUAL(count.packets, 2);
	CU_ASSERT_EQUAL(count.bytes, (14 + 40 + 100) + (14 + 60 + 6));
	count = testbed_rule_use(&tb, "edge", "drop");
	CU_ASSERT_EQUAL(count.packets, 1);
	CU_ASSERT_EQUAL(count.bytes, 14 + 40);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(first_rule_that_matches_decides),
		UNIT_TEST(default_decides_when_no_rule_does),
		UNIT_TEST(protocols_are_told_apart),
		UNIT_TEST(ports_match_in_ranges_and_lists),
		UNIT_TEST(interfaces_are_told_apart),
		UNIT_TEST(sets_stand_for_their_members),
		UNIT_TEST(source_prefixes_of_every_length),
		UNIT_TEST(destination_prefixes_of_every_length),
		UNIT_TEST(networks_keep_what_they_cannot_do_without),
		UNIT_TEST(what_ports_cannot_be_read_of_is_dropped),
		UNIT_TEST(blocking_a_source_is_immediate),
		UNIT_TEST(blocking_is_of_sources_alone),
		UNIT_TEST(blocking_a_whole_family_spares_the_other),
		UNIT_TEST(rules_count_frames),
		{},
	};

	return unit_run("firewall", tests);
}
