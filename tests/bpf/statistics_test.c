/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What VIPs and backends sent is exact, and stays: through publications that move their
 * counters, and when the other half of a pair goes away.
 */
#include <stdio.h>
#include <string.h>

#include "../support/testbed.h"
#include "../support/unit.h"

/* A service of two VIPs; another whose backends are the same machines. */
static const char config[] =
	"{sluice: 1, cluster: test,"
	" nodes: {"
	"  lb: {interfaces: {eth0: {network: edge, address: 10.10.1.11/24, roles: [balancer]}}},"
	"  one: {interfaces: {eth0: {network: edge, address: 10.10.1.21/24}}},"
	"  two: {interfaces: {eth0: {network: edge, address: 10.10.1.22/24}}}},"
	" services: {"
	"  www: {vips: ['192.0.2.10:80', '192.0.2.11:80'], proto: tcp,"
	"   backends: {one: {}, two: {}}},"
	"  dns: {vips: ['192.0.2.10:53'], proto: udp, backends: {one: {}}}}}";

static struct sluice_load load_of_vip(const struct testbed *tb, const char *text, int proto)
{
	struct sluice_load load;
	struct vip vip;
	struct loads *loads;

	CU_ASSERT_FATAL(!vip_parse(text, &vip));
	CU_ASSERT_FATAL(!loads_read(&tb->dp, &loads));
	load = loads_of_vip(loads, &vip, proto);
	loads_free(loads);
	return load;
}

/* `flows` of them, two packets each. */
static void send_flows(struct testbed *tb, const char *dst, unsigned short port, unsigned flows)
{
	struct packet packet = {.src = "198.51.100.7",
				.dst = dst,
				.dport = port,
				.proto = port == 53 ? IPPROTO_UDP : IPPROTO_TCP,
				.payload = 10};

	for (unsigned i = 0; i < 2 * flows; i++) {
		packet.sport = (unsigned short)(20000 + i / 2);
		CU_ASSERT_EQUAL(testbed_send(tb, "eth0", &packet), SLUICE_TX);
	}
}

static void check(struct sluice_load load, __u64 flows, __u64 frame_bytes)
{
	CU_ASSERT_EQUAL(load.new_flows, flows);
	CU_ASSERT_EQUAL(load.sent.packets, 2 * flows);
	CU_ASSERT_EQUAL(load.sent.bytes, 2 * flows * frame_bytes);
}

#define TCP_FRAME (14 + 40 + 10)
#define UDP_FRAME (14 + 28 + 10)

static void vips_and_backends_are_sums_of_the_same_counters(void)
{
	struct sluice_load one, two;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	send_flows(&tb, "192.0.2.10", 80, 30);
	send_flows(&tb, "192.0.2.11", 80, 20);
	send_flows(&tb, "192.0.2.10", 53, 10);
	check(load_of_vip(&tb, "192.0.2.10:80", IPPROTO_TCP), 30, TCP_FRAME);
	check(load_of_vip(&tb, "192.0.2.11:80", IPPROTO_TCP), 20, TCP_FRAME);
	check(load_of_vip(&tb, "192.0.2.10:53", IPPROTO_UDP), 10, UDP_FRAME);
	check(load_of_vip(&tb, "192.0.2.11:53", IPPROTO_UDP), 0, UDP_FRAME);
	check(testbed_load(&tb, "dns", "one"), 10, UDP_FRAME);
	one = testbed_load(&tb, "www", "one");
	two = testbed_load(&tb, "www", "two");
	CU_ASSERT(one.new_flows && two.new_flows);
	check(one, one.new_flows, TCP_FRAME);
	check(two, 50 - one.new_flows, TCP_FRAME);
	testbed_down(&tb);
}

/* From 10.10.1.FIRST on. */
static void add_backends(struct testbed *tb, unsigned first, unsigned count)
{
	struct service *www = model_service(&tb->cluster, "www");
	char name[SLUICE_NAME_LEN];

	for (unsigned i = 0; i < count; i++) {
		struct backend *backend;

		snprintf(name, sizeof(name), "10.10.1.%u", first + i);
		backend = model_backend_add(www, name);
		CU_ASSERT_FATAL(backend && model_backend_resolve(&tb->cluster, backend));
		backend->admin = BACKEND_ADMIN_DOWN;
	}
	testbed_publish(tb);
}

