/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VLANs, as exact frames: each role reads what has one tag or two, what leaves by a VLAN
 * device goes out tagged by the interface below it, and the stack gets frames as they came.
 * The kernel here may have no VLAN devices: plain interfaces stand for them.
 */
#include <string.h>

#include "../support/testbed.h"
#include "../support/unit.h"

/* "inner" stands for VLAN 10 on lan, "outer" for VLAN 20 in VLAN 100 on wan. */
static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 1024},"
	" nodes: {"
	"  fw: {interfaces: {"
	"   wan: {network: wan, address: [198.51.100.1/24, '2001:db8:51::1/64'],"
	"         roles: [firewall, balancer, forward, decap], policy: edge},"
	"   lan: {network: lan, address: [10.10.1.1/24, 'fd00:10:1::1/64'],"
	"         roles: [balancer, forward, decap]},"
	"   inner: {network: inner, address: [10.10.2.1/24, 'fd00:10:2::1/64']},"
	"   outer: {network: outer, address: [10.10.3.1/24, 'fd00:10:3::1/64']}}},"
	"  user: {interfaces: {eth0: {network: wan,"
	"   address: [198.51.100.7/24, '2001:db8:51::7/64']}}},"
	"  web: {interfaces: {eth0: {network: lan, roles: [balancer],"
	"   address: [10.10.1.21/24, 'fd00:10:1::21/64']}}},"
	"  db: {interfaces: {eth0: {network: inner,"
	"   address: [10.10.2.21/24, 'fd00:10:2::21/64']}}},"
	"  far: {interfaces: {eth0: {network: outer,"
	"   address: [10.10.3.21/24, 'fd00:10:3::21/64']}}}},"
	" policies: {edge: {default: drop, strict: false, rules: ["
	"  {name: web, proto: tcp, port: 80, action: accept},"
	"  {name: udp, proto: udp, action: accept}]}},"
	" services: {"
	"  ipip: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"   backends: {db: {}}},"
	"  gue: {vips: ['192.0.2.11:80', '[2001:db8:2::11]:80'], proto: tcp, forward: gue,"
	"   backends: {far: {}}},"
	"  dsr: {vips: ['192.0.2.12:80', '[2001:db8:2::12]:80'], proto: tcp, forward: dsr,"
	"   backends: {db: {}}},"
	"  near: {vips: ['192.0.2.13:80'], proto: tcp, forward: dsr, backends: {web: {}}}}}";

#define Q_TAG(id)  SLUICE_TAG(ETH_P_8021Q, id)
#define AD_TAG(id) SLUICE_TAG(ETH_P_8021AD, id)

static void put_devices(struct testbed *tb)
{
	const struct vlan_device devices[] = {
		{.ifindex = testbed_port(tb, "inner")->ifindex,
		 .vlan = {testbed_port(tb, "lan")->ifindex, {Q_TAG(10)}}},
		{.ifindex = testbed_port(tb, "outer")->ifindex,
		 .vlan = {testbed_port(tb, "wan")->ifindex, {AD_TAG(100), Q_TAG(20)}}},
	};

	CU_ASSERT_EQUAL_FATAL(vlan_devices_write(tb->dp.vlan_in, tb->dp.vlan_out, devices, 2), 0);
}

static void check(const struct packet_test *tests, size_t count)
{
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	put_devices(&tb);
	testbed_check(&tb, tests, count);
	testbed_down(&tb);
}

#define CHECK(tests) check(tests, sizeof(tests) / sizeof((tests)[0]))

/* clang-format off */
#define USER4(to) .src = "198.51.100.7", .dst = to, .dport = 80
#define USER6(to) .src = "2001:db8:51::7", .dst = to, .dport = 80
#define QINQ(id)  .outer_vlan = 100, .vlan = id
#define REDIRECTED(neighbour) .outcome = SLUICE_REDIRECT, .to = neighbour
#define ROUTED(neighbour) REDIRECTED(neighbour), .routed = true
/* clang-format on */

