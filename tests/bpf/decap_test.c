/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Decapsulation: which tunnels end here, and that what was inside is a packet
 * like any other to the stages behind.
 */
#include "../support/testbed.h"
#include "../support/unit.h"

/* "be" takes tunnels from "lb" on eth0, and routes to "next" on eth1. */
#define BACKEND(roles, policy)                                                                     \
	"{sluice: 1, cluster: test, limits: {flows: 65536},"                                       \
	" nodes: {"                                                                                \
	"  be: {interfaces: {"                                                                     \
	"   eth0: {network: edge, address: [10.10.1.21/24, 'fd00:10:1::21/64'], " policy           \
	"          roles: [" roles "]},"                                                           \
	"   eth1: {network: back, address: [10.10.2.21/24, 'fd00:10:2::21/64'],"                   \
	"          roles: [forward]}}},"                                                           \
	"  lb: {interfaces: {eth0: {network: edge,"                                                \
	"   address: [10.10.1.11/24, 'fd00:10:1::11/64'], roles: [balancer]}}},"                   \
	"  next: {interfaces: {eth0: {network: back,"                                              \
	"   address: [10.10.2.22/24, 'fd00:10:2::22/64']}}}},"                                     \
	" services: {www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"            \
	"  backends: {next: {}}}},"                                                                \
	" policies: {web: {default: drop, strict: false, rules: ["                                 \
	"  {name: http, to: [192.0.2.10, '2001:db8:2::10'], proto: tcp, port: 80,"                 \
	"   action: accept-stateless},"                                                            \
	"  {name: tunnels, from: 10.10.1.0/24, proto: ipip, action: drop}]}}}"

static const char decap[] = BACKEND("decap", "");

#define LB4_TO_BE .src = "10.10.1.11", .dst = "10.10.1.21"
#define LB6_TO_BE .src = "fd00:10:1::11", .dst = "fd00:10:1::21"
#define GUE4_TO_BE                                                                                 \
	.src = "10.10.1.11", .dst = "10.10.1.21", .proto = IPPROTO_UDP, .sport = 50000,            \
	.dport = 6080
#define GUE6_TO_BE                                                                                 \
	.src = "fd00:10:1::11", .dst = "fd00:10:1::21", .proto = IPPROTO_UDP, .sport = 50000,      \
	.dport = 6080
#define TO_VIP4 .src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = 80
#define TO_VIP6 .src = "2001:db8:51::7", .dst = "2001:db8:2::10", .sport = 40000, .dport = 80

/* clang-format off */
#define INSIDE(...) .inner = &(struct packet){__VA_ARGS__}
/* clang-format on */

