/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The balancer: which backend gets a flow, for how long, and the exact frames
 * that go there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		{"first fragment", "eth0", {TO4(80), .fragment = IP_MF},
		 .outcome = SLUICE_FRAGMENT},
		{"later fragment", "eth0", {TO4(80), .fragment = 100, .payload = 64},
		 .outcome = SLUICE_FRAGMENT},
		{"fragment, IPv6", "eth0", {TO6(80), .ext = "F", .fragment = 1},
		 .outcome = SLUICE_FRAGMENT},
		{"fragment to another address", "eth0", {.src = "198.51.100.7",
		 .dst = "10.10.1.11", .fragment = IP_MF}, .outcome = SLUICE_PASS_LOCAL},
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

/* --- who gets a flow ------------------------------------------------------ */

#define FLOWS 10000

/* Backends a, b and c are neighbours, told apart by their addresses. */
static const char farm[] =
	"{sluice: 1, cluster: test, limits: {flows: 65536},"
	" nodes: {"
	"  lb1: &lb {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.11/24, 'fd00:10:1::11/64'], roles: [balancer]}}},"
	"  lb2: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.12/24, 'fd00:10:1::12/64'], roles: [balancer]}}},"
	"  a: {interfaces: {eth0: {network: edge, address: [10.10.1.1/24, 'fd00:10:1::1/64']}}},"
	"  b: {interfaces: {eth0: {network: edge, address: [10.10.1.2/24, 'fd00:10:1::2/64']}}},"
	"  c: {interfaces: {eth0: {network: edge, address: [10.10.1.3/24, 'fd00:10:1::3/64']}}}},"
	" services: {www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"  backends: {a: {weight: 100}, b: {weight: 300}, c: {weight: 200}}}}}";

/* The last byte of the outer destination: 1, 2, 3 for a, b, c. */
static int backend_of(struct testbed *tb, const struct packet *packet)
{
	struct frame frame;
	struct run run;

	testbed_frame(tb, "eth0", packet, &frame);
	testbed_run(tb, "eth0", &frame, &run);
	if (run.outcome != SLUICE_TX)
		return 0;
	return run.frame.bytes[(packet_is_v6(packet) ? FRAME_IP6 : FRAME_IP4) - 1];
}

/* The `i`th of many flows, IPv4 and IPv6 in turn. */
struct flow {
	char src[ADDR_TEXT_LEN];
	struct packet packet;
};

static struct packet *flow_init(struct flow *flow, unsigned i)
{
	unsigned mixed = i * 2654435761U;

	flow->packet = (struct packet){.src = flow->src,
				       .dst = i % 2 ? "2001:db8:2::10" : "192.0.2.10",
				       .sport = (unsigned short)(1024 + mixed % 60000),
				       .dport = 80};
	snprintf(flow->src, sizeof(flow->src), i % 2 ? "2001:db8:%x::%x" : "100.64.%u.%u",
		 mixed >> 8 & 0xff, mixed >> 16 & 0xff);
	return &flow->packet;
}

static struct backend *backend(struct testbed *tb, const char *name)
{
	return model_backend(model_service(&tb->cluster, "www"), name);
}

static void count_backends(struct testbed *tb, unsigned first, unsigned count, unsigned shares[4])
{
	struct flow flow;

	memset(shares, 0, 4 * sizeof(shares[0]));
	for (unsigned i = first; i < first + count; i++)
		shares[backend_of(tb, flow_init(&flow, i)) & 3]++;
}

static void flows_are_spread_by_weight(void)
{
	unsigned shares[4];
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	count_backends(&tb, 0, FLOWS, shares);
	CU_ASSERT_EQUAL(shares[0], 0);
	CU_ASSERT(abs((int)shares[1] - FLOWS * 1 / 6) < FLOWS / 50);
	CU_ASSERT(abs((int)shares[2] - FLOWS * 3 / 6) < FLOWS / 50);
	CU_ASSERT(abs((int)shares[3] - FLOWS * 2 / 6) < FLOWS / 50);
	testbed_down(&tb);
}

