/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The scheduling options of a service, by what packets do: affinity to the client's
 * address, backup backends, the panic threshold, slow start.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../support/testbed.h"
#include "../support/unit.h"

#define CLIENTS 40
#define PORTS	6

/* Backends a, b, c and d are neighbours, told apart by the last byte of their addresses. */
static const char farm[] =
	"{sluice: 1, cluster: test,"
	" nodes: {"
	"  lb1: &lb {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.11/24, 'fd00:10:1::11/64'], roles: [balancer]}}},"
	"  lb2: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.12/24, 'fd00:10:1::12/64'], roles: [balancer]}}},"
	"  a: {interfaces: {eth0: {network: edge, address: [10.10.1.1/24, 'fd00:10:1::1/64']}}},"
	"  b: {interfaces: {eth0: {network: edge, address: [10.10.1.2/24, 'fd00:10:1::2/64']}}},"
	"  c: {interfaces: {eth0: {network: edge, address: [10.10.1.3/24, 'fd00:10:1::3/64']}}},"
	"  d: {interfaces: {eth0: {network: edge, address: [10.10.1.4/24, 'fd00:10:1::4/64']}}}},"
	" services: {"
	"  www: {vips: ['192.0.2.10:80', '192.0.2.10:443', '[2001:db8:2::10]:80'], proto: tcp,"
	"   backends: {a: {}, b: {}, c: {}, d: {}}, check: {type: tcp}},"
	"  dns: {vips: ['192.0.2.10:53'], proto: udp, backends: {a: {}, b: {}, c: {}, d: {}}}}}";

static struct testbed tb;

static struct service *service(const char *name)
{
	return model_service(&tb.cluster, name);
}

static struct backend *backend(const char *name)
{
	return model_backend(service("www"), name);
}

/* 1 to 4 for a to d; 0: not sent. */
static int backend_of(const struct packet *packet)
{
	struct frame frame;
	struct run run;

	testbed_frame(&tb, "eth0", packet, &frame);
	testbed_run(&tb, "eth0", &frame, &run);
	if (run.outcome != SLUICE_TX)
		return 0;
	return run.frame.bytes[(packet_is_v6(packet) ? FRAME_IP6 : FRAME_IP4) - 1];
}

/* --- affinity ------------------------------------------------------------------ */

static int backend_of_client(const char *src, const char *dst, unsigned char proto,
			     unsigned short sport, unsigned short dport)
{
	struct packet packet = {
		.src = src, .dst = dst, .proto = proto, .sport = sport, .dport = dport};

	return backend_of(&packet);
}

/* How many clients have all their flows on one backend, over ports of client and VIP. */
static unsigned count_loyal(const char *format, const char *dst)
{
	unsigned loyal = 0;

	for (unsigned i = 0; i < CLIENTS; i++) {
		char src[ADDR_TEXT_LEN];
		bool same = true;
		int first;

		snprintf(src, sizeof(src), format, i);
		first = backend_of_client(src, dst, IPPROTO_TCP, 1024, 80);
		for (unsigned k = 1; k < PORTS; k++)
			same &= backend_of_client(src, dst, IPPROTO_TCP,
						  (unsigned short)(1024 + k * 7919), 80) == first;
		loyal += same;
	}
	return loyal;
}

static void affinity_ignores_the_ports(void)
{
	testbed_up(&tb, "lb1", farm);
	CU_ASSERT(count_loyal("100.64.0.%u", "192.0.2.10") < CLIENTS / 4);
	service("www")->affinity = AFFINITY_SOURCE;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(count_loyal("100.64.1.%u", "192.0.2.10"), CLIENTS);
	CU_ASSERT_EQUAL(count_loyal("2001:db8:51::%x", "2001:db8:2::10"), CLIENTS);
	testbed_down(&tb);
}

/* HTTP and HTTPS of one client, TCP and UDP: rings of the same backends, the same entry. */
static void affinity_joins_the_ports_of_a_vip(void)
{
	unsigned used[5] = {0};

	testbed_up(&tb, "lb1", farm);
	service("www")->affinity = AFFINITY_SOURCE;
	service("dns")->affinity = AFFINITY_SOURCE;
	testbed_publish(&tb);
	for (unsigned i = 0; i < CLIENTS; i++) {
		char src[ADDR_TEXT_LEN];
		int chosen;

		snprintf(src, sizeof(src), "100.64.2.%u", i);
		chosen = backend_of_client(src, "192.0.2.10", IPPROTO_TCP, 1024, 80);
		used[chosen]++;
		CU_ASSERT_EQUAL(backend_of_client(src, "192.0.2.10", IPPROTO_TCP, 1025, 443),
				chosen);
		CU_ASSERT_EQUAL(backend_of_client(src, "192.0.2.10", IPPROTO_UDP, 1026, 53),
				chosen);
	}
	CU_ASSERT(!used[0] && used[1] && used[2] && used[3] && used[4]);
	testbed_down(&tb);
}

