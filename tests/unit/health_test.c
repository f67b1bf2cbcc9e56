/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Own checks and what is made of them: rise and fall, the merge of several
 * balancers' views, and a roster that forgets nothing when it is rebuilt.
 */
#include <string.h>

#include "../../userspace/agent/roster.h"
#include "../support/unit.h"

#define UP   OPINION_UP
#define DOWN OPINION_DOWN
#define NONE OPINION_NONE

/* --- rise and fall ---------------------------------------------------------------- */

static void falls_after_fall_bad_results_in_a_row(void)
{
	struct health health = {.up = true};

	CU_ASSERT_FALSE(health_result(&health, false, 2, 3));
	CU_ASSERT_FALSE(health_result(&health, false, 2, 3));
	CU_ASSERT_TRUE(health.up);
	CU_ASSERT_TRUE(health_result(&health, false, 2, 3));
	CU_ASSERT_FALSE(health.up);
}

static void rises_after_rise_good_results_in_a_row(void)
{
	struct health health = {.up = false};

	CU_ASSERT_FALSE(health_result(&health, true, 2, 3));
	CU_ASSERT_TRUE(health_result(&health, true, 2, 3));
	CU_ASSERT_TRUE(health.up);
	CU_ASSERT_FALSE(health_result(&health, true, 2, 3));
}

static void one_good_result_begins_the_count_anew(void)
{
	struct health health = {.up = true};

	for (int i = 0; i < 10; i++) {
		CU_ASSERT_FALSE(health_result(&health, false, 2, 2));
		CU_ASSERT_FALSE(health_result(&health, true, 2, 2));
	}
	CU_ASSERT_TRUE(health.up);
}

/* --- merge ------------------------------------------------------------------------- */

static void merge(const struct observer *observers, size_t count, bool up[3])
{
	agreement_merge(observers, count, 3, up);
}

static void one_who_sees_it_down_is_enough(void)
{
	const struct observer observers[] = {
		{.opinions = (const unsigned char[]){UP, UP, UP}},
		{.opinions = (const unsigned char[]){UP, DOWN, UP}},
	};
	bool up[3];

	merge(observers, 2, up);
	CU_ASSERT(up[0] && !up[1] && up[2]);
}

static void merge_does_not_depend_on_order(void)
{
	const struct observer one[] = {
		{.opinions = (const unsigned char[]){UP, DOWN, UP}},
		{.opinions = (const unsigned char[]){NONE, UP, UP}},
		{.blind = true, .opinions = (const unsigned char[]){DOWN, DOWN, DOWN}},
	};
	const struct observer other[] = {one[2], one[0], one[1]};
	bool up[3], up_other[3];

	merge(one, 3, up);
	merge(other, 3, up_other);
	CU_ASSERT_EQUAL(memcmp(up, up_other, sizeof(up)), 0);
	CU_ASSERT(up[0] && !up[1] && up[2]);
}

static void blind_observer_is_not_believed(void)
{
	const struct observer observers[] = {
		{.blind = true, .opinions = (const unsigned char[]){DOWN, DOWN, DOWN}},
		{.opinions = (const unsigned char[]){UP, UP, DOWN}},
	};
	bool up[3];

	merge(observers, 2, up);
	CU_ASSERT(up[0] && up[1] && !up[2]);
}

static void all_are_believed_if_all_are_blind(void)
{
	const struct observer observers[] = {
		{.blind = true, .opinions = (const unsigned char[]){DOWN, DOWN, DOWN}},
		{.blind = true, .opinions = (const unsigned char[]){DOWN, DOWN, DOWN}},
	};
	bool up[3];

	merge(observers, 2, up);
	CU_ASSERT(!up[0] && !up[1] && !up[2]);
}

/* Each sees another one down: what serves then is the schedule's question. */
static void views_may_leave_nothing_together(void)
{
	const struct observer observers[] = {
		{.opinions = (const unsigned char[]){UP, DOWN, DOWN}},
		{.opinions = (const unsigned char[]){DOWN, UP, UP}},
	};
	bool up[3];

	merge(observers, 2, up);
	CU_ASSERT(!up[0] && !up[1] && !up[2]);
}

