/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The balancer: the exact frames that go to backends, and what does not go there.
 * Who gets which flow is another test's.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../support/testbed.h"
#include "../support/unit.h"

/* Services are told apart by their ports. */
static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 65536},"
	" nodes: {"
	"  lb: {interfaces: {"
	"   eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'],"
	"          roles: [balancer]},"
	"   eth1: {network: back, address: [10.10.2.11/24, 'fd00:10:2::11/64'],"
	"          roles: [balancer]}}},"
	"  near: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.21/24, 'fd00:10:1::21/64']}}},"
	"  far: {interfaces: {eth0: {network: back,"
	"   address: [10.10.2.21/24, 'fd00:10:2::21/64']}}},"
	"  four: {interfaces: {eth0: {network: edge, address: 10.10.1.24/24}}},"
	"  six: {interfaces: {eth0: {network: edge, address: 'fd00:10:1::26/64'}}}},"
	" services: {"
	"  near: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"   backends: {near: {}}},"
	"  far: {vips: ['192.0.2.10:81', '[2001:db8:2::10]:81'], proto: tcp,"
	"   backends: {far: {}}},"
	"  four: {vips: ['192.0.2.10:84', '[2001:db8:2::10]:84'], proto: tcp,"
	"   backends: {four: {}}},"
	"  six: {vips: ['192.0.2.10:86', '[2001:db8:2::10]:86'], proto: tcp,"
	"   backends: {six: {}}},"
	"  dsr: {vips: ['192.0.2.10:90', '[2001:db8:2::10]:90'], proto: tcp, forward: dsr,"
	"   backends: {near: {}}},"
	"  dsr-far: {vips: ['192.0.2.10:91', '[2001:db8:2::10]:91'], proto: tcp, forward: dsr,"
	"   backends: {far: {}}},"
	"  dsr-four: {vips: ['192.0.2.10:94', '[2001:db8:2::10]:94'], proto: tcp, forward: dsr,"
	"   backends: {four: {}}},"
	"  here: {vips: ['192.0.2.10:95', '[2001:db8:2::10]:95'], proto: tcp,"
	"   backends: {lb: {}}},"
	"  lost: {vips: ['192.0.2.10:96', '[2001:db8:2::10]:96'], proto: tcp,"
	"   backends: {10.10.1.99: {}}},"
	"  away: {vips: ['192.0.2.10:97', '[2001:db8:2::10]:97'], proto: tcp,"
	"   backends: {10.99.0.1: {}}},"
	"  down: {vips: ['192.0.2.10:98', '[2001:db8:2::10]:98'], proto: tcp,"
	"   backends: {near: {weight: 0}}},"
	"  none: {vips: ['192.0.2.10:99', '[2001:db8:2::10]:99'], proto: tcp, backends: {}},"
	"  gue: {vips: ['192.0.2.10:70', '[2001:db8:2::10]:70'], proto: tcp, forward: gue,"
	"   backends: {near: {}}},"
	"  gue-far: {vips: ['192.0.2.10:71', '[2001:db8:2::10]:71'], proto: udp, forward: gue,"
	"   backends: {far: {}}},"
	"  gue-four: {vips: ['192.0.2.10:74', '[2001:db8:2::10]:74'], proto: tcp, forward: gue,"
	"   backends: {four: {}}},"
	"  gue-six: {vips: ['192.0.2.10:76', '[2001:db8:2::10]:76'], proto: tcp, forward: gue,"
	"   backends: {six: {}}},"
	"  dns: {vips: ['192.0.2.10:53', '[2001:db8:2::10]:53'], proto: udp,"
	"   backends: {near: {}}}}}";

#define TO4(port) .src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = port
#define TO6(port) .src = "2001:db8:51::7", .dst = "2001:db8:2::10", .sport = 40000, .dport = port

/* clang-format off */
#define OUTER4(to) .outer = &(struct packet){.src = "10.10.1.11", .dst = to}
#define OUTER6(to) .outer = &(struct packet){.src = "fd00:10:1::11", .dst = to}
/* clang-format on */