static void affinity_by_64_holds_a_network_together(void)
{
	unsigned alike = 0;
	int first;

	testbed_up(&tb, "lb1", farm);
	service("www")->affinity = AFFINITY_SOURCE64;
	testbed_publish(&tb);
	first = backend_of_client("2001:db8:51::1", "2001:db8:2::10", IPPROTO_TCP, 1024, 80);
	CU_ASSERT_EQUAL(
		backend_of_client("2001:db8:51::ffff:2", "2001:db8:2::10", IPPROTO_TCP, 1024, 80),
		first);
	CU_ASSERT_EQUAL(count_loyal("100.64.3.%u", "192.0.2.10"), CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++) {
		char v4[ADDR_TEXT_LEN], v6[ADDR_TEXT_LEN];

		snprintf(v4, sizeof(v4), "100.64.4.%u", i);
		snprintf(v6, sizeof(v6), "2001:db8:51:%x::1", i);
		alike += backend_of_client(v4, "192.0.2.10", IPPROTO_TCP, 1024, 80) == first;
		alike += backend_of_client(v6, "2001:db8:2::10", IPPROTO_TCP, 1024, 80) == first;
	}
	CU_ASSERT(alike > CLIENTS / 8 && alike < CLIENTS);
	testbed_down(&tb);
}

static void choose_for_clients(const char *node, int chosen[CLIENTS])
{
	testbed_up(&tb, node, farm);
	service("www")->affinity = AFFINITY_SOURCE;
	backend("b")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(&tb);
	for (unsigned i = 0; i < CLIENTS; i++) {
		char src[ADDR_TEXT_LEN];

		snprintf(src, sizeof(src), "100.64.5.%u", i);
		chosen[i] = backend_of_client(src, "192.0.2.10", IPPROTO_TCP,
					      (unsigned short)(1024 + i), 80);
	}
	testbed_down(&tb);
}

static void affinity_is_the_same_on_every_balancer(void)
{
	int one[CLIENTS], other[CLIENTS];

	choose_for_clients("lb1", one);
	choose_for_clients("lb2", other);
	CU_ASSERT_EQUAL(memcmp(one, other, sizeof(one)), 0);
}

/* --- who serves ------------------------------------------------------------------ */

/* Bit i: backend i got one of some new flows, whose client is in network `net`. */
static unsigned serving(unsigned net)
{
	unsigned used = 0;

	for (unsigned i = 0; i < CLIENTS; i++) {
		char src[ADDR_TEXT_LEN];

		snprintf(src, sizeof(src), "100.64.%u.%u", net, i);
		used |= 1U << backend_of_client(src, "192.0.2.10", IPPROTO_TCP, 1024, 80);
	}
	return used;
}

static void set_health(const char *name, bool healthy)
{
	struct backend_health health = {"www", name, .healthy = healthy};

	CU_ASSERT_EQUAL(dataplane_set_health(&tb.dp, &tb.cluster, &health, 1), 0);
}

/* Health outlives configurations, and so what testbed_down() does. */
static void all_well_and_down(void)
{
	for (char name[] = "a"; *name <= 'd'; (*name)++)
		set_health(name, true);
	testbed_down(&tb);
}

#define A (1U << 1)
#define B (1U << 2)
#define C (1U << 3)
#define D (1U << 4)

static void backups_take_over_and_hand_back(void)
{
	testbed_up(&tb, "lb1", farm);
	backend("c")->backup = backend("d")->backup = true;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(serving(10), A | B);
	set_health("a", false);
	CU_ASSERT_EQUAL(serving(11), B);
	set_health("b", false);
	CU_ASSERT_EQUAL(serving(12), C | D);
	/* New flows go back at once; those that the backups have stay with them. */
	set_health("a", true);
	CU_ASSERT_EQUAL(serving(13), A);
	CU_ASSERT_EQUAL(serving(12), C | D);
	all_well_and_down();
}

