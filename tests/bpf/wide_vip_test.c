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

/* --- any set of VIPs -------------------------------------------------------- */

#define SETS	     6
#define VIPS	     60
#define PACKETS	     400
#define BACKEND_LINK 2 /* last octet of the link address of a, in whose service all begins */

static const char empty[] = NODES("balancer") "services: {"
					      " a: {vips: ['192.0.2.1:1'], backends: {a: {}}},"
					      " b: {vips: ['192.0.2.1:2'], backends: {b: {}}},"
					      " c: {vips: ['192.0.2.1:3'], backends: {c: {}}},"
					      " d: {vips: ['192.0.2.1:4'], proto: udp,"
					      "     backends: {d: {}}}}}";

static void random_address(struct random *random, bool v6, char text[ADDR_TEXT_LEN])
{
	unsigned high = random_below(random, 3), low = random_below(random, 4);

	if (v6)
		snprintf(text, ADDR_TEXT_LEN, "2001:db8:5:%x::%x", high, low);
	else
		snprintf(text, ADDR_TEXT_LEN, "198.18.%u.%u", high, low);
}

static struct vip random_vip(struct random *random)
{
	static const unsigned char bits4[] = {96 + 16, 96 + 24, 96 + 30, 128, 128};
	static const unsigned char bits6[] = {48, 64, 126, 128, 128};
	bool v6 = random_once_in(random, 2);
	struct sluice_addr mask;
	char text[ADDR_TEXT_LEN];
	struct vip vip;

	random_address(random, v6, text);
	CU_ASSERT_FATAL(!addr_parse(text, &vip.to.addr));
	vip.to.bits = (v6 ? bits6 : bits4)[random_below(random, 5)];
	mask = addr_mask(vip.to.bits);
	vip.to.addr = addr_and(&vip.to.addr, &mask);
	vip.ports.min = (unsigned short)(1 + random_below(random, 30));
	vip.ports.max = vip.ports.min;
	if (random_once_in(random, 2))
		vip.ports.max = (unsigned short)(vip.ports.min + random_below(random, 10));
	else if (random_once_in(random, 4))
		vip.ports = (struct port_range){0, 65535};
	return vip;
}

/* As many as the validation lets pass: what it lets pass must have one meaning. */
static void add_random_vips(struct random *random, struct cluster *cluster)
{
	for (unsigned i = 0; i < VIPS; i++) {
		struct service *service = &cluster->services[random_below(random, 4)];
		struct vip vip = random_vip(random), *added = model_vip_add(service, &vip);
		struct diag_list diags = {0};

		if (model_validate(cluster, &diags))
			model_vip_del(service, added);
		diag_fini(&diags);
	}
}

static bool is_narrower(const struct vip *a, const struct vip *b)
{
	if (a->to.bits != b->to.bits)
		return a->to.bits > b->to.bits;
	return vip_ports(a) > vip_ports(b);
}

/* The service's place in the file; -1: the address is no VIP's; -2: but the port is nobody's. */
static int expected_service(const struct cluster *cluster, const struct packet *packet)
{
	const struct vip *best = NULL;
	struct sluice_addr to;
	int found = -1;

	CU_ASSERT_FATAL(!addr_parse(packet->dst, &to));
	for (size_t s = 0; s < cluster->service_count; s++)
		for (size_t i = 0; i < cluster->services[s].vip_count; i++) {
			const struct vip *vip = &cluster->services[s].vips[i];

			if (!prefix_contains(&vip->to, &to))
				continue;
			if (found == -1)
				found = -2;
			if (cluster->services[s].proto != packet->proto ||
			    packet->dport < vip->ports.min || packet->dport > vip->ports.max ||
			    (best && !is_narrower(vip, best)))
				continue;
			best = vip;
			found = (int)s;
		}
	return found;
}

static int seen_service(struct testbed *tb, const struct packet *packet)
{
	struct frame frame;
	struct run run;

	testbed_frame(tb, "eth0", packet, &frame);
	testbed_run(tb, "eth0", &frame, &run);
	if (run.outcome == SLUICE_TX)
		return run.frame.bytes[ETH_ALEN - 2] - BACKEND_LINK;
	return run.outcome == SLUICE_NO_SERVICE ? -2 : -1;
}

static void send_random_packets(struct random *random, struct testbed *tb)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		bool v6 = random_once_in(random, 2);
		char to[ADDR_TEXT_LEN];
		struct packet packet = {.src = v6 ? "2001:db8:51::7" : "198.51.100.7",
					.dst = to,
					.proto = random_once_in(random, 3) ? IPPROTO_UDP
									   : IPPROTO_TCP,
					.sport = (unsigned short)(40000 + i),
					.dport = (unsigned short)random_below(random, 45)};
		int seen, expected;

		random_address(random, v6, to);
		expected = expected_service(&tb->cluster, &packet);
		seen = seen_service(tb, &packet);
		if (seen != expected)
			printf("\n    to %s port %u: service %d, expected %d\n", to, packet.dport,
			       seen, expected);
		CU_ASSERT_EQUAL(seen, expected);
	}
}

