/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Limits: their words, and what packets read of them. A rate becomes the time that one
 * packet, byte or flow takes up, in parts of a jiffy.
 */
#include "limit.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

/* What one tick brings must fit beside a packet of this size, or it would be lost. */
#define LARGE_FRAME 2048

static const struct {
	char letter;
	unsigned long long factor;
} units[] = {{'G', 1000000000ULL}, {'M', 1000000ULL}, {'k', 1000ULL}};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

/* Up to the first character that is not of the amount; NULL: there is none. */
static const char *scan_amount(const char *text, unsigned long long *out)
{
	unsigned value;
	const char *end = number_scan(text, 4000000000U, &value);

	if (!end)
		return NULL;
	*out = value;
	for (size_t i = 0; i < UNIT_COUNT; i++)
		if (*end == units[i].letter) {
			*out *= units[i].factor;
			return end + 1;
		}
	return end;
}

int limit_amount_parse(const char *text, unsigned long long *out)
{
	unsigned long long amount;
	const char *end = scan_amount(text, &amount);

	if (!end || *end || !amount)
		return -EINVAL;
	*out = amount;
	return 0;
}

int limit_rate_parse(const char *text, struct limit_rate *out)
{
	struct limit_rate rate;
	const char *end = scan_amount(text, &rate.amount);

	if (!end || !rate.amount || (strcmp(end, "/s") != 0 && strcmp(end, "/m") != 0))
		return -EINVAL;
	rate.seconds = end[1] == 'm' ? 60 : 1;
	*out = rate;
	return 0;
}

static const char *scan_bits(const char *text, unsigned max, unsigned *bits)
{
	const char *end = *text == '/' ? number_scan(text + 1, max, bits) : NULL;

	return end && *bits ? end : NULL;
}

int limit_per_parse(const char *text, struct limit_per *out)
{
	struct limit_per per = {
		.source = true, .bits = LIMIT_DEFAULT_BITS, .bits6 = LIMIT_DEFAULT_BITS6};
	const char *end = text + strlen("source");

	if (!strcmp(text, "all")) {
		*out = (struct limit_per){0};
		return 0;
	}
	if (strncmp(text, "source", strlen("source")) != 0)
		return -EINVAL;
	if (*end)
		end = scan_bits(end, 32, &per.bits);
	if (end && *end)
		end = scan_bits(end, 128, &per.bits6);
	if (!end || *end)
		return -EINVAL;
	*out = per;
	return 0;
}

const char *limit_amount_format(unsigned long long amount, char buf[LIMIT_TEXT_LEN])
{
	for (size_t i = 0; i < UNIT_COUNT; i++)
		if (amount && amount % units[i].factor == 0) {
			snprintf(buf, LIMIT_TEXT_LEN, "%llu%c", amount / units[i].factor,
				 units[i].letter);
			return buf;
		}
	snprintf(buf, LIMIT_TEXT_LEN, "%llu", amount);
	return buf;
}

const char *limit_rate_format(const struct limit_rate *rate, char buf[LIMIT_TEXT_LEN])
{
	limit_amount_format(rate->amount, buf);
	return strcat(buf, rate->seconds == 60 ? "/m" : "/s");
}

const char *limit_per_format(const struct limit_per *per, char buf[LIMIT_TEXT_LEN])
{
	if (!per->source)
		strcpy(buf, "all");
	else if (per->bits6 != LIMIT_DEFAULT_BITS6)
		snprintf(buf, LIMIT_TEXT_LEN, "source/%u/%u", per->bits, per->bits6);
	else if (per->bits != LIMIT_DEFAULT_BITS)
		snprintf(buf, LIMIT_TEXT_LEN, "source/%u", per->bits);
	else
		strcpy(buf, "source");
	return buf;
}

unsigned long long limit_burst(const struct limit *limit)
{
	unsigned long long burst = limit->rate.amount / (10ULL * limit->rate.seconds);

	if (limit->burst)
		return limit->burst;
	return burst ? burst : 1;
}

struct limit *limit_find(struct limit *limits, size_t count, enum sluice_measure of, bool source)
{
	for (size_t i = 0; i < count; i++)
		if (limits[i].of == of && limits[i].per.source == source)
			return &limits[i];
	return NULL;
}

/* --- as packets read it ------------------------------------------------------------ */

/* No bucket is so shallow that what one tick brings overflows it. */
static struct sluice_rate compile_rate(const struct limit *limit, unsigned hz)
{
	const __u64 tick = 1ULL << SLUICE_LIMIT_TICK_BITS;
	const unsigned __int128 seconds = (unsigned __int128)hz
					  << (SLUICE_LIMIT_TICK_BITS + SLUICE_LIMIT_COST_BITS);
	__u64 cost = (__u64)(seconds * limit->rate.seconds / limit->rate.amount);
	unsigned __int128 depth = (unsigned __int128)limit_burst(limit) * cost;
	unsigned __int128 least = limit->of == SLUICE_MEASURE_BYTES ? LARGE_FRAME : 1;

	depth >>= SLUICE_LIMIT_COST_BITS;
	least = (least * cost >> SLUICE_LIMIT_COST_BITS) + tick;
	return (struct sluice_rate){.cost = cost, .depth = (__u64)(depth > least ? depth : least)};
}

/* Ones from the first bit of an address on: 0 to 64 of them, as a packet has them. */
static __u64 mask_word(unsigned bits)
{
	return bits ? htobe64(~0ULL << (64 - bits)) : 0;
}

static void compile_source(const struct limit_per *per, struct sluice_limit *out)
{
	out->mask4 = mask_word(32 + per->bits);
	out->mask6[0] = mask_word(per->bits6 < 64 ? per->bits6 : 64);
	out->mask6[1] = mask_word(per->bits6 < 64 ? 0 : per->bits6 - 64);
}

struct sluice_limit limit_compile(const struct limit *limits, size_t count, unsigned hz)
{
	struct sluice_limit out = {0};

	for (size_t i = 0; i < count; i++) {
		const struct limit *limit = &limits[i];
		__u8 bit = (__u8)(1 << limit->of);

		if (limit->per.source) {
			out.source |= bit;
			out.of_source[limit->of] = compile_rate(limit, hz);
			compile_source(&limit->per, &out);
		} else {
			out.whole |= bit;
			out.of_whole[limit->of] = compile_rate(limit, hz);
		}
	}
	return out;
}
