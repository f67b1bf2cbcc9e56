/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fragments: all of a datagram goes to one backend, whatever comes first, as exact frames; a
 * firewall lets pass what follows a first that it accepted, and no cut that hides a header.
 */
#include <string.h>

#include "../support/testbed.h"
#include "../support/unit.h"

/* eth0 balances alone, eth1 behind its firewall; "ten" has backends enough to tell choices. */
static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 1024},"
	" nodes: {"
	"  lb: {interfaces: {"
	"   eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'],"
	"          roles: [balancer]},"
	"   eth1: {network: back, address: [10.10.2.11/24, 'fd00:10:2::11/64'],"
	"          roles: [firewall, balancer, forward], policy: edge}}},"
	"  a: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.21/24, 'fd00:10:1::21/64']}}},"
	"  b: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.22/24, 'fd00:10:1::22/64']}}},"
	"  c: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.23/24, 'fd00:10:1::23/64']}}}},"
	" policies: {edge: {default: drop, rules: ["
	"  {name: www, to: '192.0.2.10', port: 80, proto: tcp, action: accept},"
	"  {name: www6, to: '2001:db8:2::10', port: 80, proto: tcp, action: accept},"
	"  {name: dns, proto: udp, port: 53, action: accept-stateless},"
	"  {name: ping, proto: icmp, to: 10.10.1.0/24, action: accept}]}},"
	" services: {"
	"  www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"   backends: {a: {}, b: {}, c: {}}},"
	"  dsr: {vips: ['192.0.2.10:90', '[2001:db8:2::10]:90'], proto: tcp, forward: dsr,"
	"   backends: {a: {}}},"
	"  dns: {vips: ['192.0.2.10:53', '[2001:db8:2::10]:53'], proto: udp,"
	"   backends: {a: {}, b: {}, c: {}}}}}";

#define FROM4(last) .src = "198.51.100." #last, .dst = "192.0.2.10"
#define FROM6(last) .src = "2001:db8:51::" #last, .dst = "2001:db8:2::10"
#define FIRST6	    .ext = "F", .fragment = 1
#define LATER	    64 /* bytes, in either family's notation of the offset: a multiple of 8 */

static const char *const backends[] = {"a", "b", "c"};
static const char *const addresses[2][3] = {{"10.10.1.21", "10.10.1.22", "10.10.1.23"},
					    {"fd00:10:1::21", "fd00:10:1::22", "fd00:10:1::23"}};

static struct packet later_of(const struct packet *first)
{
	struct packet later = *first;

	later.fragment = packet_is_v6(first) ? LATER : LATER / 8;
	later.payload = 24;
	return later;
}

/* Sends the packet, which must come out as a whole frame to one backend; which? */
static int backend_of(struct testbed *tb, const char *ifname, const struct packet *packet)
{
	bool v6 = packet_is_v6(packet);
	struct packet outer = {.src = v6 ? "fd00:10:1::11" : "10.10.1.11", .fragment = IP_DF};
	struct frame frame, expected;
	struct run run;

	if (!strcmp(ifname, "eth1"))
		outer.src = v6 ? "fd00:10:2::11" : "10.10.2.11";
	testbed_frame(tb, ifname, packet, &frame);
	testbed_run(tb, ifname, &frame, &run);
	for (int i = 0; i < 3; i++) {
		expected = frame;
		outer.dst = addresses[v6][i];
		frame_encapsulate(&expected, &outer);
		testbed_link_to(tb, backends[i], &expected);
		if (frame_equal(&expected, &run.frame))
			return i;
	}
	return -1;
}

