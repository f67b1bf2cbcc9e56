/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Forwarding mode nat: the exact frames that go to a backend and come back from it, whose
 * checksums the tests make anew from a description of the result; and what is not translated.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../support/testbed.h"
#include "../support/unit.h"

/* eth0 is the clients' side, behind a router, and eth1 the backends'. */
#define NODES                                                                                      \
	" nodes: {"                                                                                \
	"  lb: {interfaces: {"                                                                     \
	"   eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'], " ROLES "},"       \
	"   eth1: {network: back, address: [10.10.2.11/24, 'fd00:10:2::11/64'], " ROLES "}},"      \
	"   routes: [{to: default, via: 10.10.1.1}, {to: default, via: 'fd00:10:1::1'}]},"         \
	"  router: {interfaces: {eth0: {network: edge,"                                            \
	"   address: [10.10.1.1/24, 'fd00:10:1::1/64']}}},"                                        \
	"  web: {interfaces: {eth0: {network: back,"                                               \
	"   address: [10.10.2.21/24, 'fd00:10:2::21/64']}}}},"

#define SERVICES                                                                                   \
	" services: {"                                                                             \
	"  www: {vips: ['192.0.2.10:443', '[2001:db8:2::10]:443'], proto: tcp, forward: nat,"      \
	"   backends: {web: {port: 8443}}},"                                                       \
	"  dns: {vips: ['192.0.2.10:53', '[2001:db8:2::10]:53'], proto: udp, forward: nat,"        \
	"   backends: {web: {port: 5353}}},"                                                       \
	"  same: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp, forward: nat,"       \
	"   backends: {web: {}}},"                                                                 \
	"  ipip: {vips: ['192.0.2.10:90'], proto: tcp, backends: {web: {}}}}"

#define ROLES "roles: [balancer]"
static const char config[] = "{sluice: 1, cluster: test, limits: {flows: 1024}," NODES SERVICES "}";
#undef ROLES
#define ROLES "roles: [balancer, forward]"
static const char forwarding[] =
	"{sluice: 1, cluster: test, limits: {flows: 1024}," NODES SERVICES "}";
#undef ROLES
#define ROLES "roles: [firewall, balancer], policy: edge"
static const char guarded[] =
	"{sluice: 1, cluster: test, limits: {flows: 1024}," NODES SERVICES ","
	" policies: {edge: {default: drop, rules: ["
	"  {name: vips, to: ['192.0.2.10', '2001:db8:2::10'], action: accept}]}}}";

#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:51::7"
#define VIP4	"192.0.2.10"
#define VIP6	"2001:db8:2::10"
#define WEB4	"10.10.2.21"
#define WEB6	"fd00:10:2::21"

/* clang-format off */
#define TO4(to, port) .src = CLIENT4, .dst = to, .sport = 40000, .dport = port
#define TO6(to, port) .src = CLIENT6, .dst = to, .sport = 40000, .dport = port
#define FROM4(from, port) .src = from, .dst = CLIENT4, .sport = port, .dport = 40000
#define FROM6(from, port) .src = from, .dst = CLIENT6, .sport = port, .dport = 40000
#define BECOMES(...) .routed = true, .becomes = &(const struct packet){__VA_ARGS__}
#define QUOTED(...) .quoted = &(const struct packet){__VA_ARGS__}
#define GOES .outcome = SLUICE_REDIRECT, .to = "web"
#define RETURNS .outcome = SLUICE_REDIRECT, .to = "router"
#define UDP .proto = IPPROTO_UDP, .payload = 31
#define UDP_SUM4 (FRAME_IP4 + 6)
#define UDP_SUM6 (FRAME_IP6 + 6)
#define NO_SUM(at) .poke = {{at, 0}, {(at) + 1, 0}}
/* clang-format on */