static void ipip_frames_are_exact(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"4in4, out of the same interface", "eth0", {TO4(80), .flags = TCP_SYN},
		 .outcome = SLUICE_TX, .to = "near", OUTER4("10.10.1.21")},
		{"6in6, out of the same interface", "eth0", {TO6(80), .flags = TCP_SYN},
		 .outcome = SLUICE_TX, .to = "near", OUTER6("fd00:10:1::21")},
		{"4in4, out of another interface", "eth0", {TO4(81), .payload = 100},
		 .outcome = SLUICE_REDIRECT, .to = "far", OUTER4("10.10.2.21")},
		{"6in6, out of another interface", "eth0", {TO6(81), .payload = 100},
		 .outcome = SLUICE_REDIRECT, .to = "far", OUTER6("fd00:10:2::21")},
		{"6in4 to a backend without IPv6", "eth0", {TO6(84)}, .outcome = SLUICE_TX,
		 .to = "four", OUTER4("10.10.1.24")},
		{"4in6 to a backend without IPv4", "eth0", {TO4(86)}, .outcome = SLUICE_TX,
		 .to = "six", OUTER6("fd00:10:1::26")},
		{"4in4 of a backend without IPv6", "eth0", {TO4(84)}, .outcome = SLUICE_TX,
		 .to = "four", OUTER4("10.10.1.24")},
		{"6in6 of a backend without IPv4", "eth0", {TO6(86)}, .outcome = SLUICE_TX,
		 .to = "six", OUTER6("fd00:10:1::26")},
		{"UDP", "eth0", {TO4(53), .proto = IPPROTO_UDP, .payload = 30},
		 .outcome = SLUICE_TX, .to = "near", OUTER4("10.10.1.21")},
		{"UDP in IPv6", "eth0", {TO6(53), .proto = IPPROTO_UDP, .payload = 30},
		 .outcome = SLUICE_TX, .to = "near", OUTER6("fd00:10:1::21")},
		{"the outer source is that of the interface it came in by", "eth1", {TO4(81)},
		 .outcome = SLUICE_TX, .to = "far", .outer = &(struct packet){.src = "10.10.2.11",
		 .dst = "10.10.2.21"}},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

/* clang-format off */
#define GUE4(to) .outer = &(struct packet){.src = "10.10.1.11", .dst = to, \
	.proto = IPPROTO_UDP, .dport = 6080}
#define GUE6(to) .outer = &(struct packet){.src = "fd00:10:1::11", .dst = to, \
	.proto = IPPROTO_UDP, .dport = 6080}
/* clang-format on */

static void gue_frames_are_exact(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"4in4, out of the same interface", "eth0", {TO4(70), .flags = TCP_SYN},
		 .outcome = SLUICE_TX, .to = "near", GUE4("10.10.1.21")},
		{"again, by the express way", "eth0", {TO4(70)}, .outcome = SLUICE_TX,
		 .to = "near", GUE4("10.10.1.21")},
		{"6in6, out of the same interface", "eth0", {TO6(70), .flags = TCP_SYN},
		 .outcome = SLUICE_TX, .to = "near", GUE6("fd00:10:1::21")},
		{"4in4, out of another interface", "eth0", {TO4(71), .proto = IPPROTO_UDP,
		 .payload = 100}, .outcome = SLUICE_REDIRECT, .to = "far", GUE4("10.10.2.21")},
		{"6in6, out of another interface", "eth0", {TO6(71), .proto = IPPROTO_UDP,
		 .payload = 100}, .outcome = SLUICE_REDIRECT, .to = "far",
		 GUE6("fd00:10:2::21")},
		{"6in4", "eth0", {TO6(74)}, .outcome = SLUICE_TX, .to = "four",
		 GUE4("10.10.1.24")},
		{"4in6", "eth0", {TO4(76)}, .outcome = SLUICE_TX, .to = "six",
		 GUE6("fd00:10:1::26")},
		{"DSCP is copied, ECT and CE are not", "eth0", {TO4(70), .tos = 0xb9},
		 .outcome = SLUICE_TX, .to = "near",
		 .outer = &(struct packet){.src = "10.10.1.11", .dst = "10.10.1.21",
		 .proto = IPPROTO_UDP, .dport = 6080, .tos = 0xb8}},
		{"options stay inside", "eth0", {TO4(70), .options = 40}, .outcome = SLUICE_TX,
		 .to = "near", GUE4("10.10.1.21")},
		{"padding is not counted", "eth0", {TO6(70), .padding = 6}, .outcome = SLUICE_TX,
		 .to = "near", GUE6("fd00:10:1::21")},
		{"4in4 fits", "eth0", {TO4(70), .payload = 1472 - 40}, .outcome = SLUICE_TX,
		 .to = "near", GUE4("10.10.1.21")},
		{"4in4 does not", "eth0", {TO4(70), .payload = 1472 - 40 + 1},
		 .outcome = SLUICE_TOO_BIG},
		{"6in6 fits", "eth0", {TO6(70), .payload = 1452 - 60}, .outcome = SLUICE_TX,
		 .to = "near", GUE6("fd00:10:1::21")},
		{"6in6 does not", "eth0", {TO6(70), .payload = 1452 - 60 + 1},
		 .outcome = SLUICE_TOO_BIG},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