static void routed_frames_change_their_tags(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"none to one", "wan", {USER4("10.10.2.21")}, ROUTED("db"), .to_vlan = 10},
		{"none to one, IPv6", "wan", {USER6("fd00:10:2::21")}, ROUTED("db"), .to_vlan = 10},
		{"none to two, back on the same wire", "wan", {USER4("10.10.3.21")},
		 .outcome = SLUICE_TX, .to = "far", .routed = true, .to_vlan = 20,
		 .to_outer_vlan = 100},
		{"one to none", "lan", {.src = "10.10.2.21", .dst = "198.51.100.7", .vlan = 10},
		 ROUTED("user")},
		{"one to none, IPv6", "lan", {.src = "fd00:10:2::21", .dst = "2001:db8:51::7",
		 .vlan = 10}, ROUTED("user")},
		{"one to none, on the same wire", "lan", {.src = "10.10.2.21",
		 .dst = "10.10.1.21", .vlan = 10}, .outcome = SLUICE_TX, .to = "web",
		 .routed = true},
		{"one to the same", "lan", {.src = "10.10.2.22", .dst = "10.10.2.21", .vlan = 10},
		 .outcome = SLUICE_TX, .to = "db", .routed = true, .to_vlan = 10},
		{"one to two", "lan", {.src = "10.10.2.21", .dst = "10.10.3.21", .vlan = 10},
		 ROUTED("far"), .to_vlan = 20, .to_outer_vlan = 100},
		{"two to one", "wan", {.src = "10.10.3.21", .dst = "10.10.2.21", .dport = 80,
		 QINQ(20)}, ROUTED("db"), .to_vlan = 10},
		{"two to none, IPv6", "wan", {.src = "fd00:10:3::21", .dst = "fd00:10:1::21",
		 .dport = 80, QINQ(20)}, ROUTED("web")},
		{"two to the same", "wan", {.src = "10.10.3.22", .dst = "10.10.3.21", .dport = 80,
		 QINQ(20)}, .outcome = SLUICE_TX, .to = "far", .routed = true, .to_vlan = 20,
		 .to_outer_vlan = 100},
		{"a priority is no VLAN", "wan", {USER4("10.10.1.21"), .vlan = 0x6000},
		 ROUTED("web")},
		{"a priority beside one", "lan", {.src = "10.10.2.21", .dst = "198.51.100.7",
		 .vlan = 0xe00a}, ROUTED("user")},
		{"options, and a UDP of no length to speak of", "wan", {USER4("10.10.2.21"),
		 .proto = IPPROTO_UDP, .options = 8}, ROUTED("db"), .to_vlan = 10},
	};
	/* clang-format on */

	CHECK(tests);
}

static void services_are_reached_on_vlans_and_reach_them(void)
{
	/* clang-format off */
	const struct packet outer4 = {.src = "198.51.100.1", .dst = "10.10.2.21"};
	const struct packet outer6 = {.src = "2001:db8:51::1", .dst = "fd00:10:2::21"};
	const struct packet lan4 = {.src = "10.10.1.1", .dst = "10.10.2.21"};
	const struct packet gue4 = {.src = "198.51.100.1", .dst = "10.10.3.21",
				    .proto = IPPROTO_UDP, .dport = 6080};
	const struct packet gue6 = {.src = "fd00:10:1::1", .dst = "fd00:10:3::21",
				    .proto = IPPROTO_UDP, .dport = 6080};
	const struct packet_test tests[] = {
		{"untagged, to a backend on a VLAN", "wan", {USER4("192.0.2.10")},
		 REDIRECTED("db"), .outer = &outer4, .to_vlan = 10},
		{"the same again", "wan", {USER4("192.0.2.10")},
		 REDIRECTED("db"), .outer = &outer4, .to_vlan = 10},
		{"IPv6", "wan", {USER6("2001:db8:2::10")},
		 REDIRECTED("db"), .outer = &outer6, .to_vlan = 10},
		{"by the way of known flows", "lan", {USER4("192.0.2.10"), .sport = 9},
		 .outcome = SLUICE_TX, .to = "db", .outer = &lan4, .to_vlan = 10},
		{"the same again", "lan", {USER4("192.0.2.10"), .sport = 9},
		 .outcome = SLUICE_TX, .to = "db", .outer = &lan4, .to_vlan = 10},
		{"tagged, to a backend on that VLAN", "lan", {USER4("192.0.2.10"), .vlan = 10},
		 .outcome = SLUICE_TX, .to = "db", .outer = &lan4, .to_vlan = 10},
		{"two tags, to a backend on a VLAN", "wan", {USER4("192.0.2.10"), QINQ(20)},
		 REDIRECTED("db"), .outer = &outer4, .to_vlan = 10},
		{"to a backend behind two tags, GUE", "wan", {USER4("192.0.2.11")},
		 .outcome = SLUICE_TX, .to = "far", .outer = &gue4, .to_vlan = 20,
		 .to_outer_vlan = 100},
		{"one tag to two, GUE, IPv6", "lan", {USER6("2001:db8:2::11"), .vlan = 10},
		 REDIRECTED("far"), .outer = &gue6, .to_vlan = 20, .to_outer_vlan = 100},
		{"DSR", "wan", {USER4("192.0.2.12")}, REDIRECTED("db"), .to_vlan = 10},
		{"DSR, tagged, IPv6", "lan", {USER6("2001:db8:2::12"), .vlan = 10},
		 .outcome = SLUICE_TX, .to = "db", .to_vlan = 10},
		{"tagged, to a backend without", "lan", {USER4("192.0.2.13"), .vlan = 10},
		 .outcome = SLUICE_TX, .to = "web"},
		{"tagged fragment", "lan", {USER4("192.0.2.12"), .fragment = IP_MF,
		 .payload = 44, .ip_id = 5, .vlan = 10}, .outcome = SLUICE_TX, .to = "db",
		 .to_vlan = 10},
		{"the fragment behind it", "lan", {USER4("192.0.2.12"), .fragment = 8,
		 .payload = 4, .ip_id = 5, .vlan = 10}, .outcome = SLUICE_TX, .to = "db",
		 .to_vlan = 10},
		{"to no service", "lan", {.src = "198.51.100.7", .dst = "192.0.2.10",
		 .dport = 81, .vlan = 10}, .outcome = SLUICE_NO_SERVICE},
	};
	/* clang-format on */

	CHECK(tests);
}