static void tunnels_of_balancers_end_here(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"4in4", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4)}, .outcome = SLUICE_PASS_LOCAL,
		 .stripped = 20},
		{"6in6", "eth0", {LB6_TO_BE, INSIDE(TO_VIP6)}, .outcome = SLUICE_PASS_LOCAL,
		 .stripped = 40},
		{"6in4", "eth0", {LB4_TO_BE, INSIDE(TO_VIP6)}, .outcome = SLUICE_PASS_LOCAL,
		 .stripped = 20},
		{"4in6", "eth0", {LB6_TO_BE, INSIDE(TO_VIP4)}, .outcome = SLUICE_PASS_LOCAL,
		 .stripped = 40},
		{"UDP with data", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4, .proto = IPPROTO_UDP,
		 .payload = 1000)}, .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"options outside", "eth0", {LB4_TO_BE, .options = 16, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 36},
		{"options inside", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4, .options = 40)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"extension headers outside", "eth0", {LB6_TO_BE, .ext = "DD", INSIDE(TO_VIP6)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 56},
		{"extension headers inside", "eth0", {LB6_TO_BE, INSIDE(TO_VIP6, .ext = "HD")},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 40},
		{"TTL 1 outside", "eth0", {LB4_TO_BE, .ttl = 1, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"one tunnel is taken off, not two", "eth0", {LB4_TO_BE, INSIDE(LB4_TO_BE,
		 INSIDE(TO_VIP4))}, .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"an inner fragment", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4, .fragment = IP_MF)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"GUE, 4in4", "eth0", {GUE4_TO_BE, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 28},
		{"GUE, 6in6", "eth0", {GUE6_TO_BE, INSIDE(TO_VIP6)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 48},
		{"GUE, 6in4", "eth0", {GUE4_TO_BE, INSIDE(TO_VIP6)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 28},
		{"GUE, 4in6", "eth0", {GUE6_TO_BE, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 48},
		{"GUE, options outside", "eth0", {GUE4_TO_BE, .options = 16, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 44},
		{"GUE, extension headers outside", "eth0", {GUE6_TO_BE, .ext = "DD",
		 INSIDE(TO_VIP6)}, .outcome = SLUICE_PASS_LOCAL, .stripped = 64},
		{"GUE, one tunnel is taken off, not two", "eth0", {GUE4_TO_BE,
		 INSIDE(GUE4_TO_BE, INSIDE(TO_VIP4))}, .outcome = SLUICE_PASS_LOCAL,
		 .stripped = 28},
		{"not a tunnel", "eth0", {LB4_TO_BE, .dport = 22}, .outcome = SLUICE_PASS_LOCAL},
		{"GRE is no tunnel of ours", "eth0", {LB4_TO_BE, .proto = 47, .payload = 40},
		 .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", decap, tests);
}

static void tunnels_of_others_do_not(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"a neighbour", "eth0", {.src = "10.10.1.12", .dst = "10.10.1.21",
		 INSIDE(TO_VIP4)}, .outcome = SLUICE_TUNNEL_SOURCE},
		{"a neighbour, IPv6", "eth0", {.src = "fd00:10:1::12", .dst = "fd00:10:1::21",
		 INSIDE(TO_VIP6)}, .outcome = SLUICE_TUNNEL_SOURCE},
		{"from outside", "eth0", {.src = "198.51.100.7", .dst = "10.10.1.21",
		 INSIDE(TO_VIP6)}, .outcome = SLUICE_TUNNEL_SOURCE},
		{"this node itself", "eth0", {.src = "10.10.1.21", .dst = "10.10.1.21",
		 INSIDE(TO_VIP4)}, .outcome = SLUICE_TUNNEL_SOURCE},
		{"a fragment of another's", "eth0", {.src = "10.10.1.12", .dst = "10.10.1.21",
		 INSIDE(TO_VIP4), .fragment = IP_MF}, .outcome = SLUICE_TUNNEL_SOURCE},
		{"a fragment of a balancer's", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4),
		 .fragment = IP_MF}, .outcome = SLUICE_FRAGMENT},
		{"a fragment of a balancer's, IPv6", "eth0", {LB6_TO_BE, .ext = "F",
		 .fragment = 1, INSIDE(TO_VIP6)}, .outcome = SLUICE_FRAGMENT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", decap, tests);
}

/* Each of them reaches the stack, or the next router, as it came. */
static void what_does_not_end_here_stays_closed(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"IPIP to another host", "eth0", {.src = "10.10.1.11", .dst = "10.10.2.22",
		 INSIDE(TO_VIP4)}, .outcome = SLUICE_REDIRECT, .routed = true, .to = "next"},
		{"IPIP to another host, of nobody", "eth0", {.src = "198.51.100.7",
		 .dst = "10.10.2.22", INSIDE(TO_VIP4)}, .outcome = SLUICE_REDIRECT,
		 .routed = true, .to = "next"},
		{"6in6 to another host", "eth0", {.src = "fd00:10:1::11",
		 .dst = "fd00:10:2::22", INSIDE(TO_VIP6)}, .outcome = SLUICE_REDIRECT,
		 .routed = true, .to = "next"},
		{"GUE to another host", "eth0", {.src = "10.10.1.11", .dst = "10.10.2.22",
		 .proto = IPPROTO_UDP, .dport = 6080, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_REDIRECT, .routed = true, .to = "next"},
		{"to another address of this host", "eth0", {.src = "10.10.1.11",
		 .dst = "10.10.2.21", INSIDE(TO_VIP4)}, .outcome = SLUICE_PASS_LOCAL,
		 .stripped = 20},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", BACKEND("decap, forward", ""), tests);
}

static void what_else_comes_to_the_port_passes(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"a sender that is no balancer", "eth0", {.src = "10.10.1.12",
		 .dst = "10.10.1.21", .proto = IPPROTO_UDP, .dport = 6080, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL},
		{"another port", "eth0", {LB4_TO_BE, .proto = IPPROTO_UDP, .dport = 6081,
		 INSIDE(TO_VIP4)}, .outcome = SLUICE_PASS_LOCAL},
		{"with a checksum", "eth0", {GUE4_TO_BE, INSIDE(TO_VIP4),
		 .poke = {{FRAME_IP4 + 7, 1}}}, .outcome = SLUICE_PASS_LOCAL},
		{"no payload", "eth0", {GUE4_TO_BE, .poke = {{FRAME_IP4 + 6, 0},
		 {FRAME_IP4 + 7, 0}}}, .outcome = SLUICE_PASS_LOCAL},
		{"GUE of variant 0", "eth0", {GUE4_TO_BE, INSIDE(TO_VIP4),
		 .poke = {{FRAME_IP4 + 8, 0x04}}}, .outcome = SLUICE_PASS_LOCAL},
		{"GUE of variant 0, IPv6", "eth0", {GUE6_TO_BE, INSIDE(TO_VIP4),
		 .poke = {{FRAME_IP6 + 8, 0x04}}}, .outcome = SLUICE_PASS_LOCAL},
		{"UDP shorter than IP", "eth0", {GUE4_TO_BE, INSIDE(TO_VIP4),
		 .poke = {{FRAME_IP4 + 5, 40}}}, .outcome = SLUICE_PASS_LOCAL},
		{"inner packet cut", "eth0", {GUE4_TO_BE, INSIDE(TO_VIP4),
		 .poke = {{FRAME_IP4 + 8 + 3, 41}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"a fragment", "eth0", {GUE4_TO_BE, .fragment = IP_MF, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", decap, tests);
}

#define INNER4(member) (FRAME_IP4 + (member))
#define INNER6(member) (FRAME_IP6 + (member))

static void what_is_inside_must_be_a_packet(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"nothing", "eth0", {LB4_TO_BE, .proto = IPPROTO_IPIP},
		 .outcome = SLUICE_TUNNEL_INNER},
		{"nothing, IPv6", "eth0", {LB6_TO_BE, .proto = IPPROTO_IPV6},
		 .outcome = SLUICE_TUNNEL_INNER},
		{"garbage", "eth0", {LB4_TO_BE, .proto = IPPROTO_IPIP, .payload = 60},
		 .outcome = SLUICE_TUNNEL_INNER},
		{"garbage, IPv6", "eth0", {LB6_TO_BE, .proto = IPPROTO_IPV6, .payload = 60},
		 .outcome = SLUICE_TUNNEL_INNER},
		{"one byte", "eth0", {LB4_TO_BE, .proto = IPPROTO_IPV6, .payload = 1},
		 .outcome = SLUICE_TUNNEL_INNER},
		{"IPv6 said to be IPv4", "eth0", {LB4_TO_BE, INSIDE(TO_VIP6),
		 .poke = {{FRAME_IP + 9, IPPROTO_IPIP}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"IPv4 said to be IPv6", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4),
		 .poke = {{FRAME_IP + 9, IPPROTO_IPV6}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"longer than the frame", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4),
		 .poke = {{INNER4(3), 41}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"longer than the frame, IPv6", "eth0", {LB6_TO_BE, INSIDE(TO_VIP6),
		 .poke = {{INNER6(5), 21}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"longer than the outer packet", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4),
		 .padding = 1, .poke = {{INNER4(3), 41}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"longer than the outer packet, IPv6", "eth0", {LB6_TO_BE, INSIDE(TO_VIP6),
		 .padding = 1, .poke = {{INNER6(5), 21}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"all of it padding", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4), .poke = {{FRAME_IP + 3,
		 20}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"shorter than the outer packet", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4,
		 .payload = 1), .poke = {{INNER4(3), 40}}}, .outcome = SLUICE_PASS_LOCAL,
		 .stripped = 20},
		{"TCP header cut", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4), .poke = {{INNER4(3),
		 39}}}, .outcome = SLUICE_TUNNEL_INNER},
		{"too many extension headers", "eth0", {LB6_TO_BE, INSIDE(TO_VIP6,
		 .ext = "HDDDDDDD")}, .outcome = SLUICE_TUNNEL_INNER},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", decap, tests);
}

static void what_is_inside_must_make_sense(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"flags", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4, .flags = TCP_SYN | TCP_FIN)},
		 .outcome = SLUICE_TCP_FLAGS},
		{"flags, IPv6", "eth0", {LB4_TO_BE, INSIDE(TO_VIP6, .flags = TCP_FIN)},
		 .outcome = SLUICE_TCP_FLAGS},
		{"address", "eth0", {LB4_TO_BE, INSIDE(.src = "127.0.0.1", .dst = "192.0.2.10")},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"address, IPv6", "eth0", {LB6_TO_BE, INSIDE(.src = "::1",
		 .dst = "2001:db8:2::10")}, .outcome = SLUICE_BAD_ADDRESS},
		{"endpoint", "eth0", {LB6_TO_BE, INSIDE(.src = "192.0.2.10", .dst = "192.0.2.10",
		 .sport = 80, .dport = 80)}, .outcome = SLUICE_LAND},
		{"outer address", "eth0", {.src = "127.0.0.1", .dst = "10.10.1.21",
		 INSIDE(TO_VIP4)}, .outcome = SLUICE_BAD_ADDRESS},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", decap, tests);
}

static void block_set_sees_both_senders(void)
{
	struct packet v4 = {LB6_TO_BE, INSIDE(TO_VIP4)}, v6 = {LB4_TO_BE, INSIDE(TO_VIP6)};
	struct prefix client, balancer;
	struct testbed tb;

	CU_ASSERT_FATAL(!prefix_parse("198.51.100.0/24", &client));
	CU_ASSERT_FATAL(!prefix_parse("10.10.1.11", &balancer));
	testbed_up(&tb, "be", decap);
	CU_ASSERT_EQUAL(dataplane_block(&tb.dp, &client), 0);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &v4), SLUICE_BLOCKED);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &v6), SLUICE_PASS_LOCAL);
	CU_ASSERT_EQUAL(dataplane_block(&tb.dp, &balancer), 0);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &v6), SLUICE_BLOCKED);
	testbed_down(&tb);
}

