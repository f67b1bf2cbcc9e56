/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Forwarding: where the kernel's routes and neighbours send a packet, what it
 * looks like then, and what happens where they do not.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../support/gateway.h"
#include "../support/unit.h"

static const char config[] = GATEWAY_ROLES("forward", "", "", "");

/* The third interface has no role. "next" routes on to 203.0.113.0/24. */
static const char routes[] =
	"{sluice: 1, cluster: test, limits: {flows: 65536},"
	" nodes: {"
	"  fw: {interfaces: {"
	"   wan: {network: wan, address: [198.51.100.1/24, '2001:db8:51::1/64'],"
	"         roles: [forward]},"
	"   lan: {network: lan, address: [10.10.1.1/24, 'fd00:10:1::1/64'], mtu: 1400,"
	"         roles: [forward]},"
	"   side: {network: side, address: [10.10.2.1/24, 'fd00:10:2::1/64']}},"
	"   routes: ["
	"    {to: 203.0.113.0/24, via: 10.10.1.2},"
	"    {to: '2001:db8:99::/64', via: 'fd00:10:1::2'},"
	"    {to: 203.0.113.128/25, via: 10.10.1.3},"
	"    {to: '2001:db8:99:0:8000::/65', via: 'fd00:10:1::3'}]},"
	"  user: {interfaces: {eth0: {network: wan,"
	"   address: [198.51.100.7/24, '2001:db8:51::7/64']}}},"
	"  next: {interfaces: {eth0: {network: lan,"
	"   address: [10.10.1.2/24, 'fd00:10:1::2/64']}}},"
	"  web: {interfaces: {eth0: {network: side,"
	"   address: [10.10.2.21/24, 'fd00:10:2::21/64']}}}}}";

/* clang-format off */
#define FROM4(to) .src = USER4, .dst = to, .flags = TCP_SYN
#define FROM6(to) .src = USER6, .dst = to, .flags = TCP_SYN
/* clang-format on */

static void routes_and_neighbours_decide(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"by a gateway", "wan", {FROM4("203.0.113.1")}, ROUTED_TO("next")},
		{"by a gateway, IPv6", "wan", {FROM6("2001:db8:99::1")}, ROUTED_TO("next")},
		{"on the link itself", "lan", {.src = "203.0.113.1", .dst = USER4},
		 ROUTED_TO("user")},
		{"on the link itself, IPv6", "lan", {.src = "2001:db8:99::1", .dst = USER6},
		 ROUTED_TO("user")},
		{"back where it came from", "wan", {FROM4(USER4), .sport = 1},
		 .outcome = SLUICE_TX, .to = "user", .routed = true},
		{"back where it came from, IPv6", "wan", {FROM6(USER6), .sport = 1},
		 .outcome = SLUICE_TX, .to = "user", .routed = true},
		{"by an interface without Sluice", "wan", {FROM4("10.10.2.21")},
		 .outcome = SLUICE_NOT_ATTACHED},
		{"by an interface without Sluice, IPv6", "wan", {FROM6("fd00:10:2::21")},
		 .outcome = SLUICE_NOT_ATTACHED},
		{"for this host", "wan", {FROM4("10.10.1.1")}, .outcome = SLUICE_PASS_LOCAL},
		{"for this host, IPv6", "wan", {FROM6("fd00:10:1::1")},
		 .outcome = SLUICE_PASS_LOCAL},
		{"no route", "wan", {FROM4("192.88.99.1")}, .outcome = SLUICE_PASS_LOCAL},
		{"no route, IPv6", "wan", {FROM6("2001:db8:77::1")},
		 .outcome = SLUICE_PASS_LOCAL},
		{"multicast", "wan", {FROM4("239.1.1.1")}, .outcome = SLUICE_PASS_LOCAL},
		{"multicast, IPv6", "wan", {FROM6("ff02::1")}, .outcome = SLUICE_PASS_LOCAL},
		{"broadcast", "wan", {FROM4("198.51.100.255")}, .outcome = SLUICE_PASS_LOCAL},
		{"UDP, options and tos", "wan", {.src = USER4, .dst = "203.0.113.1",
		 .proto = IPPROTO_UDP, .options = 12, .tos = 0xb9, .payload = 33},
		 ROUTED_TO("next")},
		{"extension headers and class", "wan", {.src = USER6, .dst = "2001:db8:99::1",
		 .proto = IPPROTO_UDP, .ext = "D", .tos = 0xb9, .payload = 33},
		 ROUTED_TO("next")},
		{"fragments", "wan", {.src = USER4, .dst = "203.0.113.1", .fragment = 7,
		 .payload = 16}, ROUTED_TO("next")},
		{"fragments, IPv6", "wan", {FROM6("2001:db8:99::1"), .ext = "F", .fragment = 8},
		 ROUTED_TO("next")},
		{"tunnels of others", "wan", {.src = USER4, .dst = "203.0.113.1",
		 .inner = &(struct packet){FROM6("fd00:10:1::1")}}, ROUTED_TO("next")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", routes, tests);
}

