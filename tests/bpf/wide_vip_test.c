/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Wide VIPs: port ranges, all ports and prefixes. Whose each packet is, told
 * by the frame that leaves; and that a flow to one stays with its backend.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../support/random.h"
#include "../support/testbed.h"
#include "../support/unit.h"

/* Each service has one backend of its own, so that frames tell services apart. */
#define NODES(roles)                                                                               \
	"{sluice: 1, cluster: test, limits: {flows: 65536},"                                       \
	" nodes: {"                                                                                \
	"  lb: {interfaces: {"                                                                     \
	"   eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'],"                   \
	"          roles: [" roles "]}}},"                                                         \
	"  a: {interfaces: {eth0: {network: edge, address: [10.10.1.21/24, "                       \
	"'fd00:10:1::21/64']}}},"                                                                  \
	"  b: {interfaces: {eth0: {network: edge, address: [10.10.1.22/24, "                       \
	"'fd00:10:1::22/64']}}},"                                                                  \
	"  c: {interfaces: {eth0: {network: edge, address: [10.10.1.23/24, "                       \
	"'fd00:10:1::23/64']}}},"                                                                  \
	"  d: {interfaces: {eth0: {network: edge, address: [10.10.1.24/24, "                       \
	"'fd00:10:1::24/64']}}}},"

/* clang-format off */
#define FROM4(to, port) .src = "198.51.100.7", .dst = to, .sport = 40000, .dport = port
#define FROM6(to, port) .src = "2001:db8:51::7", .dst = to, .sport = 40000, .dport = port
#define OUTER4(to) .outer = &(struct packet){.src = "10.10.1.11", .dst = to}
#define OUTER6(to) .outer = &(struct packet){.src = "fd00:10:1::11", .dst = to}
#define A4 .outcome = SLUICE_TX, .to = "a", OUTER4("10.10.1.21")
#define B4 .outcome = SLUICE_TX, .to = "b", OUTER4("10.10.1.22")
#define C4 .outcome = SLUICE_TX, .to = "c", OUTER4("10.10.1.23")
#define D4 .outcome = SLUICE_TX, .to = "d", OUTER4("10.10.1.24")
#define A6 .outcome = SLUICE_TX, .to = "a", OUTER6("fd00:10:1::21")
#define B6 .outcome = SLUICE_TX, .to = "b", OUTER6("fd00:10:1::22")
#define C6 .outcome = SLUICE_TX, .to = "c", OUTER6("fd00:10:1::23")
#define D6 .outcome = SLUICE_TX, .to = "d", OUTER6("fd00:10:1::24")
#define UDP .proto = IPPROTO_UDP
/* clang-format on */

static const char one_address[] =
	NODES("balancer") "services: {"
			  " a: {vips: ['192.0.2.10:443', '[2001:db8:2::10]:443'],"
			  "     backends: {a: {}}},"
			  " b: {vips: ['192.0.2.10:8000-8099', '[2001:db8:2::10]:8000-8099'],"
			  "     backends: {b: {}}},"
			  " c: {vips: ['192.0.2.10:*', '[2001:db8:2::10]:*'],"
			  "     backends: {c: {}}},"
			  " d: {vips: ['192.0.2.10:8000-8099', '[2001:db8:2::10]:8000-8099'],"
			  "     proto: udp, backends: {d: {}}}}}";