static void gue_goes_to_the_port_that_is_set(void)
{
	static const struct packet outer = {
		.src = "10.10.1.11", .dst = "10.10.1.21", .proto = IPPROTO_UDP, .dport = 5555};
	const struct packet_test tests[] = {
		{"another port",
		 "eth0",
		 {TO4(70)},
		 .outcome = SLUICE_TX,
		 .to = "near",
		 .outer = &outer},
	};
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	tb.cluster.gue_port = 5555;
	testbed_publish(&tb);
	PACKET_TESTS(&tb, tests);
	testbed_down(&tb);
}

static unsigned gue_source_of(struct testbed *tb, const struct packet *packet)
{
	size_t at = packet_is_v6(packet) ? FRAME_IP6 : FRAME_IP4;
	struct frame frame;
	struct run run;

	testbed_frame(tb, "eth0", packet, &frame);
	testbed_run(tb, "eth0", &frame, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_TX);
	return (unsigned)run.frame.bytes[at] << 8 | run.frame.bytes[at + 1];
}

/* Of what a flow consists of: all its packets have one, and few flows share one. */
static void gue_source_port_tells_flows_apart(void)
{
	struct packet packets[] = {{TO4(70)}, {TO6(70)}};
	static bool seen[65536];
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	for (int v6 = 0; v6 < 2; v6++) {
		unsigned distinct = 0;

		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < 200; i++) {
			struct packet packet = packets[v6];
			unsigned port;

			packet.sport = (unsigned short)(40000 + i);
			port = gue_source_of(&tb, &packet);
			packet.payload = i;
			CU_ASSERT_EQUAL(gue_source_of(&tb, &packet), port);
			distinct += !seen[port];
			seen[port] = true;
		}
		CU_ASSERT(distinct > 180);
	}
	testbed_down(&tb);
}