/* Endpoints that differ in one thing alone. */
static void check_spread(struct testbed *tb, bool by_port)
{
	unsigned shares[4] = {};

	for (unsigned i = 0; i < FLOWS / 5; i++) {
		char src[ADDR_TEXT_LEN];
		struct packet packet = {
			.src = src, .dst = "192.0.2.10", .sport = 40000, .dport = 80};

		snprintf(src, sizeof(src), "100.64.%u.%u", by_port ? 0 : i >> 8,
			 by_port ? 0 : i & 0xff);
		if (by_port)
			packet.sport = (unsigned short)(1024 + i);
		shares[backend_of(tb, &packet) & 3]++;
	}
	CU_ASSERT(abs((int)shares[1] - FLOWS / 5 * 1 / 6) < FLOWS / 5 / 20);
	CU_ASSERT(abs((int)shares[2] - FLOWS / 5 * 3 / 6) < FLOWS / 5 / 20);
}

static void connections_of_one_client_are_spread(void)
{
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	check_spread(&tb, true);
	testbed_down(&tb);
}

static void clients_with_one_port_are_spread(void)
{
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	check_spread(&tb, false);
	testbed_down(&tb);
}

static void every_backend_by_flow(struct testbed *tb, unsigned count, unsigned char *chosen)
{
	struct flow flow;

	for (unsigned i = 0; i < count; i++)
		chosen[i] = (unsigned char)backend_of(tb, flow_init(&flow, i));
}

static unsigned count_different(const unsigned char *a, const unsigned char *b, size_t count)
{
	unsigned different = 0;

	for (size_t i = 0; i < count; i++)
		different += a[i] != b[i];
	return different;
}

static void add_backend(struct testbed *tb, const char *name, unsigned weight)
{
	struct backend *added = model_backend_add(model_service(&tb->cluster, "www"), name);

	added->weight = weight;
	CU_ASSERT_FATAL(model_backend_resolve(&tb->cluster, added));
	testbed_publish(tb);
}

/* So that lb2's slots are numbered in another order than lb1's. */
static void give_another_history(struct testbed *tb)
{
	struct service *www = model_service(&tb->cluster, "www");

	model_backend_del(www, backend(tb, "a"));
	testbed_publish(tb);
	model_backend_del(www, backend(tb, "b"));
	testbed_publish(tb);
	add_backend(tb, "b", 300);
	add_backend(tb, "a", 100);
}

static void balancers_with_other_histories_choose_alike(void)
{
	static unsigned char first[FLOWS], second[FLOWS];
	struct testbed tb;
	unsigned slot;

	testbed_up(&tb, "lb1", farm);
	every_backend_by_flow(&tb, FLOWS, first);
	slot = testbed_backend_slot(&tb, "www", "a");
	testbed_down(&tb);
	testbed_up(&tb, "lb2", farm);
	give_another_history(&tb);
	CU_ASSERT_NOT_EQUAL(testbed_backend_slot(&tb, "www", "a"), slot);
	every_backend_by_flow(&tb, FLOWS, second);
	CU_ASSERT_EQUAL(count_different(first, second, FLOWS), 0);
	testbed_down(&tb);
}

#define PINNED 300

static void new_ring_moves_no_flow(void)
{
	unsigned char before[PINNED], after[PINNED];
	unsigned shares[4];
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	every_backend_by_flow(&tb, PINNED, before);
	backend(&tb, "a")->weight = 1000;
	backend(&tb, "b")->weight = 1;
	testbed_publish(&tb);
	every_backend_by_flow(&tb, PINNED, after);
	CU_ASSERT_EQUAL(count_different(before, after, PINNED), 0);
	count_backends(&tb, PINNED, PINNED, shares);
	CU_ASSERT(shares[1] > PINNED * 3 / 4);
	testbed_down(&tb);
}