static void rules_see_what_is_inside(void)
{
	static const char config[] = BACKEND("decap, firewall", "policy: web,");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"accepted, in spite of the rule against tunnels", "eth0", {LB4_TO_BE,
		 INSIDE(TO_VIP4)}, .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"accepted, IPv6", "eth0", {LB6_TO_BE, INSIDE(TO_VIP6)},
		 .outcome = SLUICE_PASS_LOCAL, .stripped = 40},
		{"another port", "eth0", {LB4_TO_BE, INSIDE(.src = "198.51.100.7",
		 .dst = "192.0.2.10", .dport = 81)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"another address", "eth0", {LB6_TO_BE, INSIDE(.src = "2001:db8:51::7",
		 .dst = "2001:db8:2::11", .dport = 80)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"a tunnel inside is judged as one", "eth0", {LB6_TO_BE, INSIDE(LB4_TO_BE,
		 INSIDE(TO_VIP4))}, .outcome = SLUICE_RULE},
		{"an inner fragment", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4, .fragment = IP_MF,
		 .payload = 44)}, .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"an inner fragment of an unknown datagram", "eth0", {LB4_TO_BE,
		 INSIDE(TO_VIP4, .fragment = 9, .payload = 44, .ip_id = 1)},
		 .outcome = SLUICE_FRAGMENT},
		{"what is not a tunnel", "eth0", {LB4_TO_BE, .dport = 22},
		 .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", config, tests);
}

