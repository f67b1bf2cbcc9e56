/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The words of the cluster file: each name is parsed to what it names.
 */
#include <errno.h>

#include "model.h"
#include "../support/unit.h"

static void every_name_parses_to_its_value(void)
{
	for (int i = SLUICE_ACTION_DROP; i <= SLUICE_ACTION_ACCEPT_STATELESS; i++) {
		enum sluice_action action;

		CU_ASSERT_EQUAL(action_parse(action_name(i), &action), 0);
		CU_ASSERT_EQUAL((int)action, i);
	}
	for (int i = SLUICE_FORWARD_IPIP; i <= SLUICE_FORWARD_NAT; i++) {
		enum sluice_forward forward;

		CU_ASSERT_EQUAL(forward_parse(forward_name(i), &forward), 0);
		CU_ASSERT_EQUAL((int)forward, i);
	}
	for (int i = SLUICE_ROLE_FIREWALL; i <= SLUICE_ROLE_DECAP; i <<= 1) {
		enum sluice_role role;

		CU_ASSERT_EQUAL(role_parse(role_name(i), &role), 0);
		CU_ASSERT_EQUAL((int)role, i);
	}
}

static void every_protocol_number_goes_to_text_and_back(void)
{
	for (int i = 0; i < 256; i++) {
		char buf[4];
		int proto = -1;

		CU_ASSERT_EQUAL(proto_parse(proto_name(i, buf), &proto), 0);
		CU_ASSERT_EQUAL(proto, i);
	}
}

static void protocols_have_the_names_of_the_field(void)
{
	char buf[4];

	UNIT_ASSERT_TEXT(proto_name(IPPROTO_TCP, buf), "tcp");
	UNIT_ASSERT_TEXT(proto_name(IPPROTO_IPIP, buf), "ipip");
	UNIT_ASSERT_TEXT(proto_name(IPPROTO_ICMPV6, buf), "icmpv6");
	UNIT_ASSERT_TEXT(proto_name(0, buf), "any");
	UNIT_ASSERT_TEXT(proto_name(253, buf), "253");
}

static void words_that_do_not_exist_are_refused(void)
{
	enum sluice_action action = SLUICE_ACTION_ACCEPT;
	struct port_range range;
	int proto = 77;

	CU_ASSERT_EQUAL(action_parse("Accept", &action), -EINVAL);
	CU_ASSERT_EQUAL(action_parse("", &action), -EINVAL);
	CU_ASSERT_EQUAL(action, SLUICE_ACTION_ACCEPT);
	CU_ASSERT_EQUAL(proto_parse("0", &proto), -EINVAL);
	CU_ASSERT_EQUAL(proto_parse("256", &proto), -EINVAL);
	CU_ASSERT_EQUAL(proto_parse("6x", &proto), -EINVAL);
	CU_ASSERT_EQUAL(proto_parse("-1", &proto), -EINVAL);
	CU_ASSERT_EQUAL(proto, 77);
	CU_ASSERT_EQUAL(port_range_parse("0", &range), -EINVAL);
}

static void port_ranges_are_inclusive_and_in_order(void)
{
	static const char *const wrong[] = {"",	     "-",   "80-",    "-80",	 "90-80",
					    "65536", "080", "80-90-", "1-65536", " 80"};
	struct port_range range;

	CU_ASSERT_EQUAL(port_range_parse("80", &range), 0);
	CU_ASSERT_TRUE(range.min == 80 && range.max == 80);
	CU_ASSERT_EQUAL(port_range_parse("1-65535", &range), 0);
	CU_ASSERT_TRUE(range.min == 1 && range.max == 65535);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		CU_ASSERT_EQUAL(port_range_parse(wrong[i], &range), -EINVAL);
	CU_ASSERT_TRUE(range.min == 1 && range.max == 65535);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(every_name_parses_to_its_value),
		UNIT_TEST(every_protocol_number_goes_to_text_and_back),
		UNIT_TEST(protocols_have_the_names_of_the_field),
		UNIT_TEST(words_that_do_not_exist_are_refused),
		UNIT_TEST(port_ranges_are_inclusive_and_in_order),
		{},
	};

	return unit_run("words", tests);
}