static void outer_header_takes_dscp_alone_from_the_inner(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"DSCP is copied, ECT and CE are not", "eth0", {TO4(80), .tos = 0xb9},
		 .outcome = SLUICE_TX, .to = "near",
		 .outer = &(struct packet){.src = "10.10.1.11", .dst = "10.10.1.21",
		 .tos = 0xb8}},
		{"the same in IPv6", "eth0", {TO6(80), .tos = 0x2f}, .outcome = SLUICE_TX,
		 .to = "near", .outer = &(struct packet){.src = "fd00:10:1::11",
		 .dst = "fd00:10:1::21", .tos = 0x2c}},
		{"the inner TTL stays, the outer starts anew", "eth0", {TO4(80), .ttl = 1},
		 .outcome = SLUICE_TX, .to = "near", OUTER4("10.10.1.21")},
		{"the inner hop limit too", "eth0", {TO6(80), .ttl = 1}, .outcome = SLUICE_TX,
		 .to = "near", OUTER6("fd00:10:1::21")},
		{"options stay inside", "eth0", {TO4(80), .options = 40}, .outcome = SLUICE_TX,
		 .to = "near", OUTER4("10.10.1.21")},
		{"extension headers stay inside", "eth0", {TO6(80), .ext = "HD"},
		 .outcome = SLUICE_TX, .to = "near", OUTER6("fd00:10:1::21")},
		{"padding is not counted as payload", "eth0", {TO4(80), .padding = 6},
		 .outcome = SLUICE_TX, .to = "near", OUTER4("10.10.1.21")},
		{"nor in IPv6", "eth0", {TO6(80), .padding = 6}, .outcome = SLUICE_TX,
		 .to = "near", OUTER6("fd00:10:1::21")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

static void dsr_changes_link_addresses_alone(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"IPv4", "eth0", {TO4(90), .ttl = 1, .tos = 3}, .outcome = SLUICE_TX,
		 .to = "near"},
		{"IPv6", "eth0", {TO6(90), .ttl = 1, .tos = 3}, .outcome = SLUICE_TX,
		 .to = "near"},
		{"another interface", "eth0", {TO4(91)}, .outcome = SLUICE_REDIRECT, .to = "far"},
		{"another interface, IPv6", "eth0", {TO6(91)}, .outcome = SLUICE_REDIRECT,
		 .to = "far"},
		{"who the client is changes nothing", "eth0", {.src = "fe80::7",
		 .dst = "2001:db8:2::10", .dport = 90}, .outcome = SLUICE_TX, .to = "near"},
		{"a backend of the other family cannot be reached", "eth0", {TO6(94)},
		 .outcome = SLUICE_NO_ROUTE},
		{"a backend of the family can", "eth0", {TO4(94)}, .outcome = SLUICE_TX,
		 .to = "four"},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

static void what_no_backend_gets(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"not a VIP", "eth0", {.src = "198.51.100.7", .dst = "10.10.1.11", .dport = 80},
		 .outcome = SLUICE_PASS_LOCAL},
		{"not a VIP, IPv6", "eth0", {.src = "2001:db8:51::7", .dst = "fd00:10:1::11",
		 .dport = 80}, .outcome = SLUICE_PASS_LOCAL},
		{"no service on the port", "eth0", {TO4(443)}, .outcome = SLUICE_NO_SERVICE},
		{"no service on the port, IPv6", "eth0", {TO6(443)},
		 .outcome = SLUICE_NO_SERVICE},
		{"a service of the other protocol", "eth0", {TO4(80), .proto = IPPROTO_UDP},
		 .outcome = SLUICE_NO_SERVICE},
		{"echo to a VIP", "eth0", {TO4(0), .proto = IPPROTO_ICMP, .type = 8, .id = 80},
		 .outcome = SLUICE_NO_SERVICE},
		{"echo to a VIP, IPv6", "eth0", {TO6(0), .proto = IPPROTO_ICMP, .type = 128,
		 .id = 80}, .outcome = SLUICE_NO_SERVICE},
		{"another protocol", "eth0", {TO4(0), .proto = IPPROTO_GRE, .payload = 8},
		 .outcome = SLUICE_NO_SERVICE},
		{"no backends", "eth0", {TO4(99)}, .outcome = SLUICE_NO_BACKEND},
		{"no backends, IPv6", "eth0", {TO6(99)}, .outcome = SLUICE_NO_BACKEND},
		{"backends that weigh nothing", "eth0", {TO4(98)}, .outcome = SLUICE_NO_BACKEND},
		{"backends that weigh nothing, IPv6", "eth0", {TO6(98)},
		 .outcome = SLUICE_NO_BACKEND},
		{"a VIP's packet for another host", "eth0", {TO4(80), .poke = {{5, 0x99}}},
		 .outcome = SLUICE_PASS_OTHER_HOST},
		{"a VIP's packet for many", "eth0", {TO4(80), .poke = {{0, 0x03}}},
		 .outcome = SLUICE_PASS_LOCAL},
		{"delivered here", "eth0", {TO4(95)}, .outcome = SLUICE_PASS_LOCAL},
		{"delivered here, IPv6", "eth0", {TO6(95)}, .outcome = SLUICE_PASS_LOCAL},
		{"backend whose link address is not known", "eth0", {TO4(96)},
		 .outcome = SLUICE_NO_NEIGHBOUR},
		{"the same, IPv6", "eth0", {TO6(96)}, .outcome = SLUICE_NO_NEIGHBOUR},
		{"backend without a route", "eth0", {TO4(97)}, .outcome = SLUICE_NO_ROUTE},
		{"the same, IPv6", "eth0", {TO6(97)}, .outcome = SLUICE_NO_ROUTE},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

/* 1500 bytes of MTU, less the outer header and 20 bytes of TCP. */
static void what_does_not_fit_the_mtu_is_dropped(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"4in4 fits", "eth0", {TO4(80), .payload = 1480 - 40}, .outcome = SLUICE_TX,
		 .to = "near", OUTER4("10.10.1.21")},
		{"4in4", "eth0", {TO4(80), .payload = 1480 - 40 + 1}, .outcome = SLUICE_TOO_BIG},
		{"6in6 fits", "eth0", {TO6(80), .payload = 1460 - 60}, .outcome = SLUICE_TX,
		 .to = "near", OUTER6("fd00:10:1::21")},
		{"6in6", "eth0", {TO6(80), .payload = 1460 - 60 + 1}, .outcome = SLUICE_TOO_BIG},
		{"6in4 fits", "eth0", {TO6(84), .payload = 1480 - 60}, .outcome = SLUICE_TX,
		 .to = "four", OUTER4("10.10.1.24")},
		{"6in4", "eth0", {TO6(84), .payload = 1480 - 60 + 1}, .outcome = SLUICE_TOO_BIG},
		{"4in6 fits", "eth0", {TO4(86), .payload = 1460 - 40}, .outcome = SLUICE_TX,
		 .to = "six", OUTER6("fd00:10:1::26")},
		{"4in6", "eth0", {TO4(86), .payload = 1460 - 40 + 1}, .outcome = SLUICE_TOO_BIG},
		{"DSR adds nothing", "eth0", {TO4(90), .payload = 1500 - 40},
		 .outcome = SLUICE_TX, .to = "near"},
		{"DSR", "eth0", {TO4(90), .payload = 1500 - 40 + 1}, .outcome = SLUICE_TOO_BIG},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

/* --- flows and ways ------------------------------------------------------- */

static void icmp_error_makes_no_flow(void)
{
	struct packet reply = {
		.src = "192.0.2.10", .dst = "198.51.100.7", .sport = 80, .dport = 40000};
	struct packet error = {
		.src = "203.0.113.1", .dst = "192.0.2.10", .type = 3, .quoted = &reply};
	struct sluice_load load;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &error), SLUICE_TX);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	load = testbed_load(&tb, "near", "near");
	CU_ASSERT_EQUAL(load.sent.packets, 1);
	CU_ASSERT_EQUAL(load.new_flows, 0);
	testbed_down(&tb);
}

