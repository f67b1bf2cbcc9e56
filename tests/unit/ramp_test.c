/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Slow start: shares grow in steps, begin anew, and are the same on balancers that hear
 * each other.
 */
#include <string.h>

#include "../../userspace/agent/ramp.h"
#include "../support/unit.h"

#define SLOW_START_S 9 /* a step a second */

static struct cluster cluster;
static struct roster rosters[2];
static uint64_t now_ns;

static void up(unsigned slow_start_s)
{
	struct service *service;
	struct backend *backend;

	model_init(&cluster);
	service = model_service_add(&cluster, "www");
	CU_ASSERT_PTR_NOT_NULL_FATAL(service);
	service->slow_start_ms = slow_start_s * 1000;
	backend = model_backend_add(service, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(backend);
	backend->has4 = true;
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(
			roster_build(&rosters[i], &(struct roster){0}, &cluster, &(struct node){0}),
			0);
	now_ns = 100 * NS_PER_SEC;
}

static void down(void)
{
	for (int i = 0; i < 2; i++)
		roster_fini(&rosters[i]);
	model_fini(&cluster);
}

static struct backend_state *backend_of(int balancer)
{
	return rosters[balancer].services[0].backends[0];
}

static bool step(int balancer)
{
	return ramp_step(&rosters[balancer], now_ns);
}

/* What the one says of the backend reaches the other. */
static void tell(int from)
{
	backend_of(!from)->reports[0] =
		(struct report){.heard_ns = now_ns,
				.opinion = backend_of(from)->agreed ? OPINION_UP : OPINION_DOWN,
				.share = (unsigned char)backend_of(from)->share};
}

static void come_up(int balancer)
{
	backend_of(balancer)->agreed = false;
	CU_ASSERT_TRUE(step(balancer));
	backend_of(balancer)->agreed = true;
}

static void without_slow_start_it_has_all_its_weight(void)
{
	up(0);
	backend_of(0)->agreed = false;
	CU_ASSERT_FALSE(step(0));
	CU_ASSERT_EQUAL(backend_of(0)->share, 100);
	down();
}

static void share_grows_in_steps_to_all(void)
{
	up(SLOW_START_S);
	come_up(0);
	CU_ASSERT_EQUAL(backend_of(0)->share, 10);
	for (unsigned second = 1; second <= SLOW_START_S; second++) {
		now_ns += NS_PER_SEC - 1;
		CU_ASSERT_FALSE(step(0));
		now_ns += 1;
		CU_ASSERT_TRUE(step(0));
		CU_ASSERT_EQUAL(backend_of(0)->share, 10 + 10 * second);
	}
	now_ns += 100 * NS_PER_SEC;
	CU_ASSERT_FALSE(step(0));
	down();
}

static void waiting_does_not_count(void)
{
	up(SLOW_START_S);
	come_up(0);
	backend_of(0)->usable = false;
	now_ns += 100 * NS_PER_SEC;
	CU_ASSERT_FALSE(step(0));
	backend_of(0)->usable = true;
	CU_ASSERT_FALSE(step(0));
	CU_ASSERT_EQUAL(backend_of(0)->share, 10);
	now_ns += NS_PER_SEC;
	CU_ASSERT_TRUE(step(0));
	down();
}

static void who_fails_again_begins_again(void)
{
	up(SLOW_START_S);
	come_up(0);
	now_ns += NS_PER_SEC;
	step(0);
	CU_ASSERT_EQUAL(backend_of(0)->share, 20);
	come_up(0);
	CU_ASSERT_EQUAL(backend_of(0)->share, 10);
	down();
}

/* One of them was late, or its clock is slow: it follows with the first word of the other. */
static void balancers_go_at_the_pace_of_the_fastest(void)
{
	up(SLOW_START_S);
	come_up(0);
	now_ns += NS_PER_SEC / 2;
	come_up(1);
	now_ns += NS_PER_SEC / 2;
	CU_ASSERT_TRUE(step(0));
	CU_ASSERT_FALSE(step(1));
	tell(0);
	CU_ASSERT_TRUE(step(1));
	CU_ASSERT_EQUAL(backend_of(1)->share, backend_of(0)->share);
	tell(1);
	CU_ASSERT_FALSE(step(0));
	down();
}

/* An agent that was restarted, or that nobody told of a change, takes up where the others are. */
static void late_balancer_takes_up_the_share(void)
{
	up(SLOW_START_S);
	come_up(1);
	tell(0);
	CU_ASSERT_TRUE(step(1));
	CU_ASSERT_EQUAL(backend_of(1)->share, 100);
	down();
}

static void old_or_bad_reports_do_not_count(void)
{
	up(SLOW_START_S);
	come_up(1);
	tell(0);
	backend_of(1)->reports[0].opinion = OPINION_DOWN;
	CU_ASSERT_FALSE(step(1));
	tell(0);
	backend_of(1)->reports[0].heard_ns -= ROSTER_VIEW_AGE_NS;
	CU_ASSERT_FALSE(step(1));
	CU_ASSERT_EQUAL(backend_of(1)->share, 10);
	down();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(without_slow_start_it_has_all_its_weight),
		UNIT_TEST(share_grows_in_steps_to_all),
		UNIT_TEST(waiting_does_not_count),
		UNIT_TEST(who_fails_again_begins_again),
		UNIT_TEST(balancers_go_at_the_pace_of_the_fastest),
		UNIT_TEST(late_balancer_takes_up_the_share),
		UNIT_TEST(old_or_bad_reports_do_not_count),
		{},
	};

	return unit_run("ramp", tests);
}