static void drained_backend_keeps_its_flows_and_gets_no_new_ones(void)
{
	unsigned char before[PINNED], after[PINNED];
	unsigned shares[4];
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	every_backend_by_flow(&tb, PINNED, before);
	backend(&tb, "b")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(&tb);
	every_backend_by_flow(&tb, PINNED, after);
	CU_ASSERT_EQUAL(count_different(before, after, PINNED), 0);
	count_backends(&tb, PINNED, PINNED, shares);
	CU_ASSERT_EQUAL(shares[0], 0);
	CU_ASSERT_EQUAL(shares[2], 0);
	testbed_down(&tb);
}

/* The balancer did not hear the connection end; its ports open another one. */
static void port_used_again_is_a_new_connection(void)
{
	struct packet ack = {.src = "198.51.100.7", .dst = "192.0.2.10", .dport = 80};
	struct packet syn = ack;
	struct testbed tb;

	syn.flags = TCP_SYN;
	testbed_up(&tb, "lb1", farm);
	for (ack.sport = 40000; backend_of(&tb, &ack) != 2; ack.sport++)
		;
	backend(&tb, "b")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(backend_of(&tb, &ack), 2);
	syn.sport = ack.sport;
	CU_ASSERT_NOT_EQUAL(backend_of(&tb, &syn), 2);
	testbed_down(&tb);
}

/* All flows of b move, and no other does. */
static void check_moved_from_b(struct testbed *tb, const unsigned char *before)
{
	unsigned char after[PINNED];

	every_backend_by_flow(tb, PINNED, after);
	for (unsigned i = 0; i < PINNED; i++) {
		bool expected =
			before[i] == 2 ? after[i] == 1 || after[i] == 3 : after[i] == before[i];

		CU_ASSERT(expected);
	}
}

static void flows_of_a_backend_that_is_down_move(void)
{
	unsigned char before[PINNED];
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	every_backend_by_flow(&tb, PINNED, before);
	backend(&tb, "b")->admin = BACKEND_ADMIN_DOWN;
	testbed_publish(&tb);
	check_moved_from_b(&tb, before);
	testbed_down(&tb);
}

static void flows_of_an_unhealthy_backend_move_and_stay_there(void)
{
	struct backend_health dead = {"www", "b", false}, well = {"www", "b", true};
	unsigned char before[PINNED], moved[PINNED], after[PINNED];
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	every_backend_by_flow(&tb, PINNED, before);
	CU_ASSERT_EQUAL(dataplane_set_health(&tb.dp, &tb.cluster, &dead, 1), 0);
	check_moved_from_b(&tb, before);
	every_backend_by_flow(&tb, PINNED, moved);
	CU_ASSERT_EQUAL(dataplane_set_health(&tb.dp, &tb.cluster, &well, 1), 0);
	every_backend_by_flow(&tb, PINNED, after);
	CU_ASSERT_EQUAL(count_different(moved, after, PINNED), 0);
	testbed_down(&tb);
}

static void slot_used_again_inherits_no_flow(void)
{
	struct packet packet = {TO4(80)};
	struct sluice_flow flow;
	struct testbed tb;
	__u32 incarnation;

	testbed_up(&tb, "lb1", farm);
	CU_ASSERT_NOT_EQUAL(backend_of(&tb, &packet), 0);
	CU_ASSERT(testbed_flow(&tb, &packet, &flow));
	incarnation = flow.incarnation;
	/* As if the slot of another backend had been given to this one since. */
	flow.incarnation--;
	flow.backend = testbed_backend_slot(&tb, "www", "a");
	testbed_set_flow(&tb, &packet, &flow);
	CU_ASSERT_NOT_EQUAL(backend_of(&tb, &packet), 0);
	CU_ASSERT(testbed_flow(&tb, &packet, &flow));
	CU_ASSERT_EQUAL(flow.incarnation, incarnation);
	testbed_down(&tb);
}

static void flow_that_names_no_backend_is_picked_anew(void)
{
	struct packet packet = {TO6(80)};
	struct sluice_flow flow;
	struct testbed tb;
	int chosen;

	testbed_up(&tb, "lb1", farm);
	chosen = backend_of(&tb, &packet);
	CU_ASSERT(testbed_flow(&tb, &packet, &flow));
	flow.backend = SLUICE_MAX_BACKENDS;
	testbed_set_flow(&tb, &packet, &flow);
	CU_ASSERT_EQUAL(backend_of(&tb, &packet), chosen);
	testbed_down(&tb);
}

