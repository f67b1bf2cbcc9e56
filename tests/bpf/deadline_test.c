/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Generations that wait for a confirmation: the kernel's timer turns them back, to what was
 * in force, under a number of its own; nothing overwrites that meanwhile; a confirmation in
 * time keeps them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"
#include "../support/sandbox.h"
#include "../support/unit.h"

#define MODEL(rule)                                                                                \
	"sluice: 1\n"                                                                              \
	"cluster: test\n"                                                                          \
	"policies:\n"                                                                              \
	"  edge:\n"                                                                                \
	"    default: drop\n"                                                                      \
	"    rules:\n"                                                                             \
	"      - {name: " rule ", action: accept}\n"                                               \
	"nodes:\n"                                                                                 \
	"  gw: {}\n"

#define WAIT_MS 4000

static int publish(struct dataplane *dp, const char *text, unsigned confirm_s)
{
	struct diag_list diags = {0};
	struct cluster cluster;
	int err;

	model_init(&cluster);
	err = config_read(text, strlen(text), &cluster, &diags);
	dp->confirm_s = confirm_s;
	if (!err)
		err = dataplane_publish(dp, &cluster, &diags);
	dp->confirm_s = 0;
	model_fini(&cluster);
	diag_fini(&diags);
	return err;
}

static bool is_in_force(struct dataplane *dp, const char *rule)
{
	struct cluster cluster;
	bool found;

	CU_ASSERT_EQUAL_FATAL(dataplane_load_model(dp, &cluster), 0);
	found = !strcmp(cluster.policies[0].rules[0].name, rule);
	model_fini(&cluster);
	return found;
}

static void create(struct dataplane *dp)
{
	CU_ASSERT_EQUAL_FATAL(dataplane_open(dp, "gw", DATAPLANE_CREATE, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(publish(dp, MODEL("first"), 0), 0);
}

static void end(struct dataplane *dp)
{
	dataplane_close(dp);
	CU_ASSERT_EQUAL(dataplane_destroy("gw"), 0);
}

/* Milliseconds until the generation is another. */
static unsigned wait_for_turn(const struct dataplane *dp)
{
	unsigned now = dataplane_generation(dp), waited = 0;

	while (dataplane_generation(dp) == now && waited < WAIT_MS) {
		usleep(10000);
		waited += 10;
	}
	return waited;
}

static void timer_turns_back_what_is_not_confirmed(void)
{
	struct sluice_deadline deadline;
	struct sluice_control before;
	struct dataplane dp;

	create(&dp);
	before = *dp.control;
	CU_ASSERT_EQUAL(publish(&dp, MODEL("second"), 1), 0);
	CU_ASSERT_TRUE(is_in_force(&dp, "second"));
	CU_ASSERT_TRUE(deadline_is_armed(&dp));
	CU_ASSERT_EQUAL(publish(&dp, MODEL("third"), 0), -EINPROGRESS);
	CU_ASSERT(wait_for_turn(&dp) < WAIT_MS);
	CU_ASSERT_TRUE(is_in_force(&dp, "first"));
	CU_ASSERT_EQUAL(dp.control->generation.config, before.generation.config + 2);
	CU_ASSERT_EQUAL(deadline_read(&dp, &deadline), 0);
	CU_ASSERT_EQUAL(deadline.state, SLUICE_DEADLINE_EXPIRED);
	CU_ASSERT_EQUAL(publish(&dp, MODEL("third"), 0), 0);
	CU_ASSERT_TRUE(is_in_force(&dp, "third"));
	end(&dp);
}

/* Nobody has the node open, and no process of ours is needed. */
static void timer_needs_no_process(void)
{
	struct dataplane dp;

	create(&dp);
	CU_ASSERT_EQUAL(publish(&dp, MODEL("second"), 1), 0);
	dataplane_close(&dp);
	usleep(1300000);
	CU_ASSERT_EQUAL_FATAL(dataplane_open(&dp, "gw", DATAPLANE_WRITE, 0), 0);
	CU_ASSERT_TRUE(is_in_force(&dp, "first"));
	end(&dp);
}

static void confirmed_generation_stays(void)
{
	struct dataplane dp;

	create(&dp);
	CU_ASSERT_EQUAL(publish(&dp, MODEL("second"), 1), 0);
	CU_ASSERT_TRUE(deadline_move(&dp, SLUICE_DEADLINE_ARMED, SLUICE_DEADLINE_CONFIRMED));
	CU_ASSERT_FALSE(deadline_move(&dp, SLUICE_DEADLINE_ARMED, SLUICE_DEADLINE_CONFIRMED));
	usleep(1300000);
	CU_ASSERT_TRUE(is_in_force(&dp, "second"));
	/* The timer is armed anew. */
	CU_ASSERT_EQUAL(publish(&dp, MODEL("third"), 1), 0);
	CU_ASSERT(wait_for_turn(&dp) < WAIT_MS);
	CU_ASSERT_TRUE(is_in_force(&dp, "second"));
	end(&dp);
}

static void turning_back_by_hand_is_at_once(void)
{
	struct dataplane dp;

	create(&dp);
	CU_ASSERT_FALSE(deadline_turn_back(&dp));
	CU_ASSERT_EQUAL(publish(&dp, MODEL("second"), 60), 0);
	CU_ASSERT_TRUE(deadline_turn_back(&dp));
	CU_ASSERT_TRUE(is_in_force(&dp, "first"));
	CU_ASSERT_FALSE(deadline_turn_back(&dp));
	end(&dp);
}

/* Killed between arming and turning: the record is of a word that never was. */
static void record_of_a_killed_writer_holds_nobody_up(void)
{
	struct dataplane dp;
	unsigned generation;

	create(&dp);
	dp.confirm_s = 1;
	CU_ASSERT_EQUAL(
		deadline_arm(&dp, dp.control->generation_word + 1, dp.control->generation_word + 2),
		0);
	generation = dataplane_generation(&dp);
	CU_ASSERT_FALSE(deadline_is_armed(&dp));
	usleep(1300000);
	CU_ASSERT_EQUAL(dataplane_generation(&dp), generation);
	CU_ASSERT_EQUAL(publish(&dp, MODEL("second"), 0), 0);
	end(&dp);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(timer_turns_back_what_is_not_confirmed),
		UNIT_TEST(timer_needs_no_process),
		UNIT_TEST(confirmed_generation_stays),
		UNIT_TEST(turning_back_by_hand_is_at_once),
		UNIT_TEST(record_of_a_killed_writer_holds_nobody_up),
		{NULL, NULL},
	};
	int code = EXIT_FAILURE;

	if (sandbox_enter())
		perror("sandbox");
	else
		code = unit_run("deadline", tests);
	sandbox_leave();
	return code;
}