/* A balancer hears the client alone: its flows must not wait for an answer. */
static void flow_is_established_by_its_client_alone(void)
{
	struct packet packet = {TO4(80), .flags = TCP_SYN};
	struct sluice_flow flow;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_TX);
	CU_ASSERT(testbed_flow(&tb, &packet, &flow));
	CU_ASSERT_EQUAL(flow.state, SLUICE_FLOW_OPENING);
	packet.flags = TCP_ACK;
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_TX);
	CU_ASSERT(testbed_flow(&tb, &packet, &flow));
	CU_ASSERT_EQUAL(flow.state, SLUICE_FLOW_ESTABLISHED);
	packet.flags = TCP_RST;
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_TX);
	CU_ASSERT(testbed_flow(&tb, &packet, &flow));
	CU_ASSERT_EQUAL(flow.state, SLUICE_FLOW_CLOSED);
	testbed_down(&tb);
}

/* Its link address, the last two bytes: of near and four their place in the file. */
#define LINK_OF_NEAR 0x0201
#define LINK_OF_FOUR 0x0401

static int link_chosen(struct testbed *tb, const struct packet *packet)
{
	struct frame frame;
	struct run run;

	testbed_frame(tb, "eth0", packet, &frame);
	testbed_run(tb, "eth0", &frame, &run);
	if (run.outcome != SLUICE_TX)
		return 0;
	return run.frame.bytes[ETH_ALEN - 2] << 8 | run.frame.bytes[ETH_ALEN - 1];
}