/* --- ICMP errors to a VIP ------------------------------------------------- */

static void check_error_follows_flow(struct testbed *tb, const struct packet *flow,
				     const char *router, unsigned char type, size_t quoted_bytes)
{
	struct packet reply = {.src = flow->dst,
			       .dst = flow->src,
			       .sport = flow->dport,
			       .dport = flow->sport,
			       .payload = 64};
	struct packet error = {.src = router,
			       .dst = flow->dst,
			       .proto = IPPROTO_ICMP,
			       .type = type,
			       .quoted = &reply,
			       .quoted_bytes = quoted_bytes};

	CU_ASSERT_EQUAL(backend_of(tb, &error), backend_of(tb, flow));
}

/* Pinned against the ring, so that only the flow can tell. */
static void icmp_error_goes_to_the_backend_of_its_flow(void)
{
	struct testbed tb;
	struct flow flow;

	testbed_up(&tb, "lb1", farm);
	for (unsigned i = 0; i < 40; i++)
		backend_of(&tb, flow_init(&flow, i));
	backend(&tb, "b")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(&tb);
	for (unsigned i = 0; i < 40; i++) {
		flow_init(&flow, i);
		if (i % 2)
			check_error_follows_flow(&tb, &flow.packet, "2001:db8:99::1", 2, 48);
		else
			check_error_follows_flow(&tb, &flow.packet, "203.0.113.1", 3, 28);
	}
	testbed_down(&tb);
}

static void icmp_error_without_flow_goes_where_the_ring_says(void)
{
	struct testbed tb;
	struct flow flow;

	testbed_up(&tb, "lb1", farm);
	for (unsigned i = 0; i < 40; i++) {
		flow_init(&flow, i);
		if (i % 2)
			check_error_follows_flow(&tb, &flow.packet, "2001:db8:99::1", 1, 0);
		else
			check_error_follows_flow(&tb, &flow.packet, "203.0.113.1", 11, 0);
	}
	testbed_down(&tb);
}

static void icmp_error_makes_no_flow(void)
{
	struct packet reply = {
		.src = "192.0.2.10", .dst = "198.51.100.7", .sport = 80, .dport = 40000};
	struct packet error = {
		.src = "203.0.113.1", .dst = "192.0.2.10", .type = 3, .quoted = &reply};
	struct sluice_load load;
	struct testbed tb;
	unsigned slot;

	testbed_up(&tb, "lb", config);
	slot = testbed_backend_slot(&tb, "near", "near");
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &error), SLUICE_TX);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	CU_ASSERT_EQUAL(dataplane_read_load(&tb.dp, slot, &load), 0);
	CU_ASSERT_EQUAL(load.sent.packets, 1);
	CU_ASSERT_EQUAL(load.new_flows, 0);
	testbed_down(&tb);
}

/* --- beside the ring ------------------------------------------------------ */

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

static int backend_by_flags(struct testbed *tb, const struct packet *packet, unsigned char flags)
{
	struct packet with_flags = *packet;

	with_flags.flags = flags;
	return backend_of(tb, &with_flags);
}

/* Flows of b, which drains: what is theirs stays, what is new goes elsewhere. */
static void check_reuse(struct testbed *tb, bool established)
{
	unsigned char before[PINNED];
	struct flow flow;

	for (unsigned i = 0; i < PINNED; i++) {
		before[i] = (unsigned char)backend_by_flags(tb, flow_init(&flow, i), TCP_SYN);
		if (established)
			backend_by_flags(tb, &flow.packet, TCP_ACK);
	}
	backend(tb, "b")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(tb);
	for (unsigned i = 0; i < PINNED; i++) {
		if (before[i] != 2)
			continue;
		flow_init(&flow, i);
		if (established)
			CU_ASSERT_EQUAL(backend_by_flags(tb, &flow.packet, TCP_ACK), 2);
		CU_ASSERT_EQUAL(backend_by_flags(tb, &flow.packet, TCP_SYN) == 2, !established);
	}
}