static void few_healthy_backends_are_panic(void)
{
	testbed_up(&tb, "lb1", farm);
	service("www")->panic_percent = 50;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(serving(20), A | B | C | D);
	set_health("a", false);
	set_health("b", false);
	CU_ASSERT_EQUAL(serving(21), C | D);
	set_health("c", false);
	CU_ASSERT_EQUAL(serving(22), A | B | C | D);
	/* And flows stay with those whose health is not believed. */
	CU_ASSERT_EQUAL(serving(22), A | B | C | D);
	set_health("b", true);
	CU_ASSERT_EQUAL(serving(23), B | D);
	all_well_and_down();
}

/* A publication in the midst of it changes nothing. */
static void panic_outlives_a_publication(void)
{
	testbed_up(&tb, "lb1", farm);
	service("www")->panic_percent = 50;
	testbed_publish(&tb);
	for (char name[] = "a"; *name < 'd'; (*name)++)
		set_health(name, false);
	CU_ASSERT_EQUAL(serving(30), A | B | C | D);
	backend("d")->weight = 50;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(serving(30), A | B | C | D);
	service("www")->panic_percent = 25;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(serving(31), D);
	all_well_and_down();
}

/* --- slow start ------------------------------------------------------------------ */

static unsigned count_of(int wanted, unsigned net)
{
	unsigned count = 0;

	for (unsigned i = 0; i < 250; i++) {
		char src[ADDR_TEXT_LEN];

		snprintf(src, sizeof(src), "100.64.%u.%u", net, i);
		count += backend_of_client(src, "192.0.2.10", IPPROTO_TCP, 1024, 80) == wanted;
	}
	return count;
}

static void slow_start_gives_a_part_of_the_share(void)
{
	struct backend_health starting = {"www", "a", .healthy = true, .share = 10};

	testbed_up(&tb, "lb1", farm);
	service("www")->slow_start_ms = 30000;
	testbed_publish(&tb);
	CU_ASSERT(count_of(1, 40) > 40);
	CU_ASSERT_EQUAL(dataplane_set_health(&tb.dp, &tb.cluster, &starting, 1), 0);
	CU_ASSERT(count_of(1, 41) < 20);
	starting.share = 100;
	CU_ASSERT_EQUAL(dataplane_set_health(&tb.dp, &tb.cluster, &starting, 1), 0);
	CU_ASSERT(count_of(1, 42) > 40);
	all_well_and_down();
}

/* Nobody would take it any further. */
static void without_an_agent_a_backend_starts_with_all_its_weight(void)
{
	testbed_up(&tb, "lb1", farm);
	service("www")->slow_start_ms = 30000;
	backend("a")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(count_of(1, 43), 0);
	backend("a")->admin = BACKEND_ADMIN_UP;
	testbed_publish(&tb);
	CU_ASSERT(count_of(1, 44) > 40);
	all_well_and_down();
}

/* Its lock is all that tells of an agent. */
static void with_an_agent_a_backend_that_is_undrained_starts_slowly(void)
{
	char path[512];
	int fd;

	testbed_up(&tb, "lb1", farm);
	service("www")->slow_start_ms = 30000;
	backend("a")->admin = BACKEND_ADMIN_DRAIN;
	testbed_publish(&tb);
	snprintf(path, sizeof(path), AGENT_LOCK_PATH, pins_root(), "lb1");
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CU_ASSERT_FATAL(fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB));
	backend("a")->admin = BACKEND_ADMIN_UP;
	testbed_publish(&tb);
	CU_ASSERT(count_of(1, 45) < 20);
	CU_ASSERT(count_of(2, 45) > 40);
	close(fd);
	unlink(path);
	all_well_and_down();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(affinity_ignores_the_ports),
		UNIT_TEST(affinity_joins_the_ports_of_a_vip),
		UNIT_TEST(affinity_by_64_holds_a_network_together),
		UNIT_TEST(affinity_is_the_same_on_every_balancer),
		UNIT_TEST(backups_take_over_and_hand_back),
		UNIT_TEST(few_healthy_backends_are_panic),
		UNIT_TEST(panic_outlives_a_publication),
		UNIT_TEST(slow_start_gives_a_part_of_the_share),
		UNIT_TEST(without_an_agent_a_backend_starts_with_all_its_weight),
		UNIT_TEST(with_an_agent_a_backend_that_is_undrained_starts_slowly),
		{},
	};

	return unit_run("schedule", tests);
}