static void what_is_inside_is_routed(void)
{
	static const char config[] = BACKEND("decap, forward", "");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"IPv4", "eth0", {LB4_TO_BE, INSIDE(.src = "198.51.100.7", .dst = "10.10.2.22")},
		 .outcome = SLUICE_REDIRECT, .stripped = 20, .routed = true, .to = "next"},
		{"IPv6", "eth0", {LB4_TO_BE, INSIDE(.src = "2001:db8:51::7",
		 .dst = "fd00:10:2::22")}, .outcome = SLUICE_REDIRECT, .stripped = 20,
		 .routed = true, .to = "next"},
		{"TTL 1 inside", "eth0", {LB6_TO_BE, INSIDE(.src = "198.51.100.7",
		 .dst = "10.10.2.22", .ttl = 1)}, .outcome = SLUICE_PASS_TTL, .stripped = 40},
		{"for this host", "eth0", {LB6_TO_BE, INSIDE(.src = "198.51.100.7",
		 .dst = "10.10.1.21")}, .outcome = SLUICE_PASS_LOCAL, .stripped = 40},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", config, tests);
}

static void what_is_inside_is_balanced(void)
{
	static const char config[] = BACKEND("decap, balancer, firewall, forward", "policy: web,");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"IPv4", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4)}, .outcome = SLUICE_REDIRECT,
		 .stripped = 20, .to = "next", .outer = &(struct packet){.src = "10.10.1.21",
		 .dst = "10.10.2.22"}},
		{"IPv6", "eth0", {LB4_TO_BE, INSIDE(TO_VIP6)}, .outcome = SLUICE_REDIRECT,
		 .stripped = 20, .to = "next", .outer = &(struct packet){.src = "fd00:10:1::21",
		 .dst = "fd00:10:2::22"}},
		{"refused before", "eth0", {LB4_TO_BE, INSIDE(.src = "198.51.100.7",
		 .dst = "192.0.2.10", .dport = 81)}, .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", config, tests);
}

