/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * QUIC: connection IDs that name a backend, and all that is balanced as any UDP packet.
 */
#include <stdio.h>
#include <string.h>

#include "../support/testbed.h"
#include "../support/unit.h"

#define UDP_PAYLOAD4 (FRAME_IP4 + 8)
#define UDP_PAYLOAD6 (FRAME_IP6 + 8)

/* Its link address ends with a node's place in the file; "c" has the id of its address. */
static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 4096},"
	" nodes: {"
	"  lb: {interfaces: {eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'],"
	"       roles: %s}}},"
	"  a: {interfaces: {eth0: {network: edge, address: [10.10.1.21/24, 'fd00:10:1::21/64']}}},"
	"  b: {interfaces: {eth0: {network: edge, address: [10.10.1.22/24, 'fd00:10:1::22/64']}}},"
	"  c: {interfaces: {eth0: {network: edge, address: [10.10.1.23/24, 'fd00:10:1::23/64']}}},"
	"  d: {interfaces: {eth0: {network: edge, address: [10.10.1.24/24, 'fd00:10:1::24/64']}}}},"
	" services: {"
	"  web: {vips: ['192.0.2.10:443', '[2001:db8:2::10]:443', '198.51.100.0/24:*'],"
	"   proto: udp, quic: 2,"
	"   backends: {a: {server-id: 0x0001}, b: {server-id: 0xfa02}, c: {},"
	"              d: {server-id: 0x0404, state: drain}}},"
	"  down: {vips: ['192.0.2.10:444'], proto: udp, quic: 2,"
	"   backends: {a: {}, b: {server-id: 0x0202, state: down}}}},"
	" policies: {p: {default: accept}}}";

enum { NOBODY = 0, A = 2, B, C, D };

struct cid_test {
	const char *name;
	unsigned char first, layout, id[2];
	int backend; /* NOBODY: whoever gets a UDP packet of these ports */
};

static const struct cid_test cid_tests[] = {
	{"an id", 0x40, 0x00, {0x00, 0x01}, A},
	{"another", 0x40, 0x08, {0xfa, 0x02}, B},
	{"one that the address gives", 0x40, 0x40, {0x01, 0x17}, C},
	{"of a backend that drains", 0x40, 0x00, {0x04, 0x04}, D},
	{"all other bits of the first octet are the connection's", 0x7f, 0x00, {0x00, 0x01}, A},
	{"a fixed bit that is greased", 0x00, 0x00, {0x00, 0x01}, A},
	{"the last configuration", 0x40, 0xdf, {0x00, 0x01}, A},
	{"no configuration", 0x40, 0xe0, {0x00, 0x01}, NOBODY},
	{"an id that is nobody's", 0x40, 0x00, {0x00, 0x02}, NOBODY},
	{"a long header", 0xc0, 0x00, {0x00, 0x01}, NOBODY},
};

/* The backend's place in the file; 0: it did not leave. */
static int backend_of(struct testbed *tb, const struct packet *packet)
{
	struct frame frame;
	struct run run;

	testbed_frame(tb, "eth0", packet, &frame);
	testbed_run(tb, "eth0", &frame, &run);
	return run.outcome == SLUICE_TX ? run.frame.bytes[ETH_ALEN - 2] : 0;
}

static struct packet quic_packet(const struct cid_test *test, bool v6, unsigned short sport)
{
	unsigned short at = v6 ? UDP_PAYLOAD6 : UDP_PAYLOAD4;

	return (struct packet){
		.src = v6 ? "2001:db8:51::7" : "198.51.100.7",
		.dst = v6 ? "2001:db8:2::10" : "192.0.2.10",
		.proto = IPPROTO_UDP,
		.sport = sport,
		.dport = 443,
		.payload = 32,
		.poke = {{at, test->first},
			 {(unsigned short)(at + 1), test->layout},
			 {(unsigned short)(at + 2), test->id[0]},
			 {(unsigned short)(at + 3), test->id[1]}},
	};
}

