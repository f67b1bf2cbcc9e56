/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Maglev rings: shares follow the weights, rings depend on names and weights
 * alone, and little more moves than must when a backend changes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "maglev.h"
#include "../support/unit.h"

#define MAX_BACKENDS 1000

static struct maglev_backend backends[MAX_BACKENDS];
static char names[MAX_BACKENDS][24];
static uint32_t ring[SLUICE_RING_SIZE], other[SLUICE_RING_SIZE];
static unsigned shares[MAX_BACKENDS];

/* Backend i is called web<i> and its value is i. */
static void make_backends(size_t count, unsigned weight)
{
	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "web%zu", i);
		backends[i] = (struct maglev_backend){names[i], weight, (uint32_t)i};
	}
}

static void build(size_t count, uint32_t *out)
{
	CU_ASSERT_EQUAL_FATAL(maglev_build(backends, count, out, SLUICE_RING_SIZE), 0);
}

static unsigned total_weight(size_t count)
{
	unsigned total = 0;

	for (size_t i = 0; i < count; i++)
		total += backends[i].weight;
	return total;
}

/* The largest deviation of a share from what its weight deserves, in that. */
static double imbalance(size_t count)
{
	double worst = 0;

	memset(shares, 0, sizeof(shares));
	for (size_t i = 0; i < SLUICE_RING_SIZE; i++) {
		CU_ASSERT_FATAL(ring[i] < count);
		shares[ring[i]]++;
	}
	for (size_t i = 0; i < count; i++) {
		double ideal = (double)SLUICE_RING_SIZE * backends[i].weight / total_weight(count);
		double off = ideal ? shares[i] / ideal - 1 : shares[i];

		if (off < 0)
			off = -off;
		if (off > worst)
			worst = off;
	}
	return worst;
}

static void equal_weights_get_equal_shares(void)
{
	static const size_t counts[] = {1, 2, 3, 10, 100};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		make_backends(counts[i], 100);
		build(counts[i], ring);
		CU_ASSERT(imbalance(counts[i]) < 0.01);
	}
}

static void shares_follow_weights(void)
{
	static const unsigned weights[] = {1000, 500, 333, 100, 100, 50, 20, 0};
	const size_t count = sizeof(weights) / sizeof(*weights);

	make_backends(count, 0);
	for (size_t i = 0; i < count; i++)
		backends[i].weight = weights[i];
	build(count, ring);
	CU_ASSERT(imbalance(count) < 0.01);
	CU_ASSERT_EQUAL(shares[count - 1], 0);
}

static void random_weights(size_t count)
{
	unsigned random = 1;

	make_backends(count, 0);
	for (size_t i = 0; i < count; i++) {
		random = random * 1103515245 + 12345;
		backends[i].weight = 50 + (random >> 16) % 951;
	}
}

static void hundred_random_weights_are_followed(void)
{
	random_weights(100);
	build(100, ring);
	CU_ASSERT(imbalance(100) < 0.02);
}

static void scaled_weights_make_the_same_ring(void)
{
	make_backends(10, 100);
	build(10, ring);
	make_backends(10, 1);
	build(10, other);
	CU_ASSERT_EQUAL(memcmp(ring, other, sizeof(ring)), 0);
}

static void order_of_backends_does_not_count(void)
{
	struct maglev_backend swap;

	make_backends(20, 100);
	backends[3].weight = 700;
	build(20, ring);
	for (size_t i = 0; i < 10; i++) {
		swap = backends[i];
		backends[i] = backends[19 - i];
		backends[19 - i] = swap;
	}
	build(20, other);
	CU_ASSERT_EQUAL(memcmp(ring, other, sizeof(ring)), 0);
}

static void values_do_not_count(void)
{
	size_t differing = 0;

	make_backends(20, 100);
	build(20, ring);
	for (size_t i = 0; i < 20; i++)
		backends[i].value = (uint32_t)(4000 - i);
	build(20, other);
	for (size_t i = 0; i < SLUICE_RING_SIZE; i++)
		differing += other[i] != 4000 - ring[i];
	CU_ASSERT_EQUAL(differing, 0);
}