/* The way to a backend is remembered for a moment; without the pause, trace would differ. */
static void backend_that_moves_is_followed(void)
{
	struct packet v4 = {TO4(80)}, v6 = {TO6(80)};
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	CU_ASSERT_EQUAL(link_chosen(&tb, &v4), LINK_OF_NEAR);
	CU_ASSERT_EQUAL(link_chosen(&tb, &v6), LINK_OF_NEAR);
	testbed_ip("neigh replace 10.10.1.21 lladdr 02:00:00:00:00:44 dev eth0 nud permanent\n"
		   "neigh replace fd00:10:1::21 lladdr 02:00:00:00:00:66 dev eth0 nud permanent\n");
	usleep(30000);
	CU_ASSERT_EQUAL(link_chosen(&tb, &v4), 0x44);
	CU_ASSERT_EQUAL(link_chosen(&tb, &v6), 0x66);
	testbed_ip("neigh del 10.10.1.21 dev eth0\n");
	usleep(30000);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &v4), SLUICE_NO_NEIGHBOUR);
	testbed_down(&tb);
}

static void replace_backend(struct testbed *tb, __u32 slot, const char *address)
{
	struct sluice_backend backend;

	CU_ASSERT_FATAL(!dataplane_read_backend(&tb->dp, slot, &backend));
	CU_ASSERT_FATAL(!addr_parse(address, &backend.addr4));
	backend.incarnation++;
	CU_ASSERT_FATAL(!bpf_map_update_elem(tb->dp.backends, &slot, &backend, BPF_EXIST));
}

/* What is remembered of one backend must not answer for the next user of its slot ... */
static void slot_used_again_inherits_no_way(void)
{
	struct packet packet = {TO4(80)};
	struct testbed tb;
	__u32 slot;

	testbed_up(&tb, "lb", config);
	slot = testbed_backend_slot(&tb, "near", "near");
	CU_ASSERT_EQUAL(link_chosen(&tb, &packet), LINK_OF_NEAR);
	replace_backend(&tb, slot, "10.10.1.24");
	CU_ASSERT_EQUAL(link_chosen(&tb, &packet), LINK_OF_FOUR);
	replace_backend(&tb, slot, "10.10.1.21");
	testbed_down(&tb);
}

#define CROWD 600 /* more than the data plane remembers ways */

static void add_crowd(struct testbed *tb)
{
	struct service *crowd = model_service_add(&tb->cluster, "crowd");
	struct vip vip;

	CU_ASSERT_FATAL(!vip_parse("192.0.2.10:60", &vip));
	crowd->proto = IPPROTO_TCP;
	model_vip_add(crowd, &vip);
	for (unsigned i = 0; i < CROWD; i++) {
		char name[ADDR_TEXT_LEN];

		snprintf(name, sizeof(name), "10.20.%u.%u", i >> 8, i & 0xff);
		CU_ASSERT(model_backend_resolve(&tb->cluster, model_backend_add(crowd, name)));
	}
	testbed_publish(tb);
}

/* Only those of the crowd whose slots fall together with `slot` get flows, by way of four. */
static void choose_among_crowd(struct testbed *tb, __u32 slot)
{
	struct service *crowd = model_service(&tb->cluster, "crowd");

	for (unsigned i = 0; i < CROWD; i++) {
		struct backend *backend = &crowd->backends[i];
		char route[64];

		backend->weight =
			testbed_backend_slot(tb, "crowd", backend->name) % 512 == slot % 512;
		if (!backend->weight)
			continue;
		snprintf(route, sizeof(route), "route add %s via 10.10.1.24\n", backend->name);
		testbed_ip(route);
	}
	testbed_publish(tb);
}

/* ... nor for another slot. */
static void no_two_backends_share_a_way(void)
{
	struct packet packet = {TO4(80)}, to_crowd = {TO4(60)};
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	add_crowd(&tb);
	choose_among_crowd(&tb, testbed_backend_slot(&tb, "near", "near"));
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(link_chosen(&tb, &packet), LINK_OF_NEAR);
		CU_ASSERT_EQUAL(link_chosen(&tb, &to_crowd), LINK_OF_FOUR);
	}
	testbed_down(&tb);
}