/* Flows enough to see that not all of them go one way by chance. */
static void check_datagrams(struct testbed *tb, const char *ifname, const struct packet *flow,
			    bool later_first)
{
	static unsigned short id = 100;
	unsigned seen = 0;

	for (unsigned i = 0; i < 16; i++) {
		struct packet first = *flow, whole = *flow, later;
		int one, other;

		first.sport = whole.sport = (unsigned short)(40000 + i);
		first.ip_id = id++;
		first.fragment = packet_is_v6(flow) ? 1 : IP_MF;
		first.ext = packet_is_v6(flow) ? "F" : NULL;
		first.payload = 44; /* with any transport header a multiple of eight */
		if (flow->proto == IPPROTO_UDP)
			first.payload = 56;
		later = later_of(&first);
		one = backend_of(tb, ifname, later_first ? &later : &first);
		other = backend_of(tb, ifname, later_first ? &first : &later);
		CU_ASSERT(one >= 0);
		CU_ASSERT_EQUAL(one, other);
		CU_ASSERT_EQUAL(backend_of(tb, ifname, &later), one);
		if (!later_first)
			CU_ASSERT_EQUAL(backend_of(tb, ifname, &whole), one);
		seen |= 1U << one;
	}
	CU_ASSERT(later_first || seen == 7);
}

static void first_goes_with_its_flow_and_the_rest_follow(void)
{
	const struct packet flows[] = {
		{FROM4(7), .dport = 80, .flags = TCP_SYN},
		{FROM6(7), .dport = 80, .flags = TCP_SYN},
		{FROM4(7), .dport = 53, .proto = IPPROTO_UDP},
		{FROM6(7), .dport = 53, .proto = IPPROTO_UDP},
		{FROM4(8), .dport = 80, .flags = TCP_SYN, .options = 12},
	};
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		check_datagrams(&tb, "eth0", &flows[i], false);
		check_datagrams(&tb, "eth1", &flows[i], false);
	}
	testbed_down(&tb);
}

/* Of the first service in the file with that protocol: all the packet itself tells. */
static void what_comes_before_the_first_leads_it(void)
{
	const struct packet flows[] = {
		{FROM4(7), .dport = 80, .flags = TCP_SYN},
		{FROM6(7), .dport = 80, .flags = TCP_SYN},
		{FROM4(7), .dport = 53, .proto = IPPROTO_UDP},
		{FROM6(7), .dport = 53, .proto = IPPROTO_UDP},
	};
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		check_datagrams(&tb, "eth0", &flows[i], true);
	testbed_down(&tb);
}

/* The flow's own packets go where they went before, and its connection knows no other. */
static void leading_fragment_moves_no_connection(void)
{
	struct packet whole = {FROM4(9), .sport = 40000, .dport = 80}, first = whole, later;
	struct testbed tb;
	unsigned moved = 0;

	testbed_up(&tb, "lb", config);
	for (unsigned i = 0; i < 8; i++) {
		int before;

		whole.sport = first.sport = (unsigned short)(41000 + i);
		first.ip_id = (unsigned short)(500 + i);
		first.fragment = IP_MF;
		first.payload = 44;
		later = later_of(&first);
		before = backend_of(&tb, "eth0", &whole);
		moved += backend_of(&tb, "eth0", &later) != before;
		backend_of(&tb, "eth0", &first);
		CU_ASSERT_EQUAL(backend_of(&tb, "eth0", &whole), before);
	}
	CU_ASSERT(moved > 0);
	testbed_down(&tb);
}