static void what_the_kernel_must_answer_is_passed_to_it(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TTL 1", "wan", {FROM4("203.0.113.1"), .ttl = 1}, .outcome = SLUICE_PASS_TTL},
		{"TTL 0", "wan", {FROM4("203.0.113.1"), .poke = {{FRAME_IP + 8, 0}}},
		 .outcome = SLUICE_PASS_TTL},
		{"hop limit 1", "wan", {FROM6("2001:db8:99::1"), .ttl = 1},
		 .outcome = SLUICE_PASS_TTL},
		{"hop limit 0", "wan", {FROM6("2001:db8:99::1"), .poke = {{FRAME_IP + 7, 0}}},
		 .outcome = SLUICE_PASS_TTL},
		{"TTL 2", "wan", {FROM4("203.0.113.1"), .ttl = 2}, ROUTED_TO("next")},
		{"hop limit 2", "wan", {FROM6("2001:db8:99::1"), .ttl = 2}, ROUTED_TO("next")},
		{"TTL 1 for this host", "wan", {FROM4("10.10.1.1"), .ttl = 1},
		 .outcome = SLUICE_PASS_LOCAL},
		{"fits the link", "wan", {FROM4("203.0.113.1"), .payload = 1400 - 40},
		 ROUTED_TO("next")},
		{"over the link's MTU", "wan", {FROM4("203.0.113.1"), .payload = 1400 - 40 + 1},
		 .outcome = SLUICE_PASS_TOO_BIG},
		{"fits the link, IPv6", "wan", {FROM6("2001:db8:99::1"), .payload = 1400 - 60},
		 ROUTED_TO("next")},
		{"over the link's MTU, IPv6", "wan", {FROM6("2001:db8:99::1"),
		 .payload = 1400 - 60 + 1}, .outcome = SLUICE_PASS_TOO_BIG},
		{"padding does not count", "wan", {FROM4("203.0.113.1"), .payload = 1400 - 40,
		 .padding = 50}, ROUTED_TO("next")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", routes, tests);
}

static void link_local_addresses_stay_on_their_link(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"from a link-local address", "wan", {.src = "fe80::7", .dst = "2001:db8:99::1"},
		 .outcome = SLUICE_PASS_LOCAL},
		{"to a link-local address", "wan", {.src = USER6, .dst = "fe80::99"},
		 .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", routes, tests);
}

/* RFC 1624: the checksum made less costly must be that made anew, for each value. */
static void every_checksum_survives_a_hop(void)
{
	struct packet_test test = {"checksum", "wan", {USER_TO_WEB4}, ROUTED_TO("web")};
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	for (unsigned id = 0; id <= 0xffff; id++) {
		test.packet.ip_id = (unsigned short)id;
		testbed_check(&tb, &test, 1);
	}
	testbed_down(&tb);
}

static void every_ttl_is_one_less(void)
{
	struct packet_test v4 = {"TTL", "wan", {USER_TO_WEB4}, ROUTED_TO("web")};
	struct packet_test v6 = {"hop limit", "wan", {USER_TO_WEB6}, ROUTED_TO("web")};
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	for (unsigned ttl = 2; ttl <= 255; ttl++) {
		v4.packet.ttl = v6.packet.ttl = (unsigned char)ttl;
		testbed_check(&tb, &v4, 1);
		testbed_check(&tb, &v6, 1);
	}
	testbed_down(&tb);
}

/* --- misses --------------------------------------------------------------- */

static __u64 misses_of(struct testbed *tb, const char *next_hop, const char *ifname)
{
	struct sluice_miss_key key = {.ifindex = testbed_port(tb, ifname)->ifindex};
	struct sluice_miss miss = {};

	CU_ASSERT_FATAL(!addr_parse(next_hop, &key.next_hop));
	bpf_map_lookup_elem(tb->dp.misses, &key, &miss);
	return miss.packets;
}

static void check_miss(struct testbed *tb, const struct packet *packet, const char *next_hop)
{
	for (__u64 i = 1; i <= 3; i++) {
		CU_ASSERT_EQUAL(testbed_send(tb, "wan", packet), SLUICE_NO_NEIGHBOUR);
		CU_ASSERT_EQUAL(misses_of(tb, next_hop, "lan"), i);
	}
}

static void next_hop_without_link_address_is_noted(void)
{
	struct testbed tb;

	testbed_up(&tb, "fw", routes);
	check_miss(&tb, &(struct packet){FROM4("10.10.1.77")}, "10.10.1.77");
	check_miss(&tb, &(struct packet){FROM6("fd00:10:1::77")}, "fd00:10:1::77");
	check_miss(&tb, &(struct packet){FROM4("203.0.113.200")}, "10.10.1.3");
	check_miss(&tb, &(struct packet){FROM6("2001:db8:99:0:8000::1")}, "fd00:10:1::3");
	testbed_down(&tb);
}

static void resolved_next_hop_is_used_at_once(void)
{
	struct packet packet = {FROM4("10.10.1.77")};
	struct testbed tb;

	testbed_up(&tb, "fw", routes);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packet), SLUICE_NO_NEIGHBOUR);
	testbed_ip("neigh add 10.10.1.77 lladdr 02:00:00:00:00:77 dev lan nud permanent\n");
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packet), SLUICE_REDIRECT);
	testbed_down(&tb);
}