static const char guarded[] =
	"{sluice: 1, cluster: test, limits: {flows: 65536},"
	" nodes: {"
	"  lb: {interfaces: {eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'],"
	"   roles: [firewall, balancer], policy: edge}}},"
	"  near: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.21/24, 'fd00:10:1::21/64']}}}},"
	" services: {www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80', '192.0.2.10:81',"
	"   '192.0.2.10:82'], proto: tcp, backends: {near: {}}}},"
	" policies: {edge: {default: drop, rules: ["
	"  {name: stateless, proto: tcp, port: 80, action: accept-stateless},"
	"  {name: stateful, proto: tcp, port: 81, action: accept}]}}}";

static void rules_come_before_the_backend(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"stateless, midway", "eth0", {TO4(80)}, .outcome = SLUICE_TX, .to = "near",
		 OUTER4("10.10.1.21")},
		{"stateless, midway, IPv6", "eth0", {TO6(80)}, .outcome = SLUICE_TX, .to = "near",
		 OUTER6("fd00:10:1::21")},
		{"again, by the flow", "eth0", {TO4(80)}, .outcome = SLUICE_TX, .to = "near",
		 OUTER4("10.10.1.21")},
		{"stateful, midway", "eth0", {TO4(81)}, .outcome = SLUICE_NO_FLOW},
		{"stateful, opening", "eth0", {TO4(81), .flags = TCP_SYN}, .outcome = SLUICE_TX,
		 .to = "near", OUTER4("10.10.1.21")},
		{"stateful, then midway", "eth0", {TO4(81)}, .outcome = SLUICE_TX, .to = "near",
		 OUTER4("10.10.1.21")},
		{"refused", "eth0", {TO4(82)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"refused before it is no service", "eth0", {TO4(83)},
		 .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", guarded, tests);
}

static void revoked_rule_cuts_balanced_flows(void)
{
	struct packet stateless = {TO4(80)}, stateful = {TO4(81), .flags = TCP_SYN};
	struct policy *policy;
	struct testbed tb;

	testbed_up(&tb, "lb", guarded);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &stateless), SLUICE_TX);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &stateful), SLUICE_TX);
	policy = model_policy(&tb.cluster, "edge");
	model_rule(policy, "stateless")->action = SLUICE_ACTION_DROP;
	model_rule(policy, "stateful")->action = SLUICE_ACTION_DROP;
	testbed_publish(&tb);
	stateful.flags = TCP_ACK;
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &stateless), SLUICE_RULE);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &stateful), SLUICE_RULE);
	testbed_down(&tb);
}

/* --- counters ------------------------------------------------------------- */

static void load_counts_frames_and_new_flows(void)
{
	struct packet packet = {TO4(80), .payload = 100};
	struct packet small = {TO4(80), .padding = 6};
	struct sluice_load load;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	testbed_send(&tb, "eth0", &packet);
	testbed_send(&tb, "eth0", &packet);
	testbed_send(&tb, "eth0", &small);
	load = testbed_load(&tb, "near", "near");
	CU_ASSERT_EQUAL(load.sent.packets, 3);
	CU_ASSERT_EQUAL(load.sent.bytes, 2 * (14 + 40 + 100) + 14 + 40 + 6);
	CU_ASSERT_EQUAL(load.new_flows, 1);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(ipip_frames_are_exact),
		UNIT_TEST(gue_frames_are_exact),
		UNIT_TEST(gue_goes_to_the_port_that_is_set),
		UNIT_TEST(gue_source_port_tells_flows_apart),
		UNIT_TEST(outer_header_takes_dscp_alone_from_the_inner),
		UNIT_TEST(dsr_changes_link_addresses_alone),
		UNIT_TEST(what_no_backend_gets),
		UNIT_TEST(what_does_not_fit_the_mtu_is_dropped),
		UNIT_TEST(icmp_error_makes_no_flow),
		UNIT_TEST(flow_is_established_by_its_client_alone),
		UNIT_TEST(backend_that_moves_is_followed),
		UNIT_TEST(slot_used_again_inherits_no_way),
		UNIT_TEST(no_two_backends_share_a_way),
		UNIT_TEST(rules_come_before_the_backend),
		UNIT_TEST(revoked_rule_cuts_balanced_flows),
		UNIT_TEST(load_counts_frames_and_new_flows),
		{},
	};

	return unit_run("balancer", tests);
}