/* --- roster ------------------------------------------------------------------------- */

static struct cluster cluster;

static struct service *add_service(const char *name, size_t backends)
{
	struct vip vip = {.to = {addr_from_v4(htonl(0xc000020a)), 128}, .ports = {443, 443}};
	struct service *service = model_service_add(&cluster, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(service);
	service->proto = IPPROTO_TCP;
	service->check.type = CHECK_TCP;
	CU_ASSERT_PTR_NOT_NULL_FATAL(model_vip_add(service, &vip));
	for (size_t i = 0; i < backends; i++) {
		char text[] = {'b', (char)('0' + i), '\0'};
		struct backend *backend = model_backend_add(service, text);

		CU_ASSERT_PTR_NOT_NULL_FATAL(backend);
		backend->has4 = backend->has6 = true;
		backend->addr4 = addr_from_v4(htonl(0x0a000000 + (unsigned)i));
		backend->addr6.bytes[0] = 0xfd;
	}
	return service;
}

static void rebuild(struct roster *roster)
{
	struct roster next;

	CU_ASSERT_EQUAL_FATAL(roster_build(&next, roster, &cluster, &(struct node){}), 0);
	roster_fini(roster);
	*roster = next;
}

static void rebuilt_roster_keeps_what_it_knew(void)
{
	struct roster roster = {0};
	struct backend_state *before;

	model_init(&cluster);
	add_service("www", 3);
	rebuild(&roster);
	before = roster.services[0].backends[1];
	before->own.up = false;
	before->reports[4] = (struct report){.heard_ns = 7, .opinion = DOWN};
	roster.services[0].reports[4].heard_ns = 7;

	/* Another service before it, a backend fewer. */
	model_backend_del(&cluster.services[0], model_backend(&cluster.services[0], "b0"));
	add_service("api", 1);
	rebuild(&roster);
	CU_ASSERT_EQUAL(roster.service_count, 2);
	CU_ASSERT_EQUAL(roster.services[0].backend_count, 2);
	CU_ASSERT_PTR_EQUAL(roster.services[0].backends[0], before);
	CU_ASSERT_PTR_EQUAL(before->service, &roster.services[0]);
	CU_ASSERT_FALSE(before->own.up);
	CU_ASSERT_EQUAL(before->reports[4].opinion, DOWN);
	CU_ASSERT_EQUAL(roster.services[0].reports[4].heard_ns, 7);
	roster_fini(&roster);
	model_fini(&cluster);
}

/* --- where a backend is checked ------------------------------------------------------- */

static void assert_endpoint(const struct endpoint *endpoint, const char *expected)
{
	char text[ENDPOINT_TEXT_LEN];

	UNIT_ASSERT_TEXT(endpoint_format(endpoint, text), expected);
}

/* Of the service's first backend, as seen from a balancer with these addresses. */
static struct check_target target_of(const struct service *service)
{
	struct prefix addresses[] = {{addr_from_v4(htonl(0x0a000063)), 120}, {{}, 64}};
	struct interface interface = {
		.roles = SLUICE_ROLE_BALANCER, .addresses = addresses, .address_count = 2};
	struct node node = {.interfaces = &interface, .interface_count = 1};
	struct check_target target;