/* 2 backends have a run of 2 counters, 20 need a longer one: the old counts are not lost. */
static void totals_survive_a_service_that_grows(void)
{
	struct sluice_load one;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	send_flows(&tb, "192.0.2.10", 80, 30);
	send_flows(&tb, "192.0.2.10", 53, 10);
	one = testbed_load(&tb, "www", "one");
	add_backends(&tb, 100, 18);
	check(load_of_vip(&tb, "192.0.2.10:80", IPPROTO_TCP), 30, TCP_FRAME);
	check(load_of_vip(&tb, "192.0.2.10:53", IPPROTO_UDP), 10, UDP_FRAME);
	check(testbed_load(&tb, "www", "one"), one.new_flows, TCP_FRAME);
	send_flows(&tb, "192.0.2.11", 80, 20);
	check(load_of_vip(&tb, "192.0.2.10:80", IPPROTO_TCP), 30, TCP_FRAME);
	check(load_of_vip(&tb, "192.0.2.11:80", IPPROTO_TCP), 20, TCP_FRAME);
	check(testbed_load(&tb, "www", "10.10.1.100"), 0, TCP_FRAME);
	testbed_down(&tb);
}

static void vip_keeps_what_it_sent_to_a_backend_that_goes(void)
{
	struct service *www;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	send_flows(&tb, "192.0.2.10", 80, 30);
	www = model_service(&tb.cluster, "www");
	model_backend_del(www, model_backend(www, "one"));
	testbed_publish(&tb);
	check(load_of_vip(&tb, "192.0.2.10:80", IPPROTO_TCP), 30, TCP_FRAME);
	/* And whoever takes its place has sent nothing yet. */
	add_backends(&tb, 100, 1);
	add_backends(&tb, 101, 1);
	check(load_of_vip(&tb, "192.0.2.10:80", IPPROTO_TCP), 30, TCP_FRAME);
	check(testbed_load(&tb, "www", "10.10.1.100"), 0, TCP_FRAME);
	check(testbed_load(&tb, "www", "10.10.1.101"), 0, TCP_FRAME);
	testbed_down(&tb);
}

static void backend_keeps_what_it_got_from_a_vip_that_goes(void)
{
	struct vip first, other;
	struct service *www;
	struct sluice_load one;
	struct testbed tb;

	CU_ASSERT_FATAL(!vip_parse("192.0.2.10:80", &first));
	CU_ASSERT_FATAL(!vip_parse("192.0.2.12:80", &other));
	testbed_up(&tb, "lb", config);
	send_flows(&tb, "192.0.2.10", 80, 30);
	one = testbed_load(&tb, "www", "one");
	www = model_service(&tb.cluster, "www");
	www->vips[0] = other;
	testbed_publish(&tb);
	check(testbed_load(&tb, "www", "one"), one.new_flows, TCP_FRAME);
	check(load_of_vip(&tb, "192.0.2.12:80", IPPROTO_TCP), 0, TCP_FRAME);
	send_flows(&tb, "192.0.2.12", 80, 20);
	check(load_of_vip(&tb, "192.0.2.12:80", IPPROTO_TCP), 20, TCP_FRAME);
	/* It comes back as a new one. */
	CU_ASSERT_FATAL(model_vip_add(www, &first) != NULL);
	testbed_publish(&tb);
	check(load_of_vip(&tb, "192.0.2.10:80", IPPROTO_TCP), 0, TCP_FRAME);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(vips_and_backends_are_sums_of_the_same_counters),
		UNIT_TEST(totals_survive_a_service_that_grows),
		UNIT_TEST(vip_keeps_what_it_sent_to_a_backend_that_goes),
		UNIT_TEST(backend_keeps_what_it_got_from_a_vip_that_goes),
		{},
	};

	return unit_run("statistics", tests);
}
