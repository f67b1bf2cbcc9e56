/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set under random changes: whatever its summaries are made of, packets meet what
 * the longest prefix in force says, and that is read here one prefix after the other.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block_set.h"
#include "../support/gateway.h"
#include "../support/random.h"
#include "../support/unit.h"

#define CHANGES	     250
#define PACKETS_EACH 12
#define ENTRIES_MAX  64

static const char config[] = GATEWAY_ROLES("firewall", "policy: edge,", "", "");

static const char *const addresses4[] = {
	"198.51.100.7", "198.51.100.8", "198.51.100.200", "198.51.101.7", "198.18.0.1",
	"203.0.113.1",	"1.2.3.4",	"10.10.1.21",	  NULL,
};

static const char *const addresses6[] = {
	"2001:db8:51::7",
	"2001:db8:51::8",
	"2001:db8:51:1::7",
	"2001:db9::1",
	"2a00:1450:4001::68",
	"::7",
	NULL,
};

static struct block_entry entries[ENTRIES_MAX];
static size_t count;

static const char *pick(struct random *random, bool v6)
{
	return v6 ? addresses6[random_below(random, 6)] : addresses4[random_below(random, 8)];
}

static struct prefix pick_prefix(struct random *random)
{
	bool v6 = random_once_in(random, 3);
	struct prefix prefix;
	struct sluice_addr mask;

	if (prefix_parse(pick(random, v6), &prefix))
		abort();
	if (!random_once_in(random, 3))
		prefix.bits =
			(unsigned char)(v6 ? random_below(random, 129)
					   : SLUICE_V4_PREFIX_BITS + random_below(random, 33));
	mask = addr_mask(prefix.bits);
	prefix.addr = addr_and(&prefix.addr, &mask);
	return prefix;
}

static struct block_entry *find(const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&entries[i].prefix, prefix))
			return &entries[i];
	return NULL;
}

/* Its time is over when it comes, or long after the test. */
static void add(struct random *random, struct block_set *set)
{
	struct block_entry entry = {.prefix = pick_prefix(random),
				    .allow = random_once_in(random, 5)};
	struct block_entry *known = find(&entry.prefix);

	if (random_once_in(random, 3))
		entry.until_ns = random_once_in(random, 2) ? 1 : block_set_now_ns() + (1ULL << 42);
	if (!known && count == ENTRIES_MAX)
		return;
	*(known ? known : &entries[count++]) = entry;
	CU_ASSERT_EQUAL(block_set_add(set, &entry), 0);
}

/* One that has expired may be forgotten. */
static void del(struct random *random, struct block_set *set)
{
	size_t i = random_below(random, (unsigned)count);
	int err = block_set_del(set, &entries[i].prefix);

	CU_ASSERT_TRUE(!err || (err == -ENOENT && entries[i].until_ns == 1));
	entries[i] = entries[--count];
}

static bool is_blocked(const char *text)
{
	const struct block_entry *best = NULL;
	struct sluice_addr addr;

	if (addr_parse(text, &addr))
		abort();
	for (size_t i = 0; i < count; i++)
		if (entries[i].until_ns != 1 && prefix_contains(&entries[i].prefix, &addr) &&
		    (!best || entries[i].prefix.bits > best->prefix.bits))
			best = &entries[i];
	return best && !best->allow;
}

static bool check_packet(struct random *random, struct testbed *tb)
{
	bool v6 = random_once_in(random, 3);
	struct packet packet = {.src = pick(random, v6),
				.dst = v6 ? "2001:db8:99::1" : "192.0.2.10",
				.sport = 1024,
				.dport = 80};
	bool expected = is_blocked(packet.src);
	enum sluice_outcome seen = testbed_send(tb, "wan", &packet);

	if (seen == (expected ? SLUICE_BLOCKED : SLUICE_PASS_LOCAL))
		return true;
	printf("\n    %s: expected %s, seen %s\n", packet.src, expected ? "blocked" : "pass-local",
	       outcome_name(seen));
	return false;
}

static void longest_prefix_in_force_decides(void)
{
	struct random random;
	struct block_set set;
	struct testbed tb;
	struct policy *policy;

	random_init(&random, 11);
	testbed_up(&tb, "fw", config);
	policy = model_policy(&tb.cluster, "edge");
	while (policy->rule_count)
		model_rule_del(policy, &policy->rules[0]);
	model_rule_add(policy, "rest", SIZE_MAX)->action = SLUICE_ACTION_ACCEPT_STATELESS;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL_FATAL(block_set_open(&set, &tb.dp), 0);
	for (unsigned i = 0; i < CHANGES; i++) {
		bool good = true;

		if (count && random_once_in(&random, 3))
			del(&random, &set);
		else
			add(&random, &set);
		for (unsigned j = 0; j < PACKETS_EACH && good; j++)
			good = check_packet(&random, &tb);
		CU_ASSERT_TRUE(good);
		if (!good)
			break;
	}
	block_set_close(&set);
	testbed_down(&tb);
}

/* Sources of one /24 that end at different times, and of a shorter prefix around them. */
static void block_ends_by_itself(void)
{
	struct packet packet = {
		.src = "198.51.100.7", .dst = "192.0.2.10", .sport = 1024, .dport = 80};
	struct block_entry entry = {.until_ns = block_set_now_ns() + 300000000ULL};
	struct block_set set;
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	CU_ASSERT_EQUAL_FATAL(block_set_open(&set, &tb.dp), 0);
	CU_ASSERT_EQUAL(prefix_parse(packet.src, &entry.prefix), 0);
	CU_ASSERT_EQUAL(block_set_add(&set, &entry), 0);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packet), SLUICE_BLOCKED);
	while (block_set_now_ns() < entry.until_ns + 20000000ULL)
		;
	CU_ASSERT_NOT_EQUAL(testbed_send(&tb, "wan", &packet), SLUICE_BLOCKED);
	block_set_close(&set);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(longest_prefix_in_force_decides),
		UNIT_TEST(block_ends_by_itself),
		{},
	};

	return unit_run("block-set", tests);
}