	addresses[1].addr.bytes[0] = 0xfd;
	addresses[1].addr.bytes[15] = 0x63;
	check_target_choose(&target, &cluster, service, &service->backends[0], &node);
	return target;
}

static void direct_check_goes_to_ipv4_and_to_the_first_port(void)
{
	struct check_target target;
	struct service *service;

	model_init(&cluster);
	service = add_service("www", 1);
	service->check.via = CHECK_VIA_DIRECT;
	target = target_of(service);
	CU_ASSERT_FALSE(target.is_forwarded);
	assert_endpoint(&target.peer, "10.0.0.0:443");
	assert_endpoint(&target.host, "10.0.0.0:443");
	service->check.port = 8443;
	service->backends[0].has4 = false;
	target = target_of(service);
	assert_endpoint(&target.peer, "[fd00::]:8443");
	model_fini(&cluster);
}

static void check_under_nat_goes_where_the_packets_go(void)
{
	struct check_target target;
	struct service *service;

	model_init(&cluster);
	service = add_service("www", 1);
	service->forward = SLUICE_FORWARD_NAT;
	target = target_of(service);
	CU_ASSERT_FALSE(target.is_forwarded);
	assert_endpoint(&target.peer, "10.0.0.0:443");
	service->backends[0].port = 8443;
	target = target_of(service);
	assert_endpoint(&target.peer, "10.0.0.0:8443");
	service->check.port = 80;
	target = target_of(service);
	assert_endpoint(&target.peer, "10.0.0.0:80");
	model_fini(&cluster);
}

static void forwarded_check_goes_to_the_vip_at_the_backend(void)
{
	struct vip vip6 = {.to = {.bits = 128}, .ports = {80, 80}};
	struct endpoint way;
	struct check_target target;
	struct service *service;

	model_init(&cluster);
	service = add_service("www", 1);
	target = target_of(service);
	way = (struct endpoint){target.way.vip, ntohs(target.way.vip_port)};
	CU_ASSERT_TRUE(target.is_forwarded);
	assert_endpoint(&target.peer, "10.0.0.0:443");
	assert_endpoint(&target.host, "192.0.2.10:443");
	assert_endpoint(&way, "192.0.2.10:443");
	CU_ASSERT_EQUAL(target.way.forward, SLUICE_FORWARD_IPIP);

	/* The VIP of its family, not the first one. */
	vip6.to.addr.bytes[0] = 0x20;
	CU_ASSERT_PTR_NOT_NULL_FATAL(model_vip_add(service, &vip6));
	service->backends[0].has4 = false;
	target = target_of(service);
	assert_endpoint(&target.peer, "[fd00::]:80");
	assert_endpoint(&target.host, "[2000::]:80");

	/* Of a network, an address that a host can have; of a range, the first port. */
	service->vips[1].to.bits = 64;
	service->vips[1].ports.max = 89;
	target = target_of(service);
	assert_endpoint(&target.host, "[2000::1]:80");
	model_fini(&cluster);
}

static void forwarded_check_crosses_families_where_it_must(void)
{
	struct endpoint outer[2] = {};
	struct check_target target;
	struct service *service;

	model_init(&cluster);
	service = add_service("www", 1);
	service->backends[0].has4 = false;
	target = target_of(service);
	outer[0].addr = target.way.source;
	outer[1].addr = target.way.backend;
	CU_ASSERT_TRUE(target.is_forwarded);
	assert_endpoint(&target.peer, "192.0.2.10:443");
	assert_endpoint(&outer[0], "[fd00::63]:0");
	assert_endpoint(&outer[1], "[fd00::]:0");
	model_fini(&cluster);
}

static void balancer_checks_itself_at_its_vip(void)
{
	struct check_target target;
	struct service *service;

	model_init(&cluster);
	service = add_service("www", 1);
	service->backends[0].addr4 = addr_from_v4(htonl(0x0a000063));
	target = target_of(service);
	CU_ASSERT_FALSE(target.is_forwarded);
	assert_endpoint(&target.peer, "192.0.2.10:443");
	model_fini(&cluster);
}

static void view_is_counted_for_one_second(void)
{
	const uint64_t heard = 5 * NS_PER_SEC;
	struct roster roster = {0};
	struct service_state *service;

	model_init(&cluster);
	add_service("www", 2);
	rebuild(&roster);
	service = &roster.services[0];
	service->reports[0].heard_ns = heard;
	service->backends[1]->reports[0] = (struct report){.heard_ns = heard, .opinion = DOWN};
	CU_ASSERT_EQUAL(roster_agree(&roster, heard + NS_PER_SEC - 1), 0);
	CU_ASSERT(service->backends[0]->agreed && !service->backends[1]->agreed);
	CU_ASSERT_EQUAL(roster_agree(&roster, heard + NS_PER_SEC), 0);
	CU_ASSERT(service->backends[0]->agreed && service->backends[1]->agreed);
	roster_fini(&roster);
	model_fini(&cluster);
}

static void forgotten_peer_has_no_say(void)
{
	struct roster roster = {0};
	struct service_state *service;

	model_init(&cluster);
	add_service("www", 2);
	rebuild(&roster);
	service = &roster.services[0];
	service->reports[3].heard_ns = 1;
	service->backends[0]->reports[3] = (struct report){.heard_ns = 1, .opinion = DOWN};
	roster_forget_peer(&roster, 3);
	CU_ASSERT_EQUAL(roster_agree(&roster, 2), 0);
	CU_ASSERT_TRUE(service->backends[0]->agreed);
	roster_fini(&roster);
	model_fini(&cluster);
}

/* One check of a backend from start to end, with nothing in between. */
static bool checked(struct backend_state *backend, bool ok, uint64_t started_ns)
{
	roster_check_begins(backend);
	return roster_check_ends(backend, ok, started_ns, started_ns + 1);
}

static bool view_is(const struct service_state *service, bool blind, unsigned char first,
		    unsigned char second)
{
	unsigned char opinions[2];

	return roster_own_view(service, opinions) == blind && opinions[0] == first &&
	       opinions[1] == second;
}

static struct roster pair;
static struct service_state *service_of_two;

static void make_two_backends(void)
{
	struct service *www;

	model_init(&cluster);
	www = add_service("www", 2);
	www->check.rise = www->check.fall = 2;
	pair = (struct roster){0};
	rebuild(&pair);
	service_of_two = &pair.services[0];
}

static void drop_backends(void)
{
	roster_fini(&pair);
	model_fini(&cluster);
}

static void down_is_an_opinion_when_another_answers_before_and_behind(void)
{
	make_two_backends();
	checked(service_of_two->backends[0], false, 10);
	checked(service_of_two->backends[1], true, 20);
	checked(service_of_two->backends[0], false, 30);
	CU_ASSERT_FALSE(service_of_two->backends[0]->own.up);
	CU_ASSERT_TRUE(roster_wants_witness(service_of_two->backends[0]));
	CU_ASSERT(view_is(service_of_two, false, UP, UP));
	CU_ASSERT_TRUE(checked(service_of_two->backends[1], true, 40));
	CU_ASSERT(view_is(service_of_two, false, DOWN, UP));
	CU_ASSERT_FALSE(roster_wants_witness(service_of_two->backends[0]));
	drop_backends();
}

/* One slow answer, then the own network goes: not the backend's fault. */
static void without_a_witness_behind_nobody_is_blamed(void)
{
	make_two_backends();
	checked(service_of_two->backends[0], false, 10);
	checked(service_of_two->backends[1], true, 20);
	checked(service_of_two->backends[0], false, 30);
	checked(service_of_two->backends[1], false, 40);
	CU_ASSERT(view_is(service_of_two, false, UP, UP));
	checked(service_of_two->backends[0], false, 50);
	checked(service_of_two->backends[1], false, 60);
	CU_ASSERT(view_is(service_of_two, true, DOWN, DOWN));
	drop_backends();
}

static void witness_that_comes_too_late_is_none(void)
{
	uint64_t late_ns;

	make_two_backends();
	late_ns = service_of_two->check.timeout_ms * NS_PER_MS + 100;
	checked(service_of_two->backends[0], false, 10);
	checked(service_of_two->backends[1], true, 20);
	checked(service_of_two->backends[0], false, 30);
	CU_ASSERT_FALSE(checked(service_of_two->backends[1], true, late_ns));
	CU_ASSERT(view_is(service_of_two, false, UP, UP));
	drop_backends();
}

/* Links that come back have to learn addresses first. */
static void nobody_is_blamed_before_the_network_settled(void)
{
	uint64_t settled_ns = 25 + ROSTER_SETTLE_NS;

	make_two_backends();
	roster_unsettle(&pair, 25);
	checked(service_of_two->backends[0], false, 10);
	checked(service_of_two->backends[1], true, 20);
	checked(service_of_two->backends[0], false, 30);
	CU_ASSERT_FALSE(checked(service_of_two->backends[1], true, 40));
	CU_ASSERT(view_is(service_of_two, false, UP, UP));
	checked(service_of_two->backends[0], false, settled_ns);
	CU_ASSERT_TRUE(checked(service_of_two->backends[1], true, settled_ns + 10));
	CU_ASSERT(view_is(service_of_two, false, DOWN, UP));
	drop_backends();
}

/* The network comes back while a check waits for an answer that was lost with it. */
static void check_begun_in_blindness_is_no_evidence(void)
{
	make_two_backends();
	checked(service_of_two->backends[0], false, 10);
	checked(service_of_two->backends[1], false, 20);
	roster_check_begins(service_of_two->backends[0]);
	checked(service_of_two->backends[1], true, 40);
	roster_check_ends(service_of_two->backends[0], false, 30, 50);
	checked(service_of_two->backends[1], true, 60);
	CU_ASSERT_FALSE(service_of_two->backends[0]->own.up);
	CU_ASSERT(view_is(service_of_two, false, UP, UP));
	drop_backends();
}

/* The way back: the first backend that answers makes no other one look dead. */
static void end_of_blindness_blames_nobody(void)
{
	make_two_backends();
	for (unsigned i = 0; i < 4; i++)
		checked(service_of_two->backends[i % 2], false, 10 * i + 5);
	CU_ASSERT(view_is(service_of_two, true, DOWN, DOWN));
	for (unsigned i = 0; i < 2; i++)
		checked(service_of_two->backends[0], true, 100 + 10 * i);
	CU_ASSERT(view_is(service_of_two, false, UP, UP));
	drop_backends();
}

static void own_view_is_blind_when_no_usable_backend_is_up(void)
{
	unsigned char opinions[2];
	struct roster roster = {0};
	struct service *service;

	model_init(&cluster);
	service = add_service("www", 2);
	service->backends[1].admin = BACKEND_ADMIN_DRAIN;
	rebuild(&roster);
	CU_ASSERT_FALSE(roster_own_view(&roster.services[0], opinions));
	roster.services[0].backends[0]->own.up = false;
	CU_ASSERT_TRUE(roster_own_view(&roster.services[0], opinions));
	CU_ASSERT(opinions[0] == DOWN && opinions[1] == UP);
	CU_ASSERT_EQUAL(roster_agree(&roster, 1), 0);
	CU_ASSERT_TRUE(roster.services[0].schedule.panic);
	roster_fini(&roster);
	model_fini(&cluster);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(falls_after_fall_bad_results_in_a_row),
		UNIT_TEST(rises_after_rise_good_results_in_a_row),
		UNIT_TEST(one_good_result_begins_the_count_anew),
		UNIT_TEST(one_who_sees_it_down_is_enough),
		UNIT_TEST(merge_does_not_depend_on_order),
		UNIT_TEST(blind_observer_is_not_believed),
		UNIT_TEST(all_are_believed_if_all_are_blind),
		UNIT_TEST(views_may_leave_nothing_together),
		UNIT_TEST(rebuilt_roster_keeps_what_it_knew),
		UNIT_TEST(direct_check_goes_to_ipv4_and_to_the_first_port),
		UNIT_TEST(check_under_nat_goes_where_the_packets_go),
		UNIT_TEST(forwarded_check_goes_to_the_vip_at_the_backend),
		UNIT_TEST(forwarded_check_crosses_families_where_it_must),
		UNIT_TEST(balancer_checks_itself_at_its_vip),
		UNIT_TEST(view_is_counted_for_one_second),
		UNIT_TEST(forgotten_peer_has_no_say),
		UNIT_TEST(down_is_an_opinion_when_another_answers_before_and_behind),
		UNIT_TEST(without_a_witness_behind_nobody_is_blamed),
		UNIT_TEST(witness_that_comes_too_late_is_none),
		UNIT_TEST(nobody_is_blamed_before_the_network_settled),
		UNIT_TEST(check_begun_in_blindness_is_no_evidence),
		UNIT_TEST(end_of_blindness_blames_nobody),
		UNIT_TEST(own_view_is_blind_when_no_usable_backend_is_up),
		{},
	};

	return unit_run("health", tests);
}