static void requests_are_exact(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TCP", "eth0", {TO4(VIP4, 443), .flags = TCP_SYN}, GOES,
		 BECOMES(TO4(WEB4, 8443), .flags = TCP_SYN)},
		{"again, of a known flow", "eth0", {TO4(VIP4, 443), .payload = 7}, GOES,
		 BECOMES(TO4(WEB4, 8443), .payload = 7)},
		{"TCP in IPv6", "eth0", {TO6(VIP6, 443), .flags = TCP_SYN}, GOES,
		 BECOMES(TO6(WEB6, 8443), .flags = TCP_SYN)},
		{"UDP", "eth0", {TO4(VIP4, 53), UDP}, GOES, BECOMES(TO4(WEB4, 5353), UDP)},
		{"UDP in IPv6", "eth0", {TO6(VIP6, 53), UDP}, GOES, BECOMES(TO6(WEB6, 5353), UDP)},
		{"UDP without a checksum", "eth0", {TO4(VIP4, 53), UDP, NO_SUM(UDP_SUM4)}, GOES,
		 BECOMES(TO4(WEB4, 5353), UDP, NO_SUM(UDP_SUM4))},
		{"UDP in IPv6 without one", "eth0", {TO6(VIP6, 53), UDP, NO_SUM(UDP_SUM6)}, GOES,
		 BECOMES(TO6(WEB6, 5353), UDP, NO_SUM(UDP_SUM6))},
		{"options stay", "eth0", {TO4(VIP4, 443), .options = 12, .payload = 5}, GOES,
		 BECOMES(TO4(WEB4, 8443), .options = 12, .payload = 5)},
		{"extension headers stay", "eth0", {TO6(VIP6, 443), .ext = "HD"}, GOES,
		 BECOMES(TO6(WEB6, 8443), .ext = "HD")},
		{"DSCP, ECN and padding stay", "eth0", {TO4(VIP4, 443), .tos = 0xbb, .padding = 6},
		 GOES, BECOMES(TO4(WEB4, 8443), .tos = 0xbb, .padding = 6)},
		{"the port may stay", "eth0", {TO4(VIP4, 80)}, GOES, BECOMES(TO4(WEB4, 80))},
		{"in IPv6 too", "eth0", {TO6(VIP6, 80)}, GOES, BECOMES(TO6(WEB6, 80))},
		{"from the backends' side", "eth1", {TO4(VIP4, 443)}, .outcome = SLUICE_TX,
		 .to = "web", BECOMES(TO4(WEB4, 8443))},
		{"TTL spent", "eth0", {TO4(VIP4, 443), .ttl = 1}, .outcome = SLUICE_NAT_TTL},
		{"hop limit spent", "eth0", {TO6(VIP6, 443), .ttl = 1},
		 .outcome = SLUICE_NAT_TTL},
		{"longer than the MTU", "eth0", {TO4(VIP4, 443), .payload = 1500 - 40 + 1},
		 .outcome = SLUICE_TOO_BIG},
		{"no service on the port", "eth0", {TO4(VIP4, 8443)},
		 .outcome = SLUICE_NO_SERVICE},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

