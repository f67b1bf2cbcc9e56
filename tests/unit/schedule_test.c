/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who takes new flows of a service: weights, drain, health, the panic threshold, backups.
 */
#include <stdio.h>
#include <string.h>

#include "schedule.h"
#include "../support/unit.h"

#define MAX_BACKENDS 8

static struct backend backends[MAX_BACKENDS];
static struct backend_condition conditions[MAX_BACKENDS];
static struct service service;

/* A letter for each: u up, U a backup, x unhealthy, X such a backup, d drained, 0 no weight. */
static void make(const char *what, unsigned panic_percent)
{
	memset(backends, 0, sizeof(backends));
	service = (struct service){.backends = backends, .panic_percent = panic_percent};
	for (; *what; what++) {
		struct backend *backend = &backends[service.backend_count];

		backend->weight = *what == '0' ? 0 : 100;
		backend->admin = *what == 'd' ? BACKEND_ADMIN_DRAIN : BACKEND_ADMIN_UP;
		backend->backup = *what == 'U' || *what == 'X';
		conditions[service.backend_count] = (struct backend_condition){
			.healthy = *what != 'x' && *what != 'X', .share = 100};
		service.backend_count++;
	}
}

/* "y" for each backend in the ring, "n" for the others; "!" behind them: panic. */
static const char *ring_of(const char *what, unsigned panic_percent)
{
	static char text[MAX_BACKENDS + 2];
	struct schedule schedule;
	size_t i;

	make(what, panic_percent);
	schedule = schedule_service(&service, conditions);
	for (i = 0; i < service.backend_count; i++)
		text[i] = schedule_weight(&schedule, &backends[i], &conditions[i]) ? 'y' : 'n';
	strcpy(text + i, schedule.panic ? "!" : "");
	return text;
}

static void unhealthy_and_drained_get_no_new_flows(void)
{
	CU_ASSERT_STRING_EQUAL(ring_of("uu", 0), "yy");
	CU_ASSERT_STRING_EQUAL(ring_of("uxd0u", 0), "ynnny");
}

static void all_that_are_wanted_serve_when_none_is_healthy(void)
{
	CU_ASSERT_STRING_EQUAL(ring_of("xxd", 0), "yyn!");
	CU_ASSERT_STRING_EQUAL(ring_of("d0", 0), "nn");
	CU_ASSERT_STRING_EQUAL(ring_of("", 0), "");
}

static void fewer_healthy_than_the_threshold_is_panic(void)
{
	CU_ASSERT_STRING_EQUAL(ring_of("uuxx", 50), "yynn");
	CU_ASSERT_STRING_EQUAL(ring_of("uxxx", 50), "yyyy!");
	CU_ASSERT_STRING_EQUAL(ring_of("uuux", 100), "yyyy!");
	CU_ASSERT_STRING_EQUAL(ring_of("uuu", 100), "yyy");
}

/* A drained one is no loss: it was not counted before. */
static void threshold_is_of_the_wanted_backends(void)
{
	CU_ASSERT_STRING_EQUAL(ring_of("uxdd", 50), "ynnn");
	CU_ASSERT_STRING_EQUAL(ring_of("uxx0", 50), "yyyn!");
}

static void backups_serve_when_no_primary_can(void)
{
	CU_ASSERT_STRING_EQUAL(ring_of("uUU", 0), "ynn");
	CU_ASSERT_STRING_EQUAL(ring_of("uxU", 0), "ynn");
	CU_ASSERT_STRING_EQUAL(ring_of("xxUU", 0), "nnyy");
	CU_ASSERT_STRING_EQUAL(ring_of("ddUX", 0), "nnyn");
	CU_ASSERT_STRING_EQUAL(ring_of("dX", 0), "ny!");
}

static void a_healthy_backup_is_better_than_panic_among_primaries(void)
{
	CU_ASSERT_STRING_EQUAL(ring_of("xxU", 50), "nny");
	CU_ASSERT_STRING_EQUAL(ring_of("uxxU", 50), "yyyn!");
	CU_ASSERT_STRING_EQUAL(ring_of("xxX", 50), "yyn!");
}

static void slow_start_counts_a_share_of_the_weight(void)
{
	struct schedule schedule;

	make("uu", 0);
	conditions[0].share = 10;
	schedule = schedule_service(&service, conditions);
	CU_ASSERT_EQUAL(10 * schedule_weight(&schedule, &backends[0], &conditions[0]),
			schedule_weight(&schedule, &backends[1], &conditions[1]));
	make("uxx", 50);
	conditions[0].share = 10;
	schedule = schedule_service(&service, conditions);
	CU_ASSERT_EQUAL(schedule_weight(&schedule, &backends[0], &conditions[0]),
			schedule_weight(&schedule, &backends[1], &conditions[1]));
}

static enum sluice_backend_state state_of(size_t i)
{
	struct schedule schedule = schedule_service(&service, conditions);

	return schedule_state(&schedule, &backends[i], &conditions[i]);
}

static void flows_stay_on_what_still_serves_them(void)
{
	make("uxd0U", 0);
	CU_ASSERT_EQUAL(state_of(0), SLUICE_BACKEND_UP);
	CU_ASSERT_EQUAL(state_of(1), SLUICE_BACKEND_DOWN);
	CU_ASSERT_EQUAL(state_of(2), SLUICE_BACKEND_DRAIN);
	CU_ASSERT_EQUAL(state_of(3), SLUICE_BACKEND_DRAIN);
	CU_ASSERT_EQUAL(state_of(4), SLUICE_BACKEND_UP);
	backends[0].admin = BACKEND_ADMIN_DOWN;
	CU_ASSERT_EQUAL(state_of(0), SLUICE_BACKEND_DOWN);
}

/* The checks are wrong, then: nobody's flows are cut because of them. */
static void panic_keeps_the_flows_of_the_unhealthy(void)
{
	make("uxxX", 50);
	CU_ASSERT_EQUAL(state_of(1), SLUICE_BACKEND_UP);
	CU_ASSERT_EQUAL(state_of(3), SLUICE_BACKEND_DOWN);
	make("xd", 0);
	conditions[1].healthy = false;
	CU_ASSERT_EQUAL(state_of(0), SLUICE_BACKEND_UP);
	CU_ASSERT_EQUAL(state_of(1), SLUICE_BACKEND_DRAIN);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(unhealthy_and_drained_get_no_new_flows),
		UNIT_TEST(all_that_are_wanted_serve_when_none_is_healthy),
		UNIT_TEST(fewer_healthy_than_the_threshold_is_panic),
		UNIT_TEST(threshold_is_of_the_wanted_backends),
		UNIT_TEST(backups_serve_when_no_primary_can),
		UNIT_TEST(a_healthy_backup_is_better_than_panic_among_primaries),
		UNIT_TEST(slow_start_counts_a_share_of_the_weight),
		UNIT_TEST(flows_stay_on_what_still_serves_them),
		UNIT_TEST(panic_keeps_the_flows_of_the_unhealthy),
		{},
	};

	return unit_run("schedule", tests);
}