static void check_cid(struct testbed *tb, const struct cid_test *test, bool v6,
		      unsigned short sport)
{
	struct packet packet = quic_packet(test, v6, sport), udp = packet;
	int expected = test->backend, seen;

	udp.payload = 4; /* too short for QUIC */
	udp.poke[0] = udp.poke[1] = udp.poke[2] = udp.poke[3] = (struct poke){};
	if (expected == NOBODY)
		expected = backend_of(tb, &udp);
	seen = backend_of(tb, &packet);
	if (seen != expected)
		printf("\n    %s, IPv%d, port %u: backend %d, expected %d\n", test->name,
		       v6 ? 6 : 4, sport, seen, expected);
	CU_ASSERT(expected != 0);
	CU_ASSERT_EQUAL(seen, expected);
}

static void check_roles(const char *roles)
{
	struct testbed tb;
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), config, roles);
	testbed_up(&tb, "lb", yaml);
	for (size_t i = 0; i < sizeof(cid_tests) / sizeof(cid_tests[0]); i++)
		for (unsigned short sport = 40000; sport < 40008; sport++) {
			check_cid(&tb, &cid_tests[i], false, sport);
			check_cid(&tb, &cid_tests[i], true, sport);
		}
	testbed_down(&tb);
}

static void connection_id_names_the_backend_wherever_the_client_is(void)
{
	check_roles("[balancer]");
	check_roles("[firewall, balancer], policy: p");
}

static void wide_vip_knows_connection_ids(void)
{
	struct packet packet = quic_packet(&cid_tests[1], false, 40000);
	struct testbed tb;
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), config, "[balancer]");
	testbed_up(&tb, "lb", yaml);
	packet.src = "203.0.113.1";
	packet.dst = "198.51.100.77";
	for (packet.dport = 1; packet.dport < 1000; packet.dport += 111)
		CU_ASSERT_EQUAL(backend_of(&tb, &packet), B);
	testbed_down(&tb);
}

static void backend_that_is_down_is_not_used(void)
{
	struct cid_test test = {.first = 0x40, .id = {0x02, 0x02}};
	struct packet packet = quic_packet(&test, false, 40000);
	struct testbed tb;
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), config, "[balancer]");
	testbed_up(&tb, "lb", yaml);
	packet.dport = 444;
	CU_ASSERT_EQUAL(backend_of(&tb, &packet), A);
	testbed_down(&tb);
}

/* The flow table is for those who have nothing else to go by. */
static void connection_id_takes_no_flow(void)
{
	struct packet packet = quic_packet(&cid_tests[0], false, 40000);
	struct testbed tb;
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), config, "[balancer]");
	testbed_up(&tb, "lb", yaml);
	CU_ASSERT_EQUAL(backend_of(&tb, &packet), A);
	CU_ASSERT_EQUAL(backend_of(&tb, &packet), A);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	testbed_down(&tb);
}

/* A later fragment names no backend: the one that it came to first gets the whole datagram. */
static void datagram_in_pieces_stays_whole(void)
{
	struct packet first = quic_packet(&cid_tests[0], false, 40000), later = first;
	struct testbed tb;
	char yaml[2048];
	unsigned elsewhere = 0;

	snprintf(yaml, sizeof(yaml), config, "[balancer]");
	testbed_up(&tb, "lb", yaml);
	memset(later.poke, 0, sizeof(later.poke));
	first.payload = 56;
	first.fragment = IP_MF;
	later.payload = 32;
	later.fragment = 8;
	for (unsigned short id = 1; id <= 16; id++) {
		char src[16];
		int one;

		snprintf(src, sizeof(src), "198.51.100.%u", id);
		first.src = later.src = src;
		first.ip_id = later.ip_id = id;
		one = backend_of(&tb, &later);
		CU_ASSERT(one != 0);
		CU_ASSERT_EQUAL(backend_of(&tb, &first), one);
		elsewhere += one != A;
		first.ip_id = later.ip_id = (unsigned short)(id + 100);
		CU_ASSERT_EQUAL(backend_of(&tb, &first), A);
		CU_ASSERT_EQUAL(backend_of(&tb, &later), A);
	}
	CU_ASSERT(elsewhere > 0);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(connection_id_names_the_backend_wherever_the_client_is),
		UNIT_TEST(wide_vip_knows_connection_ids),
		UNIT_TEST(backend_that_is_down_is_not_used),
		UNIT_TEST(connection_id_takes_no_flow),
		UNIT_TEST(datagram_in_pieces_stays_whole),
		{},
	};

	return unit_run("quic", tests);
}