static void replies_are_exact(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TCP", "eth1", {FROM4(WEB4, 8443), .flags = TCP_SYN | TCP_ACK}, RETURNS,
		 BECOMES(FROM4(VIP4, 443), .flags = TCP_SYN | TCP_ACK)},
		{"TCP in IPv6", "eth1", {FROM6(WEB6, 8443), .payload = 33}, RETURNS,
		 BECOMES(FROM6(VIP6, 443), .payload = 33)},
		{"UDP", "eth1", {FROM4(WEB4, 5353), UDP}, RETURNS, BECOMES(FROM4(VIP4, 53), UDP)},
		{"UDP in IPv6", "eth1", {FROM6(WEB6, 5353), UDP}, RETURNS,
		 BECOMES(FROM6(VIP6, 53), UDP)},
		{"UDP without a checksum", "eth1", {FROM4(WEB4, 5353), UDP, NO_SUM(UDP_SUM4)},
		 RETURNS, BECOMES(FROM4(VIP4, 53), UDP, NO_SUM(UDP_SUM4))},
		{"options stay", "eth1", {FROM4(WEB4, 8443), .options = 40}, RETURNS,
		 BECOMES(FROM4(VIP4, 443), .options = 40)},
		{"extension headers stay", "eth1", {FROM6(WEB6, 8443), .ext = "D"}, RETURNS,
		 BECOMES(FROM6(VIP6, 443), .ext = "D")},
		{"the port may stay", "eth1", {FROM4(WEB4, 80)}, RETURNS,
		 BECOMES(FROM4(VIP4, 80))},
		{"by whatever interface", "eth0", {FROM4(WEB4, 8443)}, .outcome = SLUICE_TX,
		 .to = "router", BECOMES(FROM4(VIP4, 443))},
		{"TTL spent", "eth1", {FROM4(WEB4, 8443), .ttl = 1}, .outcome = SLUICE_PASS_TTL},
		{"longer than the MTU", "eth1", {FROM4(WEB4, 8443), .payload = 1500 - 40 + 1},
		 .outcome = SLUICE_PASS_TOO_BIG},
		{"from another port", "eth1", {FROM4(WEB4, 8444)}, .outcome = SLUICE_PASS_LOCAL},
		{"of another protocol", "eth1", {FROM4(WEB4, 8443), UDP},
		 .outcome = SLUICE_PASS_LOCAL},
		{"from another host", "eth1", {FROM4("10.10.2.22", 8443)},
		 .outcome = SLUICE_PASS_LOCAL},
		{"from the backend of another mode", "eth1", {FROM4(WEB4, 90)},
		 .outcome = SLUICE_PASS_LOCAL},
		{"the answer to a check", "eth1", {.src = WEB4, .dst = "10.10.2.11",
		 .sport = 8443, .dport = 40000}, .outcome = SLUICE_PASS_LOCAL},
		{"the same in IPv6", "eth1", {.src = WEB6, .dst = "fd00:10:2::11",
		 .sport = 8443, .dport = 40000}, .outcome = SLUICE_PASS_LOCAL},
		{"what is for many", "eth1", {FROM4(WEB4, 8443), .poke = {{0, 0x03}}},
		 .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

/* --- ICMP errors ---------------------------------------------------------------- */

/* clang-format off */
#define ERROR4(from, to) .src = from, .dst = to, .type = 3, .code = 4
#define ERROR6(from, to) .src = from, .dst = to, .type = 2
/* clang-format on */

static void errors_about_replies_reach_the_backend(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TCP", "eth0", {ERROR4("203.0.113.1", VIP4), QUOTED(FROM4(VIP4, 443))}, GOES,
		 BECOMES(ERROR4("203.0.113.1", WEB4), QUOTED(FROM4(WEB4, 8443)))},
		{"TCP, 8 bytes of it quoted", "eth0", {ERROR4("203.0.113.1", VIP4),
		 QUOTED(FROM4(VIP4, 443)), .quoted_bytes = 28}, GOES,
		 BECOMES(ERROR4("203.0.113.1", WEB4), QUOTED(FROM4(WEB4, 8443)),
		 .quoted_bytes = 28)},
		{"padding is not taken for a checksum", "eth0", {ERROR4("203.0.113.1", VIP4),
		 QUOTED(FROM4(VIP4, 443)), .quoted_bytes = 28, .padding = 20}, GOES,
		 BECOMES(ERROR4("203.0.113.1", WEB4), QUOTED(FROM4(WEB4, 8443)),
		 .quoted_bytes = 28, .padding = 20)},
		{"TCP in IPv6", "eth0", {ERROR6("2001:db8:99::1", VIP6), QUOTED(FROM6(VIP6, 443))},
		 GOES, BECOMES(ERROR6("2001:db8:99::1", WEB6), QUOTED(FROM6(WEB6, 8443)))},
		{"UDP", "eth0", {ERROR4("203.0.113.1", VIP4), QUOTED(FROM4(VIP4, 53), UDP)}, GOES,
		 BECOMES(ERROR4("203.0.113.1", WEB4), QUOTED(FROM4(WEB4, 5353), UDP))},
		{"UDP in IPv6", "eth0", {ERROR6("2001:db8:99::1", VIP6),
		 QUOTED(FROM6(VIP6, 53), UDP)}, GOES,
		 BECOMES(ERROR6("2001:db8:99::1", WEB6), QUOTED(FROM6(WEB6, 5353), UDP))},
		{"options, outside and inside", "eth0", {ERROR4("203.0.113.1", VIP4), .options = 8,
		 QUOTED(FROM4(VIP4, 443), .options = 12)}, GOES,
		 BECOMES(ERROR4("203.0.113.1", WEB4), .options = 8,
		 QUOTED(FROM4(WEB4, 8443), .options = 12))},
		{"extension headers, outside and inside", "eth0",
		 {ERROR6("2001:db8:99::1", VIP6), .ext = "H",
		 QUOTED(FROM6(VIP6, 443), .ext = "D")}, GOES,
		 BECOMES(ERROR6("2001:db8:99::1", WEB6), .ext = "H",
		 QUOTED(FROM6(WEB6, 8443), .ext = "D"))},
		{"the port stays", "eth0", {ERROR4("203.0.113.1", VIP4), QUOTED(FROM4(VIP4, 80))},
		 GOES, BECOMES(ERROR4("203.0.113.1", WEB4), QUOTED(FROM4(WEB4, 80)))},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

static void errors_about_requests_come_from_the_vip(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TCP", "eth1", {ERROR4(WEB4, CLIENT4), QUOTED(TO4(WEB4, 8443))}, RETURNS,
		 BECOMES(ERROR4(VIP4, CLIENT4), QUOTED(TO4(VIP4, 443)))},
		{"said by a router", "eth1", {ERROR4("10.10.2.1", CLIENT4),
		 QUOTED(TO4(WEB4, 8443)), .quoted_bytes = 28}, RETURNS,
		 BECOMES(ERROR4(VIP4, CLIENT4), QUOTED(TO4(VIP4, 443)), .quoted_bytes = 28)},
		{"TCP in IPv6", "eth1", {ERROR6(WEB6, CLIENT6), QUOTED(TO6(WEB6, 8443))}, RETURNS,
		 BECOMES(ERROR6(VIP6, CLIENT6), QUOTED(TO6(VIP6, 443)))},
		{"UDP, port unreachable", "eth1", {.src = WEB4, .dst = CLIENT4, .type = 3,
		 .code = 3, QUOTED(TO4(WEB4, 5353), UDP)}, RETURNS,
		 BECOMES(.src = VIP4, .dst = CLIENT4, .type = 3, .code = 3,
		 QUOTED(TO4(VIP4, 53), UDP))},
		{"UDP in IPv6", "eth1", {ERROR6(WEB6, CLIENT6), QUOTED(TO6(WEB6, 5353), UDP)},
		 RETURNS, BECOMES(ERROR6(VIP6, CLIENT6), QUOTED(TO6(VIP6, 53), UDP))},
		{"about something else", "eth1", {ERROR4(WEB4, CLIENT4), QUOTED(TO4(WEB4, 22))},
		 .outcome = SLUICE_PASS_LOCAL},
		{"about a check", "eth1", {ERROR4(WEB4, "10.10.2.11"), QUOTED(.src = "10.10.2.11",
		 .dst = WEB4, .sport = 40000, .dport = 8443)}, .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

/* --- fragments ------------------------------------------------------------------ */

/* clang-format off */
#define FIRST4(number) .ip_id = number, .fragment = IP_MF, .payload = 44
#define LATER4(number) .ip_id = number, .fragment = 8, .payload = 24
#define FIRST6(number) .ip_id = number, .ext = "F", .fragment = 1, .payload = 44
#define LATER6(number) .ip_id = number, .ext = "F", .fragment = 64, .proto = IPPROTO_GRE, \
	.payload = 24
/* Behind the header of a later fragment are data, whatever it says of the protocol. */
#define TCP_INSIDE .poke = {{FRAME_IP6, IPPROTO_TCP}}
/* clang-format on */

static void fragments_are_exact(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"request, the first", "eth0", {TO4(VIP4, 443), FIRST4(1)}, GOES,
		 BECOMES(TO4(WEB4, 8443), FIRST4(1))},
		{"request, a later one", "eth0", {TO4(VIP4, 443), LATER4(1)}, GOES,
		 BECOMES(TO4(WEB4, 8443), LATER4(1))},
		{"request in IPv6, the first", "eth0", {TO6(VIP6, 443), FIRST6(2)}, GOES,
		 BECOMES(TO6(WEB6, 8443), FIRST6(2))},
		{"request in IPv6, a later one", "eth0", {TO6(VIP6, 443), LATER6(2), TCP_INSIDE},
		 GOES, BECOMES(TO6(WEB6, 8443), LATER6(2), TCP_INSIDE)},
		{"reply, the first", "eth1", {FROM4(WEB4, 8443), FIRST4(3)}, RETURNS,
		 BECOMES(FROM4(VIP4, 443), FIRST4(3))},
		{"reply in IPv6, the first", "eth1", {FROM6(WEB6, 8443), FIRST6(4)}, RETURNS,
		 BECOMES(FROM6(VIP6, 443), FIRST6(4))},
		{"of another port, the first", "eth1", {FROM4(WEB4, 22), FIRST4(5)},
		 .outcome = SLUICE_PASS_LOCAL},
		{"first with headers behind the fragment's", "eth0", {TO6(VIP6, 443),
		 .ip_id = 6, .ext = "FD", .fragment = 1, .payload = 44}, GOES,
		 BECOMES(TO6(WEB6, 8443), .ip_id = 6, .ext = "FD", .fragment = 1, .payload = 44)},
		{"whose first was not seen", "eth1", {FROM4(WEB4, 8443), LATER4(7)},
		 .outcome = SLUICE_NAT_FRAGMENT},
		{"the same in IPv6", "eth1", {FROM6(WEB6, 8443), LATER6(8), TCP_INSIDE},
		 .outcome = SLUICE_NAT_FRAGMENT},
		{"the same of another host", "eth1", {FROM4("10.10.2.22", 8443), LATER4(9)},
		 .outcome = SLUICE_PASS_LOCAL},
	};
	const struct packet_test noted[] = {
		{"reply, a later one", "eth1", {FROM4(WEB4, 8443), LATER4(3)}, RETURNS,
		 BECOMES(FROM4(VIP4, 443), LATER4(3))},
		{"reply in IPv6, a later one", "eth1", {FROM6(WEB6, 8443), LATER6(4), TCP_INSIDE},
		 RETURNS, BECOMES(FROM6(VIP6, 443), LATER6(4), TCP_INSIDE)},
		{"of another port, a later one", "eth1", {FROM4(WEB4, 22), LATER4(5)},
		 .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	PACKET_TESTS(&tb, tests);
	PACKET_TESTS(&tb, noted);
	testbed_down(&tb);
}

/* --- with other roles ------------------------------------------------------------ */

static void what_is_no_reply_is_routed(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"a reply", "eth1", {FROM4(WEB4, 8443)}, RETURNS, BECOMES(FROM4(VIP4, 443))},
		{"a connection of the backend's own", "eth1", {FROM4(WEB4, 50000)}, RETURNS,
		 .routed = true},
		{"the answer to a check", "eth1", {.src = WEB4, .dst = "10.10.2.11",
		 .sport = 8443, .dport = 40000}, .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", forwarding, tests);
}

/* The flow is that of client and VIP, in both directions. */
static void firewall_follows_the_flow(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"a reply to nothing", "eth1", {FROM4(WEB4, 8443)},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"the request", "eth0", {TO4(VIP4, 443), .flags = TCP_SYN}, GOES,
		 BECOMES(TO4(WEB4, 8443), .flags = TCP_SYN)},
		{"the reply", "eth1", {FROM4(WEB4, 8443), .flags = TCP_SYN | TCP_ACK}, RETURNS,
		 BECOMES(FROM4(VIP4, 443), .flags = TCP_SYN | TCP_ACK)},
		{"an error about the reply", "eth0", {.src = "203.0.113.1", .dst = VIP4,
		 .type = 3, .code = 1, QUOTED(FROM4(VIP4, 443))}, GOES,
		 BECOMES(.src = "203.0.113.1", .dst = WEB4, .type = 3, .code = 1,
		 QUOTED(FROM4(WEB4, 8443)))},
		{"an error about the request", "eth1", {.src = WEB4, .dst = CLIENT4, .type = 3,
		 .code = 3, QUOTED(TO4(WEB4, 8443))}, RETURNS,
		 BECOMES(.src = VIP4, .dst = CLIENT4, .type = 3, .code = 3,
		 QUOTED(TO4(VIP4, 443)))},
		{"in IPv6, the request", "eth0", {TO6(VIP6, 443), .flags = TCP_SYN}, GOES,
		 BECOMES(TO6(WEB6, 8443), .flags = TCP_SYN)},
		{"in IPv6, the reply", "eth1", {FROM6(WEB6, 8443)}, RETURNS,
		 BECOMES(FROM6(VIP6, 443))},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", guarded, tests);
}

/* --- the configuration ----------------------------------------------------------- */

static void ports_move_with_the_configuration(void)
{
	/* clang-format off */
	const struct packet_test moved[] = {
		{"to the new port", "eth0", {TO4(VIP4, 443)}, GOES, BECOMES(TO4(WEB4, 9443))},
		{"from the new port", "eth1", {FROM4(WEB4, 9443)}, RETURNS,
		 BECOMES(FROM4(VIP4, 443))},
		{"no more from the old one", "eth1", {FROM4(WEB4, 8443)},
		 .outcome = SLUICE_PASS_LOCAL},
	};
	const struct packet_test gone[] = {
		{"in a tunnel", "eth0", {TO4(VIP4, 80)}, .outcome = SLUICE_REDIRECT, .to = "web",
		 .outer = &(struct packet){.src = "10.10.1.11", .dst = WEB4}},
		{"no reply any more", "eth1", {FROM4(WEB4, 80)}, .outcome = SLUICE_PASS_LOCAL},
	};
	/* clang-format on */
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	model_service(&tb.cluster, "www")->backends[0].port = 9443;
	testbed_publish(&tb);
	PACKET_TESTS(&tb, moved);
	for (size_t i = 0; i < tb.cluster.service_count; i++) {
		tb.cluster.services[i].forward = SLUICE_FORWARD_IPIP;
		tb.cluster.services[i].backends[0].port = 0;
	}
	testbed_publish(&tb);
	PACKET_TESTS(&tb, gone);
	testbed_down(&tb);
}

static void requests_are_counted_and_replies_are_not(void)
{
	struct packet request = {TO4(VIP4, 443), .payload = 100}, reply = {FROM4(WEB4, 8443)};
	struct sluice_load load;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &request), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &request), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth1", &reply), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 1);
	load = testbed_load(&tb, "www", "web");
	CU_ASSERT_EQUAL(load.sent.packets, 2);
	CU_ASSERT_EQUAL(load.sent.bytes, 2 * (14 + 40 + 100));
	CU_ASSERT_EQUAL(load.new_flows, 1);
	testbed_down(&tb);
}