static void what_is_passed_keeps_its_tags(void)
{
	/* clang-format off */
	const struct packet inside = {.src = "198.51.100.7", .dst = "192.0.2.99", .dport = 80};
	const struct packet_test tests[] = {
		{"for this host", "lan", {.src = "10.10.2.21", .dst = "10.10.2.1", .vlan = 10},
		 .outcome = SLUICE_PASS_LOCAL},
		{"two tags", "wan", {.src = "10.10.3.21", .dst = "10.10.3.1", .dport = 80,
		 QINQ(20)}, .outcome = SLUICE_PASS_LOCAL},
		{"with a priority", "lan", {.src = "fd00:10:2::21", .dst = "fd00:10:2::1",
		 .vlan = 0xb00a}, .outcome = SLUICE_PASS_LOCAL},
		{"TTL spent", "lan", {.src = "10.10.2.21", .dst = "198.51.100.7", .vlan = 10,
		 .ttl = 1}, .outcome = SLUICE_PASS_TTL},
		{"ARP", "lan", {.src = "10.10.2.21", .dst = "10.10.2.1", .vlan = 10,
		 .ethertype = ETH_P_ARP}, .outcome = SLUICE_PASS_NOT_IP},
		{"a VLAN that only the stack may know", "lan", {.src = "10.10.2.21",
		 .dst = "198.51.100.7", .vlan = 11}, .outcome = SLUICE_PASS_NOT_IP},
		{"the same id under another tag", "lan", {.src = "10.10.2.21",
		 .dst = "198.51.100.7", .outer_vlan = 10}, .outcome = SLUICE_PASS_NOT_IP},
		{"a third tag", "lan", {.src = "10.10.2.21", .dst = "198.51.100.7",
		 .vlan = 10, .ethertype = ETH_P_8021Q}, .outcome = SLUICE_PASS_NOT_IP},
		{"what a tunnel brought", "lan", {.src = "10.10.1.21", .dst = "10.10.1.1",
		 .vlan = 10, .inner = &inside}, .outcome = SLUICE_PASS_LOCAL, .stripped = 20},
		{"of another host", "lan", {.src = "10.10.2.21", .dst = "10.10.2.1", .vlan = 10,
		 .poke = {{5, 0x99}}}, .outcome = SLUICE_PASS_OTHER_HOST},
	};
	/* clang-format on */

	CHECK(tests);
}