static void any_set_of_vips_means_what_its_order_says(void)
{
	struct random random;

	random_init(&random, 7);
	for (unsigned i = 0; i < SETS; i++) {
		struct testbed tb;

		testbed_up(&tb, "lb", empty);
		add_random_vips(&random, &tb.cluster);
		testbed_publish(&tb);
		send_random_packets(&random, &tb);
		testbed_down(&tb);
	}
}

/* --- flows ------------------------------------------------------------------ */

static const char pool[] =
	NODES("balancer") "services: {"
			  " a: {vips: ['198.18.0.0/16:*', '[2001:db8:5::/48]:*'],"
			  "     backends: {a: {}, b: {}, c: {}}}}}";

/* Whom the ring would send elsewhere now: the flow alone knows. */
static void check_flows_stay(struct testbed *tb, const char *src, const char *dst)
{
	struct packet packet = {.src = src, .dst = dst, .dport = 1000};
	int before[64];

	for (unsigned i = 0; i < 64; i++) {
		packet.sport = (unsigned short)(40000 + i);
		packet.flags = TCP_SYN;
		before[i] = seen_service(tb, &packet);
		packet.flags = TCP_ACK;
		CU_ASSERT_EQUAL(seen_service(tb, &packet), before[i]);
	}
	model_backend(&tb->cluster.services[0], "b")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(tb);
	for (unsigned i = 0; i < 64; i++) {
		packet.sport = (unsigned short)(40000 + i);
		CU_ASSERT_EQUAL(seen_service(tb, &packet), before[i]);
	}
	model_backend(&tb->cluster.services[0], "b")->admin = BACKEND_ADMIN_UP;
	testbed_publish(tb);
}

static void flow_to_a_wide_vip_stays_with_its_backend(void)
{
	struct testbed tb;

	testbed_up(&tb, "lb", pool);
	check_flows_stay(&tb, "198.51.100.7", "198.18.3.4");
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 64);
	check_flows_stay(&tb, "198.51.100.7", "198.18.3.5");
	check_flows_stay(&tb, "2001:db8:51::7", "2001:db8:5::4");
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 192);
	testbed_down(&tb);
}

/* --- many ------------------------------------------------------------------- */

#define MANY 4000

static void add_many(struct cluster *cluster)
{
	for (unsigned i = 0; i < MANY; i++) {
		char name[SLUICE_NAME_LEN], text[VIP_TEXT_LEN];
		struct service *service;
		struct vip vip;

		snprintf(name, sizeof(name), "many-%u", i % (MANY / 4));
		snprintf(text, sizeof(text), "203.0.%u.%u:443", i / 250, i % 250 + 1);
		service = model_service(cluster, name);
		if (!service) {
			service = model_service_add(cluster, name);
			CU_ASSERT_FATAL(service != NULL);
			for (unsigned b = 0; b < 4; b++) {
				const char names[][2] = {"a", "b", "c", "d"};

				CU_ASSERT(model_backend_resolve(
					cluster, model_backend_add(service, names[b])));
			}
		}
		CU_ASSERT_FATAL(!vip_parse(text, &vip));
		CU_ASSERT(model_vip_add(service, &vip) != NULL);
	}
}

static void thousands_of_vips_each_answer(void)
{
	struct testbed tb;
	unsigned answered = 0;

	testbed_up(&tb, "lb", empty);
	add_many(&tb.cluster);
	testbed_publish(&tb);
	for (unsigned i = 0; i < MANY; i++) {
		char to[ADDR_TEXT_LEN];
		struct packet packet = {.src = "198.51.100.7", .dst = to, .dport = 443};

		packet.sport = (unsigned short)(1024 + i);
		snprintf(to, sizeof(to), "203.0.%u.%u", i / 250, i % 250 + 1);
		answered += seen_service(&tb, &packet) >= 0;
	}
	CU_ASSERT_EQUAL(answered, MANY);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(one_port_goes_before_a_range_and_that_before_all),
		UNIT_TEST(longest_prefix_goes_first_and_leaves_the_rest_to_the_wider),
		UNIT_TEST(any_set_of_vips_means_what_its_order_says),
		UNIT_TEST(flow_to_a_wide_vip_stays_with_its_backend),
		UNIT_TEST(thousands_of_vips_each_answer),
		{},
	};

	return unit_run("wide_vip", tests);
}