static void fragments_of_other_modes_and_places(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"DSR, first", "eth0", {FROM4(7), .sport = 1024, .dport = 90, .fragment = IP_MF,
		 .payload = 44, .ip_id = 1}, .outcome = SLUICE_TX, .to = "a"},
		{"DSR, later", "eth0", {FROM4(7), .fragment = 8, .payload = 5, .ip_id = 1},
		 .outcome = SLUICE_TX, .to = "a"},
		{"DSR, first, IPv6", "eth0", {FROM6(7), .sport = 1024, .dport = 90, FIRST6,
		 .payload = 44, .ip_id = 1}, .outcome = SLUICE_TX, .to = "a"},
		{"DSR, later, IPv6", "eth0", {FROM6(7), .ext = "F", .fragment = 64, .ip_id = 1},
		 .outcome = SLUICE_TX, .to = "a"},
		{"behind other headers", "eth0", {FROM6(8), .sport = 1024, .dport = 90,
		 .ext = "HDF", .fragment = 1, .payload = 44, .ip_id = 2}, .outcome = SLUICE_TX,
		 .to = "a"},
		{"before another header", "eth0", {FROM6(9), .sport = 1024, .dport = 90,
		 .ext = "FD", .fragment = 1, .payload = 44, .ip_id = 3}, .outcome = SLUICE_TX,
		 .to = "a"},
		{"later, of a protocol that only the first tells", "eth0", {FROM6(9),
		 .ext = "FD", .fragment = 64, .ip_id = 3}, .outcome = SLUICE_TX, .to = "a"},
		{"to no VIP", "eth0", {.src = "198.51.100.7", .dst = "10.10.1.11",
		 .fragment = IP_MF, .payload = 44}, .outcome = SLUICE_PASS_LOCAL},
		{"later to no VIP", "eth0", {.src = "198.51.100.7", .dst = "10.10.1.11",
		 .fragment = 8, .payload = 44}, .outcome = SLUICE_PASS_LOCAL},
		{"first to no service", "eth0", {FROM4(7), .dport = 443, .fragment = IP_MF,
		 .payload = 44}, .outcome = SLUICE_NO_SERVICE},
		{"later of a protocol without service", "eth0", {FROM4(7), .fragment = 8,
		 .proto = IPPROTO_GRE, .payload = 44}, .outcome = SLUICE_NO_SERVICE},
		{"first, to a port of zero", "eth0", {FROM4(7), .dport = 0, .fragment = IP_MF,
		 .payload = 44, .ip_id = 4}, .outcome = SLUICE_NO_SERVICE},
		{"whole, to a port of zero", "eth0", {FROM4(7), .dport = 0},
		 .outcome = SLUICE_NO_SERVICE},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