/* How much more moved from `ring` to `other` than the change of shares needs, of the whole. */
static double excess_moves(size_t count)
{
	size_t moved = 0, needed = 0;
	int change[MAX_BACKENDS] = {0};

	for (size_t i = 0; i < SLUICE_RING_SIZE; i++) {
		CU_ASSERT_FATAL(ring[i] < count && other[i] < count);
		moved += ring[i] != other[i];
		change[ring[i]]++;
		change[other[i]]--;
	}
	for (size_t i = 0; i < count; i++)
		needed += change[i] > 0 ? (size_t)change[i] : 0;
	return (double)(moved - needed) / SLUICE_RING_SIZE;
}

/* The worst excess when the weight of one of five backends goes from the one to the other. */
static double worst_excess(size_t count, unsigned from, unsigned to)
{
	double worst = 0, excess;

	for (size_t i = 0; i < 5 && i < count; i++) {
		size_t changed = i * (count - 1) / 4;
		unsigned weight = backends[changed].weight;

		if (count < 5)
			changed = i;
		backends[changed].weight = from;
		build(count, ring);
		backends[changed].weight = to;
		build(count, other);
		backends[changed].weight = weight;
		excess = excess_moves(count);
		if (excess > worst)
			worst = excess;
	}
	return worst;
}

static void little_moves_when_one_backend_changes(void)
{
	static const struct {
		const char *what;
		unsigned from, to;
	} changes[] = {
		{"added", 0, 100},     {"removed", 100, 0},    {"halved", 100, 50},
		{"doubled", 100, 200}, {"slow start", 10, 20},
	};
	static const size_t counts[] = {2, 10, 100, 1000};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		make_backends(counts[i], 100);
		printf("\n    one of %4zu:", counts[i]);
		for (size_t c = 0; c < sizeof(changes) / sizeof(*changes); c++) {
			double excess = worst_excess(counts[i], changes[c].from, changes[c].to);

			printf(" %s %.2f %%", changes[c].what, 100 * excess);
			CU_ASSERT(excess <= 0.01);
		}
	}
	putchar('\n');
}

/* A weight is nobody's measure: the others keep their turns when the heaviest goes. */
static void little_moves_when_the_heaviest_goes(void)
{
	random_weights(MAX_BACKENDS);
	backends[7].weight = 1000;
	build(MAX_BACKENDS, ring);
	backends[7].weight = 0;
	build(MAX_BACKENDS, other);
	CU_ASSERT(excess_moves(MAX_BACKENDS) <= 0.015);
}

static void ring_without_backends_is_empty(void)
{
	size_t used = 0;

	make_backends(3, 0);
	build(3, ring);
	build(0, other);
	for (size_t i = 0; i < SLUICE_RING_SIZE; i++)
		used += ring[i] != SLUICE_NONE || other[i] != SLUICE_NONE;
	CU_ASSERT_EQUAL(used, 0);
}

static void thousand_backends_are_built_quickly(void)
{
	struct timespec start, end;

	make_backends(MAX_BACKENDS, 100);
	backends[0].weight = 1000;
	clock_gettime(CLOCK_MONOTONIC, &start);
	build(MAX_BACKENDS, ring);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("\n    1000 backends: %.1f ms, imbalance %.1f %%\n",
	       (double)(end.tv_sec - start.tv_sec) * 1e3 +
		       (double)(end.tv_nsec - start.tv_nsec) / 1e6,
	       100 * imbalance(MAX_BACKENDS));
	CU_ASSERT(imbalance(MAX_BACKENDS) < 0.03);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(equal_weights_get_equal_shares),
		UNIT_TEST(shares_follow_weights),
		UNIT_TEST(hundred_random_weights_are_followed),
		UNIT_TEST(scaled_weights_make_the_same_ring),
		UNIT_TEST(order_of_backends_does_not_count),
		UNIT_TEST(values_do_not_count),
		UNIT_TEST(little_moves_when_one_backend_changes),
		UNIT_TEST(little_moves_when_the_heaviest_goes),
		UNIT_TEST(ring_without_backends_is_empty),
		UNIT_TEST(thousand_backends_are_built_quickly),
		{},
	};

	return unit_run("maglev", tests);
}
