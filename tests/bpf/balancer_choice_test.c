/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which backend gets a flow, and for how long: shares, equal choice on all
 * balancers, drain, health, ports used again, and the ICMP errors of a flow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/testbed.h"
#include "../support/unit.h"

#define TO4(port) .src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = port
#define TO6(port) .src = "2001:db8:51::7", .dst = "2001:db8:2::10", .sport = 40000, .dport = port

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
	struct backend_health dead = {"www", "b", .healthy = false},
			      well = {"www", "b", .healthy = true};
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
	flow.backend = SLUICE_MAX_BACKENDS - 1;
	testbed_set_flow(&tb, &packet, &flow);
	CU_ASSERT_EQUAL(backend_of(&tb, &packet), chosen);
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

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(flows_are_spread_by_weight),
		UNIT_TEST(connections_of_one_client_are_spread),
		UNIT_TEST(clients_with_one_port_are_spread),
		UNIT_TEST(balancers_with_other_histories_choose_alike),
		UNIT_TEST(new_ring_moves_no_flow),
		UNIT_TEST(drained_backend_keeps_its_flows_and_gets_no_new_ones),
		UNIT_TEST(flows_of_a_backend_that_is_down_move),
		UNIT_TEST(flows_of_an_unhealthy_backend_move_and_stay_there),
		UNIT_TEST(slot_used_again_inherits_no_flow),
		UNIT_TEST(flow_that_names_no_backend_is_picked_anew),
		UNIT_TEST(port_used_again_is_a_new_flow),
		UNIT_TEST(syn_sent_again_is_not),
		UNIT_TEST(icmp_error_goes_to_the_backend_of_its_flow),
		UNIT_TEST(icmp_error_without_flow_goes_where_the_ring_says),
		{},
	};

	return unit_run("balancer-choice", tests);
}
