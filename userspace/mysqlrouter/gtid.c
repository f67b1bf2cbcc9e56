/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "gtid.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define UUID_BYTES 16

/* --- reading ----------------------------------------------------------------------- */

/* What is left of the text; parsers move its front. */
static void skip_blanks(struct span *text)
{
	while (text->length && strchr(" \t\r\n", *text->bytes)) {
		text->bytes++;
		text->length--;
	}
}

static bool take_char(struct span *text, char wanted)
{
	if (!text->length || *text->bytes != wanted)
		return false;
	text->bytes++;
	text->length--;
	return true;
}

static int take_number(struct span *text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	size_t digits = 0;

	for (; text->length && *text->bytes >= '0' && *text->bytes <= '9'; digits++) {
		unsigned digit = (unsigned)(*text->bytes - '0');

		if (value > (max - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
		text->bytes++;
		text->length--;
	}
	*out = value;
	return digits ? 0 : -EINVAL;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int take_uuid(struct span *text, uint8_t uuid[UUID_BYTES])
{
	for (size_t i = 0; i < UUID_BYTES; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && !take_char(text, '-'))
			return -EINVAL;
		if (text->length < 2)
			return -EINVAL;
		high = hex_value(text->bytes[0]);
		low = hex_value(text->bytes[1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		uuid[i] = (uint8_t)(high << 4 | low);
		text->bytes += 2;
		text->length -= 2;
	}
	return 0;
}

/* domain-server-sequence, as the position that holds all up to it. */
static int take_mariadb(struct span *text, struct gtid_range *range)
{
	uint64_t domain, server;

	*range = (struct gtid_range){};
	if (take_number(text, UINT32_MAX, &domain) || !take_char(text, '-') ||
	    take_number(text, UINT32_MAX, &server) || !take_char(text, '-') ||
	    take_number(text, UINT64_MAX, &range->last))
		return -EINVAL;
	memcpy(range->source, &(uint32_t){(uint32_t)domain}, sizeof(uint32_t));
	range->server = (uint32_t)server;
	return 0;
}

/* n or n-m. */
static int take_interval(struct span *text, struct gtid_range *range)
{
	if (take_number(text, UINT64_MAX, &range->first))
		return -EINVAL;
	range->last = range->first;
	if (take_char(text, '-') && take_number(text, UINT64_MAX, &range->last))
		return -EINVAL;
	return range->first && range->first <= range->last ? 0 : -EINVAL;
}

static void keep(struct gtid_set *set, const struct gtid_range *range)
{
	if (set->count == GTID_MAX_RANGES)
		set->truncated = true;
	else
		set->ranges[set->count++] = *range;
}

/* uuid:interval[:interval]... Tags (MySQL 8.3) are not understood. */
static int take_intervals(struct span *text, struct gtid_set *set)
{
	struct gtid_range range = {};

	if (take_uuid(text, range.source) || !text->length || *text->bytes != ':')
		return -EINVAL;
	while (take_char(text, ':')) {
		if (take_interval(text, &range))
			return -EINVAL;
		keep(set, &range);
	}
	return 0;
}

static int take_position(struct span *text, struct gtid_set *set)
{
	struct gtid_range range;

	if (take_mariadb(text, &range))
		return -EINVAL;
	keep(set, &range);
	return 0;
}

/* --- sets -------------------------------------------------------------------------- */

int gtid_parse(enum gtid_flavour flavour, struct span text, struct gtid_set *set)
{
	*set = (struct gtid_set){.flavour = (uint8_t)flavour};
	skip_blanks(&text);
	while (text.length) {
		if (flavour == GTID_MARIADB ? take_position(&text, set)
					    : take_intervals(&text, set))
			return -EINVAL;
		skip_blanks(&text);
		if (text.length && !take_char(&text, ','))
			return -EINVAL;
		skip_blanks(&text);
	}
	return 0;
}

static bool same_source(const struct gtid_range *a, const struct gtid_range *b)
{
	return !memcmp(a->source, b->source, sizeof(a->source));
}

static int widen(struct gtid_set *set, const struct gtid_range *range)
{
	for (size_t i = 0; i < set->count; i++) {
		struct gtid_range *own = &set->ranges[i];

		if (!same_source(own, range))
			continue;
		if (range->first < own->first)
			own->first = range->first;
		if (range->last > own->last) {
			own->last = range->last;
			own->server = range->server;
		}
		return 0;
	}
	if (set->count == GTID_MAX_RANGES)
		return -ENOSPC;
	set->ranges[set->count++] = *range;
	return 0;
}

int gtid_merge_written(struct gtid_set *into, const struct gtid_set *from)
{
	struct gtid_set sum = *into;

	sum.flavour = from->flavour;
	for (size_t i = 0; i < from->count; i++)
		if (widen(&sum, &from->ranges[i]))
			return -ENOSPC;
	*into = sum;
	return 0;
}

int gtid_add_written(enum gtid_flavour flavour, struct span text, struct gtid_set *written)
{
	struct gtid_set added;
	int err = gtid_parse(flavour, text, &added);

	if (err)
		return err;
	return added.truncated ? -ENOSPC : gtid_merge_written(written, &added);
}

static bool contains_range(const struct gtid_set *applied, const struct gtid_range *wanted)
{
	for (size_t i = 0; i < applied->count; i++) {
		const struct gtid_range *has = &applied->ranges[i];

		if (same_source(has, wanted) && has->first <= wanted->first &&
		    has->last >= wanted->last)
			return true;
	}
	return false;
}

bool gtid_contains(const struct gtid_set *applied, const struct gtid_set *written)
{
	for (size_t i = 0; i < written->count; i++)
		if (applied->flavour != written->flavour ||
		    !contains_range(applied, &written->ranges[i]))
			return false;
	return true;
}

static int format_range(enum gtid_flavour flavour, const struct gtid_range *range, char *buf,
			size_t size)
{
	const uint8_t *id = range->source;
	uint32_t domain;

	if (flavour == GTID_MARIADB) {
		memcpy(&domain, id, sizeof(domain));
		return snprintf(buf, size, "%" PRIu32 "-%" PRIu32 "-%" PRIu64, domain,
				range->server, range->last);
	}
	return snprintf(buf, size,
			"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x"
			":%" PRIu64 "-%" PRIu64,
			id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9],
			id[10], id[11], id[12], id[13], id[14], id[15], range->first, range->last);
}

const char *gtid_format(const struct gtid_set *set, char buf[GTID_TEXT_LEN])
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->count && used < GTID_TEXT_LEN; i++) {
		if (i)
			buf[used++] = ',';
		used += (size_t)format_range(set->flavour, &set->ranges[i], buf + used,
					     GTID_TEXT_LEN - used);
	}
	return buf;
}