/* A balancer that answers from registers must not take what it would have to open. */
static void balancer_without_a_firewall_opens_tunnels(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"GUE", "eth0", {GUE4_TO_BE, INSIDE(TO_VIP4)}, .outcome = SLUICE_REDIRECT,
		 .stripped = 28, .to = "next", .outer = &(struct packet){.src = "10.10.1.21",
		 .dst = "10.10.2.22"}},
		{"GUE, IPv6", "eth0", {GUE6_TO_BE, INSIDE(TO_VIP6)}, .outcome = SLUICE_REDIRECT,
		 .stripped = 48, .to = "next", .outer = &(struct packet){.src = "fd00:10:1::21",
		 .dst = "fd00:10:2::22"}},
		{"4in4", "eth0", {LB4_TO_BE, INSIDE(TO_VIP4)}, .outcome = SLUICE_REDIRECT,
		 .stripped = 20, .to = "next", .outer = &(struct packet){.src = "10.10.1.21",
		 .dst = "10.10.2.22"}},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", BACKEND("decap, balancer", ""), tests);
}

static void without_the_role_tunnels_are_payload(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"4in4 to the stack", "eth1", {LB4_TO_BE, INSIDE(TO_VIP4)},
		 .outcome = SLUICE_PASS_LOCAL},
		{"a sender that nobody knows", "eth1", {.src = "2001:db8:51::7",
		 .dst = "fd00:10:1::21", INSIDE(TO_VIP4)}, .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("be", decap, tests);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(tunnels_of_balancers_end_here),
		UNIT_TEST(tunnels_of_others_do_not),
		UNIT_TEST(what_does_not_end_here_stays_closed),
		UNIT_TEST(what_else_comes_to_the_port_passes),
		UNIT_TEST(what_is_inside_must_be_a_packet),
		UNIT_TEST(what_is_inside_must_make_sense),
		UNIT_TEST(block_set_sees_both_senders),
		UNIT_TEST(rules_see_what_is_inside),
		UNIT_TEST(what_is_inside_is_routed),
		UNIT_TEST(what_is_inside_is_balanced),
		UNIT_TEST(balancer_without_a_firewall_opens_tunnels),
		UNIT_TEST(without_the_role_tunnels_are_payload),
		{},
	};

	return unit_run("decap", tests);
}
