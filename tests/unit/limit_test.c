/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Words of limits, and the numbers that packets read of them.
 */
#include <string.h>

#include "limit.h"
#include "../support/unit.h"

static void amounts_have_units(void)
{
	static const char *const wrong[] = {"",	   "0",	  "-1",	 "1.5", "1K",	       "k",
					    "1kk", "1 k", "0x1", "01",	"99999999999", NULL};
	unsigned long long amount = 7;
	char buf[LIMIT_TEXT_LEN];

	CU_ASSERT_EQUAL(limit_amount_parse("200", &amount), 0);
	CU_ASSERT_EQUAL(amount, 200);
	CU_ASSERT_EQUAL(limit_amount_parse("10k", &amount), 0);
	CU_ASSERT_EQUAL(amount, 10000);
	CU_ASSERT_EQUAL(limit_amount_parse("3G", &amount), 0);
	CU_ASSERT_EQUAL(amount, 3000000000ULL);
	for (size_t i = 0; wrong[i]; i++)
		CU_ASSERT_NOT_EQUAL(limit_amount_parse(wrong[i], &amount), 0);
	CU_ASSERT_EQUAL(amount, 3000000000ULL);
	UNIT_ASSERT_TEXT(limit_amount_format(1500, buf), "1500");
	UNIT_ASSERT_TEXT(limit_amount_format(15000, buf), "15k");
	UNIT_ASSERT_TEXT(limit_amount_format(2000000000, buf), "2G");
}

static void rates_are_a_second_or_a_minute(void)
{
	static const char *const wrong[] = {"1000", "1000/h", "0/s",  "/s",
					    "1/ s", "1/s ",   "1/ms", NULL};
	struct limit_rate rate = {0};
	char buf[LIMIT_TEXT_LEN];

	CU_ASSERT_EQUAL(limit_rate_parse("50k/s", &rate), 0);
	CU_ASSERT(rate.amount == 50000 && rate.seconds == 1);
	UNIT_ASSERT_TEXT(limit_rate_format(&rate, buf), "50k/s");
	CU_ASSERT_EQUAL(limit_rate_parse("30/m", &rate), 0);
	CU_ASSERT(rate.amount == 30 && rate.seconds == 60);
	UNIT_ASSERT_TEXT(limit_rate_format(&rate, buf), "30/m");
	for (size_t i = 0; wrong[i]; i++)
		CU_ASSERT_NOT_EQUAL(limit_rate_parse(wrong[i], &rate), 0);
}

static void sources_are_prefixes_of_both_families(void)
{
	static const char *const same[] = {"all", "source", "source/24", "source/32/128",
					   "source/8/56"};
	static const char *const wrong[] = {"src",	  "source/",	   "source/0", "source/33",
					    "source/24/", "source/24/129", "sources",  NULL};
	struct limit_per per;
	char buf[LIMIT_TEXT_LEN];

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		CU_ASSERT_EQUAL(limit_per_parse(same[i], &per), 0);
		UNIT_ASSERT_TEXT(limit_per_format(&per, buf), same[i]);
	}
	CU_ASSERT_EQUAL(limit_per_parse("source/32/64", &per), 0);
	UNIT_ASSERT_TEXT(limit_per_format(&per, buf), "source");
	for (size_t i = 0; wrong[i]; i++)
		CU_ASSERT_NOT_EQUAL(limit_per_parse(wrong[i], &per), 0);
}

/* A unit of time is a jiffy / 2^SLUICE_LIMIT_TICK_BITS, of a cost 2^16 times less. */
static void costs_are_times(void)
{
	const __u64 tick = 1ULL << SLUICE_LIMIT_TICK_BITS;
	struct limit limits[] = {
		{.of = SLUICE_MEASURE_PACKETS, .rate = {1000, 1}, .burst = 500},
		{.of = SLUICE_MEASURE_BYTES, .rate = {60, 60}, .per = {true, 24, 56}, .burst = 1},
		{.of = SLUICE_MEASURE_NEW_FLOWS, .rate = {100000000, 1}, .burst = 1},
	};
	struct sluice_limit out = limit_compile(limits, 3, 250);
	const unsigned char mask4[8] = {255, 255, 255, 255, 255, 255, 255, 0};
	const unsigned char mask6[16] = {255, 255, 255, 255, 255, 255, 255};

	CU_ASSERT_EQUAL(out.whole, 1 << SLUICE_MEASURE_PACKETS | 1 << SLUICE_MEASURE_NEW_FLOWS);
	CU_ASSERT_EQUAL(out.source, 1 << SLUICE_MEASURE_BYTES);
	CU_ASSERT_EQUAL(out.of_whole[SLUICE_MEASURE_PACKETS].cost,
			(tick << SLUICE_LIMIT_COST_BITS) / 4);
	CU_ASSERT_EQUAL(out.of_whole[SLUICE_MEASURE_PACKETS].depth, 125 * tick);
	/* 250 ticks a byte: a large packet and a tick are more than one byte. */
	CU_ASSERT_EQUAL(out.of_source[SLUICE_MEASURE_BYTES].depth, (250ULL * 2048 + 1) * tick);
	/* What a tick brings fits, and one more. */
	CU_ASSERT(out.of_whole[SLUICE_MEASURE_NEW_FLOWS].depth > tick);
	CU_ASSERT(out.of_whole[SLUICE_MEASURE_NEW_FLOWS].depth < tick + tick / 100000);
	CU_ASSERT(!memcmp(&out.mask4, mask4, sizeof(mask4)));
	CU_ASSERT(!memcmp(out.mask6, mask6, sizeof(mask6)));
}

static void burst_is_of_a_tenth_of_a_second(void)
{
	struct limit limit = {.rate = {1000, 1}};

	CU_ASSERT_EQUAL(limit_burst(&limit), 100);
	limit.rate = (struct limit_rate){30, 60};
	CU_ASSERT_EQUAL(limit_burst(&limit), 1);
	limit.burst = 5;
	CU_ASSERT_EQUAL(limit_burst(&limit), 5);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(amounts_have_units),
		UNIT_TEST(rates_are_a_second_or_a_minute),
		UNIT_TEST(sources_are_prefixes_of_both_families),
		UNIT_TEST(costs_are_times),
		UNIT_TEST(burst_is_of_a_tenth_of_a_second),
		{},
	};

	return unit_run("limit", tests);
}