/* Checksums whose incremental change meets 0 and 0xffff on the way. */
static void checksums_are_right_for_all_ports(void)
{
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	for (unsigned port = 1; port < 65536; port += 251) {
		struct packet becomes = {TO4(WEB4, 5353), .proto = IPPROTO_UDP};
		struct packet becomes6 = {TO6(WEB6, 5353), .proto = IPPROTO_UDP};
		struct packet_test tests[] = {
			{"IPv4",
			 "eth0",
			 {TO4(VIP4, 53), .proto = IPPROTO_UDP},
			 GOES,
			 .routed = true,
			 .becomes = &becomes},
			{"IPv6",
			 "eth0",
			 {TO6(VIP6, 53), .proto = IPPROTO_UDP},
			 GOES,
			 .routed = true,
			 .becomes = &becomes6},
		};

		becomes.sport = becomes6.sport = (unsigned short)port;
		tests[0].packet.sport = tests[1].packet.sport = (unsigned short)port;
		PACKET_TESTS(&tb, tests);
	}
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(requests_are_exact),
		UNIT_TEST(replies_are_exact),
		UNIT_TEST(errors_about_replies_reach_the_backend),
		UNIT_TEST(errors_about_requests_come_from_the_vip),
		UNIT_TEST(fragments_are_exact),
		UNIT_TEST(what_is_no_reply_is_routed),
		UNIT_TEST(firewall_follows_the_flow),
		UNIT_TEST(ports_move_with_the_configuration),
		UNIT_TEST(requests_are_counted_and_replies_are_not),
		UNIT_TEST(checksums_are_right_for_all_ports),
		{},
	};

	return unit_run("nat", tests);
}