static void port_used_again_is_a_new_flow(void)
{
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	check_reuse(&tb, true);
	testbed_down(&tb);
}

static void syn_sent_again_is_not(void)
{
	struct testbed tb;

	testbed_up(&tb, "lb1", farm);
	check_reuse(&tb, false);
	testbed_down(&tb);
}

static void check_link_address(struct testbed *tb, const struct packet *packet, unsigned char last)
{
	struct frame frame;
	struct run run;

	testbed_frame(tb, "eth0", packet, &frame);
	testbed_run(tb, "eth0", &frame, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_TX);
	CU_ASSERT_EQUAL(run.frame.bytes[ETH_ALEN - 1], last);
}

/* The way to a backend is remembered for a moment; without the pause, trace would differ. */
static void backend_that_moves_is_followed(void)
{
	struct packet v4 = {TO4(80)}, v6 = {TO6(80)};
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	check_link_address(&tb, &v4, 1);
	check_link_address(&tb, &v6, 1);
	testbed_ip("neigh replace 10.10.1.21 lladdr 02:00:00:00:00:44 dev eth0 nud permanent\n"
		   "neigh replace fd00:10:1::21 lladdr 02:00:00:00:00:66 dev eth0 nud permanent\n");
	usleep(30000);
	check_link_address(&tb, &v4, 0x44);
	check_link_address(&tb, &v6, 0x66);
	testbed_ip("neigh del 10.10.1.21 dev eth0\n");
	usleep(30000);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &v4), SLUICE_NO_NEIGHBOUR);
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
	CU_ASSERT_EQUAL(
		dataplane_read_load(&tb.dp, testbed_backend_slot(&tb, "near", "near"), &load), 0);
	CU_ASSERT_EQUAL(load.sent.packets, 3);
	CU_ASSERT_EQUAL(load.sent.bytes, 2 * (14 + 40 + 100) + 14 + 40 + 6);
	CU_ASSERT_EQUAL(load.new_flows, 1);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(ipip_frames_are_exact),
		UNIT_TEST(outer_header_takes_dscp_alone_from_the_inner),
		UNIT_TEST(dsr_changes_link_addresses_alone),
		UNIT_TEST(what_no_backend_gets),
		UNIT_TEST(what_does_not_fit_the_mtu_is_dropped),
		UNIT_TEST(flows_are_spread_by_weight),
		UNIT_TEST(connections_of_one_client_are_spread),
		UNIT_TEST(clients_with_one_port_are_spread),
		UNIT_TEST(balancers_with_other_histories_choose_alike),
		UNIT_TEST(new_ring_moves_no_flow),
		UNIT_TEST(drained_backend_keeps_its_flows_and_gets_no_new_ones),
		UNIT_TEST(port_used_again_is_a_new_connection),
		UNIT_TEST(flows_of_a_backend_that_is_down_move),
		UNIT_TEST(flows_of_an_unhealthy_backend_move_and_stay_there),
		UNIT_TEST(slot_used_again_inherits_no_flow),
		UNIT_TEST(flow_that_names_no_backend_is_picked_anew),
		UNIT_TEST(icmp_error_goes_to_the_backend_of_its_flow),
		UNIT_TEST(icmp_error_without_flow_goes_where_the_ring_says),
		UNIT_TEST(icmp_error_makes_no_flow),
		UNIT_TEST(flow_is_established_by_its_client_alone),
		UNIT_TEST(port_used_again_is_a_new_flow),
		UNIT_TEST(syn_sent_again_is_not),
		UNIT_TEST(backend_that_moves_is_followed),
		UNIT_TEST(rules_come_before_the_backend),
		UNIT_TEST(revoked_rule_cuts_balanced_flows),
		UNIT_TEST(load_counts_frames_and_new_flows),
		{},
	};

	return unit_run("balancer", tests);
}