/* --- the kernel's settings ------------------------------------------------ */

static void nothing_is_forwarded_where_forwarding_is_off(void)
{
	struct packet v4 = {USER_TO_WEB4}, v6 = {USER_TO_WEB6};
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	testbed_sysctl("ipv4/conf/wan/forwarding", "0");
	testbed_sysctl("ipv6/conf/wan/forwarding", "0");
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &v4), SLUICE_FORWARDING_OFF);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &v6), SLUICE_FORWARDING_OFF);
	testbed_sysctl("ipv4/conf/wan/forwarding", "1");
	testbed_sysctl("ipv6/conf/wan/forwarding", "1");
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &v4), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &v6), SLUICE_REDIRECT);
	testbed_down(&tb);
}

/* As in the kernel's own forwarding, only an MTU that is locked binds others' packets. */
static void locked_mtu_of_a_route_counts(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"fits", "wan", {FROM4("192.0.2.1"), .payload = 1300 - 40}, ROUTED_TO("web")},
		{"fits, IPv6", "wan", {FROM6("2001:db8:2::1"), .payload = 1300 - 60},
		 ROUTED_TO("web")},
		{"does not", "wan", {FROM4("192.0.2.1"), .payload = 1300 - 40 + 1},
		 .outcome = SLUICE_PASS_TOO_BIG},
		{"does not, IPv6", "wan", {FROM6("2001:db8:2::1"), .payload = 1300 - 60 + 1},
		 .outcome = SLUICE_PASS_TOO_BIG},
	};
	/* clang-format on */
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	testbed_ip("route add 192.0.2.0/24 via 10.10.1.21 mtu lock 1300\n"
		   "route add 2001:db8:2::/64 via fd00:10:1::21 mtu lock 1300\n");
	PACKET_TESTS(&tb, tests);
	testbed_down(&tb);
}

static void refusing_routes_refuse(void)
{
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	testbed_ip("route add blackhole 192.88.99.1\n"
		   "route add unreachable 192.88.99.2\n"
		   "route add prohibit 192.88.99.3\n"
		   "route add blackhole 2001:db8:77::1\n"
		   "route add unreachable 2001:db8:77::2\n"
		   "route add prohibit 2001:db8:77::3\n");
	for (int i = 1; i <= 3; i++) {
		char to4[ADDR_TEXT_LEN], to6[ADDR_TEXT_LEN];

		snprintf(to4, sizeof(to4), "192.88.99.%d", i);
		snprintf(to6, sizeof(to6), "2001:db8:77::%d", i);
		CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &(struct packet){FROM4(to4)}),
				SLUICE_NO_ROUTE);
		CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &(struct packet){FROM6(to6)}),
				SLUICE_NO_ROUTE);
	}
	testbed_down(&tb);
}

static void without_the_role_everything_is_local(void)
{
	static const char firewall[] =
		GATEWAY_ROLES("firewall", "policy: edge,", "default: accept, strict: false,", "");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"IPv4", "wan", {USER_TO_WEB4, .ttl = 1}, .outcome = SLUICE_PASS_LOCAL},
		{"IPv6", "wan", {USER_TO_WEB6, .ttl = 1}, .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", firewall, tests);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(routes_and_neighbours_decide),
		UNIT_TEST(what_the_kernel_must_answer_is_passed_to_it),
		UNIT_TEST(link_local_addresses_stay_on_their_link),
		UNIT_TEST(every_checksum_survives_a_hop),
		UNIT_TEST(every_ttl_is_one_less),
		UNIT_TEST(next_hop_without_link_address_is_noted),
		UNIT_TEST(resolved_next_hop_is_used_at_once),
		UNIT_TEST(nothing_is_forwarded_where_forwarding_is_off),
		UNIT_TEST(locked_mtu_of_a_route_counts),
		UNIT_TEST(refusing_routes_refuse),
		UNIT_TEST(without_the_role_everything_is_local),
		{},
	};

	return unit_run("forward", tests);
}