static void one_port_goes_before_a_range_and_that_before_all(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"the port", "eth0", {FROM4("192.0.2.10", 443)}, A4},
		{"below the range", "eth0", {FROM4("192.0.2.10", 7999)}, C4},
		{"first of the range", "eth0", {FROM4("192.0.2.10", 8000)}, B4},
		{"last of the range", "eth0", {FROM4("192.0.2.10", 8099)}, B4},
		{"above the range", "eth0", {FROM4("192.0.2.10", 8100)}, C4},
		{"port 1", "eth0", {FROM4("192.0.2.10", 1)}, C4},
		{"the last port", "eth0", {FROM4("192.0.2.10", 65535)}, C4},
		{"UDP has its own", "eth0", {FROM4("192.0.2.10", 8000), UDP}, D4},
		{"and only these", "eth0", {FROM4("192.0.2.10", 443), UDP},
		 .outcome = SLUICE_NO_SERVICE},
		{"another protocol", "eth0", {FROM4("192.0.2.10", 0), .proto = IPPROTO_GRE},
		 .outcome = SLUICE_NO_SERVICE},
		{"another address", "eth0", {FROM4("192.0.2.11", 8000)},
		 .outcome = SLUICE_PASS_LOCAL},
		{"IPv6: the port", "eth0", {FROM6("2001:db8:2::10", 443)}, A6},
		{"IPv6: the range", "eth0", {FROM6("2001:db8:2::10", 8050)}, B6},
		{"IPv6: the rest", "eth0", {FROM6("2001:db8:2::10", 8100)}, C6},
		{"IPv6: UDP", "eth0", {FROM6("2001:db8:2::10", 8050), UDP}, D6},
		{"IPv6: not of UDP", "eth0", {FROM6("2001:db8:2::10", 53), UDP},
		 .outcome = SLUICE_NO_SERVICE},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", one_address, tests);
}

static const char prefixes[] =
	NODES("balancer") "services: {"
			  " a: {vips: ['198.18.0.0/16:*', '[2001:db8:5::/48]:*'],"
			  "     backends: {a: {}}},"
			  " b: {vips: ['198.18.5.0/24:443', '[2001:db8:5:5::/64]:443'],"
			  "     backends: {b: {}}},"
			  " c: {vips: ['198.18.5.7:443', '[2001:db8:5:5::7]:443'],"
			  "     backends: {c: {}}},"
			  " d: {vips: ['198.18.5.8:1-1024', '[2001:db8:5:5::8]:1-1024'],"
			  "     backends: {d: {}}}}}";

static void longest_prefix_goes_first_and_leaves_the_rest_to_the_wider(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"the wide prefix", "eth0", {FROM4("198.18.255.255", 443)}, A4},
		{"its first address", "eth0", {FROM4("198.18.0.0", 1)}, A4},
		{"beside it", "eth0", {FROM4("198.19.0.0", 443)}, .outcome = SLUICE_PASS_LOCAL},
		{"a longer prefix", "eth0", {FROM4("198.18.5.1", 443)}, B4},
		{"another port of that", "eth0", {FROM4("198.18.5.1", 80)}, A4},
		{"an address", "eth0", {FROM4("198.18.5.7", 443)}, C4},
		{"another port of that", "eth0", {FROM4("198.18.5.7", 444)}, A4},
		{"a range of an address", "eth0", {FROM4("198.18.5.8", 443)}, D4},
		{"another port of that", "eth0", {FROM4("198.18.5.8", 1025)}, A4},
		{"no service of UDP", "eth0", {FROM4("198.18.5.8", 443), UDP},
		 .outcome = SLUICE_NO_SERVICE},
		{"echo", "eth0", {FROM4("198.18.9.9", 0), .proto = IPPROTO_ICMP, .type = 8},
		 .outcome = SLUICE_NO_SERVICE},
		{"IPv6: the wide prefix", "eth0", {FROM6("2001:db8:5:ffff::1", 443)}, A6},
		{"IPv6: beside it", "eth0", {FROM6("2001:db8:6::1", 443)},
		 .outcome = SLUICE_PASS_LOCAL},
		{"IPv6: a longer prefix", "eth0", {FROM6("2001:db8:5:5::1", 443)}, B6},
		{"IPv6: another port of that", "eth0", {FROM6("2001:db8:5:5::1", 80)}, A6},
		{"IPv6: an address", "eth0", {FROM6("2001:db8:5:5::7", 443)}, C6},
		{"IPv6: another port of that", "eth0", {FROM6("2001:db8:5:5::7", 444)}, A6},
		{"IPv6: a range of an address", "eth0", {FROM6("2001:db8:5:5::8", 1024)}, D6},
	};
	/* clang-format on */

	PACKET_TESTS_ON("lb", prefixes, tests);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(one_port_goes_before_a_range_and_that_before_all),
		UNIT_TEST(longest_prefix_goes_first_and_leaves_the_rest_to_the_wider),
		{},
	};

	return unit_run("wide_vip", tests);
}