static void firewall_lets_pass_what_follows_an_accepted_first(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"later of a datagram that nobody judged", "eth1", {.src = "198.51.100.7",
		 .dst = "10.10.1.21", .proto = IPPROTO_ICMP, .type = 8, .fragment = 8,
		 .payload = 32, .ip_id = 7}, .outcome = SLUICE_FRAGMENT},
		{"first of an echo", "eth1", {.src = "198.51.100.7", .dst = "10.10.1.21",
		 .type = 8, .id = 5, .fragment = IP_MF, .payload = 56, .ip_id = 7},
		 .outcome = SLUICE_REDIRECT, .to = "a", .routed = true},
		{"what follows", "eth1", {.src = "198.51.100.7", .dst = "10.10.1.21",
		 .proto = IPPROTO_ICMP, .fragment = IP_MF | 8, .payload = 64, .ip_id = 7},
		 .outcome = SLUICE_REDIRECT, .to = "a", .routed = true},
		{"what follows that", "eth1", {.src = "198.51.100.7", .dst = "10.10.1.21",
		 .proto = IPPROTO_ICMP, .fragment = 16, .payload = 3, .ip_id = 7},
		 .outcome = SLUICE_REDIRECT, .to = "a", .routed = true},
		{"of another datagram", "eth1", {.src = "198.51.100.7", .dst = "10.10.1.21",
		 .proto = IPPROTO_ICMP, .fragment = 16, .payload = 3, .ip_id = 8},
		 .outcome = SLUICE_FRAGMENT},
		{"first that is refused", "eth1", {.src = "198.51.100.7", .dst = "10.10.1.21",
		 .dport = 22, .fragment = IP_MF, .payload = 44, .ip_id = 9},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"what follows is refused too", "eth1", {.src = "198.51.100.7",
		 .dst = "10.10.1.21", .fragment = 8, .payload = 44, .ip_id = 9},
		 .outcome = SLUICE_FRAGMENT},
		{"midway in a connection of which no start was seen", "eth1", {FROM4(7),
		 .sport = 1, .dport = 80, .fragment = IP_MF, .payload = 44, .ip_id = 10},
		 .outcome = SLUICE_NO_FLOW},
		{"IPv6, later before first", "eth1", {FROM6(7), .ext = "F", .fragment = 64},
		 .outcome = SLUICE_FRAGMENT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

static void bad_cuts_are_dropped(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TCP header not whole", "eth0", {FROM4(7), .dport = 80, .fragment = IP_MF,
		 .poke = {{FRAME_IP + 3, 36}}}, .outcome = SLUICE_BAD_FRAGMENT},
		{"TCP options not whole", "eth0", {FROM4(7), .dport = 80, .fragment = IP_MF,
		 .payload = 4, .poke = {{FRAME_IP4 + 12, 0x80}}}, .outcome = SLUICE_BAD_FRAGMENT},
		{"UDP header not whole", "eth0", {FROM4(7), .dport = 53, .proto = IPPROTO_UDP,
		 .fragment = IP_MF, .cut = 8}, .outcome = SLUICE_MALFORMED},
		{"over the TCP header", "eth0", {FROM4(7), .fragment = 1, .payload = 8},
		 .outcome = SLUICE_BAD_FRAGMENT},
		{"over the TCP header, IPv6", "eth0", {FROM6(7), .ext = "F", .fragment = 16},
		 .outcome = SLUICE_BAD_FRAGMENT},
		{"not of eight bytes, and more to come", "eth0", {FROM4(7), .dport = 80,
		 .fragment = IP_MF, .payload = 43}, .outcome = SLUICE_BAD_FRAGMENT},
		{"not of eight bytes, IPv6", "eth0", {FROM6(7), .dport = 80, FIRST6,
		 .payload = 43}, .outcome = SLUICE_BAD_FRAGMENT},
		{"beyond the longest datagram", "eth0", {FROM4(7), .fragment = 0x1fff,
		 .payload = 64}, .outcome = SLUICE_BAD_FRAGMENT},
		{"nothing in it", "eth0", {FROM4(7), .fragment = 100},
		 .outcome = SLUICE_BAD_FRAGMENT},
		{"a fragment of a fragment", "eth0", {FROM6(7), .dport = 80, .ext = "FF",
		 .fragment = 1, .payload = 44}, .outcome = SLUICE_BAD_FRAGMENT},
		{"TCP header behind what the first holds, IPv6", "eth0", {FROM6(7), .dport = 80,
		 FIRST6, .poke = {{FRAME_IP + 5, 16}}}, .outcome = SLUICE_BAD_FRAGMENT},
		{"an error in pieces", "eth0", {FROM4(7), .type = 3, .quoted =
		 &(struct packet){.src = "192.0.2.10", .dst = "198.51.100.7", .payload = 8},
		 .fragment = IP_MF, .poke = {{FRAME_IP + 3, 52}}}, .outcome = SLUICE_FRAGMENT},
		{"flags that no TCP sends", "eth0", {FROM4(7), .dport = 80, .fragment = IP_MF,
		 .flags = TCP_SYN | TCP_FIN, .payload = 44}, .outcome = SLUICE_TCP_FLAGS},
		{"source and destination alike", "eth0", {.src = "192.0.2.10",
		 .dst = "192.0.2.10", .sport = 80, .dport = 80, .fragment = IP_MF,
		 .payload = 44}, .outcome = SLUICE_LAND},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", config, tests);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(first_goes_with_its_flow_and_the_rest_follow),
		UNIT_TEST(what_comes_before_the_first_leads_it),
		UNIT_TEST(leading_fragment_moves_no_connection),
		UNIT_TEST(fragments_of_other_modes_and_places),
		UNIT_TEST(firewall_lets_pass_what_follows_an_accepted_first),
		UNIT_TEST(bad_cuts_are_dropped),
		{},
	};

	return unit_run("fragment", tests);
}
