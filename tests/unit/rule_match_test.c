/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TCP flags, ICMP types and states of rules: as text, there and back; and what is none.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "../support/unit.h"

static void flags_are_written_as_they_are_read(void)
{
	static const char *const texts[] = {"syn", "syn/syn,ack", "syn,ack", "none/syn,ack",
					    "fin,psh,urg/fin,syn,rst,psh,ack,urg"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct tcp_flags_match match;
		char text[RULE_MATCH_TEXT_LEN];

		CU_ASSERT_EQUAL_FATAL(tcp_flags_match_parse(texts[i], &match), 0);
		UNIT_ASSERT_TEXT(tcp_flags_match_format(&match, text), texts[i]);
	}
}

static void flags_that_can_never_be_are_refused(void)
{
	static const char *const texts[] = {"",	    "none", "ack/syn", "syn,",	   "syn,syn",
					    "/syn", "syn/", "sym",     "syn/syn/", "none/"};
	struct tcp_flags_match match;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_NOT_EQUAL(tcp_flags_match_parse(texts[i], &match), 0);
}

static void icmp_types_have_names_for_both_families(void)
{
	struct icmp_match match;
	char text[RULE_MATCH_TEXT_LEN];

	CU_ASSERT_EQUAL_FATAL(icmp_match_parse("echo-request", &match), 0);
	CU_ASSERT_TRUE(icmp_match(&match, false, 8, 0));
	CU_ASSERT_TRUE(icmp_match(&match, true, 128, 0));
	CU_ASSERT_FALSE(icmp_match(&match, true, 8, 0));
	UNIT_ASSERT_TEXT(icmp_match_format(&match, text), "echo-request");
	CU_ASSERT_EQUAL_FATAL(icmp_match_parse("3/4", &match), 0);
	CU_ASSERT_TRUE(icmp_match(&match, false, 3, 4));
	CU_ASSERT_FALSE(icmp_match(&match, false, 3, 3));
	UNIT_ASSERT_TEXT(icmp_match_format(&match, text), "3/4");
	CU_ASSERT_NOT_EQUAL(icmp_match_parse("256", &match), 0);
	CU_ASSERT_NOT_EQUAL(icmp_match_parse("3/", &match), 0);
	CU_ASSERT_NOT_EQUAL(icmp_match_parse("3/4/5", &match), 0);
	CU_ASSERT_NOT_EQUAL(icmp_match_parse("echo", &match), 0);
}

#define RULE(fields) "sluice: 1\npolicies: {p: {rules: [{name: a, " fields "action: drop}]}}\n"

static void rule_survives_being_written(void)
{
	static const char text[] = RULE("proto: tcp, flags: \"syn/syn,ack\", state: new, ");
	struct diag_list diags = {0};
	struct cluster cluster, again;
	char *written;
	size_t length;

	CU_ASSERT_EQUAL_FATAL(config_read(text, strlen(text), &cluster, &diags), 0);
	CU_ASSERT_EQUAL_FATAL(config_write(&cluster, &written, &length), 0);
	CU_ASSERT_EQUAL_FATAL(config_read(written, length, &again, &diags), 0);
	CU_ASSERT_EQUAL(again.policies[0].rules[0].flags.mask, 0x12);
	CU_ASSERT_EQUAL(again.policies[0].rules[0].flags.value, 0x02);
	CU_ASSERT_EQUAL(again.policies[0].rules[0].state, RULE_STATE_NEW);
	free(written);
	model_fini(&cluster);
	model_fini(&again);
}

static void fields_need_their_protocol(void)
{
	static const char *const texts[] = {RULE("flags: syn, "), RULE("proto: udp, icmp: 8, "),
					    RULE("state: established, ")};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct diag_list diags = {0};
		struct cluster cluster;

		CU_ASSERT_NOT_EQUAL(config_read(texts[i], strlen(texts[i]), &cluster, &diags), 0);
		CU_ASSERT_EQUAL(diags.count, 1);
		diag_fini(&diags);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(flags_are_written_as_they_are_read),
		UNIT_TEST(flags_that_can_never_be_are_refused),
		UNIT_TEST(icmp_types_have_names_for_both_families),
		UNIT_TEST(rule_survives_being_written),
		UNIT_TEST(fields_need_their_protocol),
		{},
	};

	return unit_run("rule-match", tests);
}