static void firewall_judges_what_is_tagged(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"a VLAN without a device", "wan", {USER4("10.10.1.21"), .vlan = 7},
		 .outcome = SLUICE_VLAN},
		{"the inner id alone", "wan", {USER4("10.10.1.21"), .vlan = 20},
		 .outcome = SLUICE_VLAN},
		{"another inner id", "wan", {USER4("10.10.1.21"), QINQ(21)},
		 .outcome = SLUICE_VLAN},
		{"a tag in the inner place", "wan", {USER4("10.10.1.21"), .outer_vlan = 100},
		 .outcome = SLUICE_VLAN},
		{"three tags", "wan", {USER4("10.10.1.21"), QINQ(20), .ethertype = ETH_P_8021Q},
		 .outcome = SLUICE_VLAN},
		{"what no rule accepts", "wan", {.src = "10.10.3.21", .dst = "10.10.1.21",
		 .dport = 22, QINQ(20)}, .outcome = SLUICE_POLICY_DEFAULT},
		{"an address that none may have", "wan", {.src = "127.0.0.1", .dst = "10.10.1.21",
		 .dport = 80, QINQ(20)}, .outcome = SLUICE_BAD_ADDRESS},
		{"nothing behind the tag", "wan", {USER4("10.10.1.21"), .vlan = 7, .cut = 42},
		 .outcome = SLUICE_MALFORMED},
		{"nothing behind the inner tag", "wan", {USER4("10.10.1.21"), QINQ(20),
		 .cut = 41}, .outcome = SLUICE_MALFORMED},
		{"half a header", "wan", {USER4("10.10.1.21"), QINQ(20), .cut = 30},
		 .outcome = SLUICE_MALFORMED},
	};
	/* clang-format on */

	CHECK(tests);
}

static void check_accepted(const struct sluice_vlan_range *ranges, size_t count,
			   const struct packet_test *tests, size_t test_count)
{
	struct interface *wan, *lan;
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	wan = model_interface(model_node(&tb.cluster, "fw"), "wan");
	lan = model_interface(model_node(&tb.cluster, "fw"), "lan");
	memcpy(wan->vlans, ranges, count * sizeof(*ranges));
	memcpy(lan->vlans, ranges, count * sizeof(*ranges));
	wan->vlan_count = lan->vlan_count = count;
	testbed_publish(&tb);
	put_devices(&tb);
	testbed_check(&tb, tests, test_count);
	testbed_down(&tb);
}

static void a_list_says_what_is_accepted(void)
{
	const struct sluice_vlan_range ranges[] = {{7, 7}, {30, 39}}, none[] = {{0, 0}};
	/* clang-format off */
	const struct packet_test tests[] = {
		{"an id, without a device", "wan", {USER4("10.10.1.21"), .vlan = 7}, ROUTED("web")},
		{"first of a range", "wan", {USER4("10.10.1.21"), .vlan = 30}, ROUTED("web")},
		{"last of a range", "wan", {USER4("10.10.1.21"), .vlan = 39}, ROUTED("web")},
		{"behind a range", "wan", {USER4("10.10.1.21"), .vlan = 40},
		 .outcome = SLUICE_VLAN},
		{"the outer id counts", "wan", {USER4("10.10.1.21"), .outer_vlan = 31, .vlan = 40},
		 ROUTED("web")},
		{"a device is not enough", "wan", {USER4("10.10.1.21"), QINQ(20)},
		 .outcome = SLUICE_VLAN},
		{"nor without a firewall", "lan", {.src = "10.10.2.21", .dst = "198.51.100.7",
		 .vlan = 10}, .outcome = SLUICE_VLAN},
		{"no tag", "wan", {USER4("10.10.1.21")}, ROUTED("web")},
	};
	const struct packet_test bare[] = {
		{"no tag", "wan", {USER4("10.10.1.21")}, ROUTED("web")},
		{"a priority", "wan", {USER4("10.10.1.21"), .vlan = 0x2000}, ROUTED("web")},
		{"a device", "lan", {.src = "10.10.2.21", .dst = "198.51.100.7", .vlan = 10},
		 .outcome = SLUICE_VLAN},
	};
	/* clang-format on */

	check_accepted(ranges, 2, tests, sizeof(tests) / sizeof(tests[0]));
	check_accepted(none, 1, bare, sizeof(bare) / sizeof(bare[0]));
}

/* Without the maps: a device that nothing is known of is one without Sluice. */
static void unknown_devices_are_not_sent_on(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"routed", "wan", {USER4("10.10.2.21")}, .outcome = SLUICE_NOT_ATTACHED},
		{"balanced", "wan", {USER4("192.0.2.10")}, .outcome = SLUICE_NOT_ATTACHED},
		{"on the express way", "lan", {USER4("192.0.2.10")},
		 .outcome = SLUICE_NOT_ATTACHED},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", config, tests);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(routed_frames_change_their_tags),
		UNIT_TEST(services_are_reached_on_vlans_and_reach_them),
		UNIT_TEST(what_is_passed_keeps_its_tags),
		UNIT_TEST(firewall_judges_what_is_tagged),
		UNIT_TEST(a_list_says_what_is_accepted),
		UNIT_TEST(unknown_devices_are_not_sent_on),
		{},
	};

	return unit_run("vlan", tests);
}
