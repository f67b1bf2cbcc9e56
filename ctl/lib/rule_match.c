/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TCP flags, ICMP types and states as text. RFC 792 and RFC 4443 give the types.
 */
#include "rule_match.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

static const char *const flag_names[] = {"fin", "syn", "rst", "psh", "ack", "urg"};

#define FLAG_COUNT (sizeof(flag_names) / sizeof(flag_names[0]))

static const struct {
	const char *name;
	unsigned char type4, type6;
} icmp_names[] = {
	{"echo-request", 8, 128}, {"echo-reply", 0, 129},	{"destination-unreachable", 3, 1},
	{"time-exceeded", 11, 3}, {"parameter-problem", 12, 4}, {"redirect", 5, 137},
};

#define ICMP_NAME_COUNT (sizeof(icmp_names) / sizeof(icmp_names[0]))

static const char *const state_names[] = {"any", "new", "invalid"};

/* One name of a list that ends with a comma, a slash or the text. */
static unsigned find_flag(const char *text, size_t length)
{
	for (unsigned i = 0; i < FLAG_COUNT; i++)
		if (strlen(flag_names[i]) == length && !memcmp(flag_names[i], text, length))
			return 1U << i;
	return 0;
}

static const char *parse_flags(const char *text, unsigned char *out)
{
	for (*out = 0;; text++) {
		size_t length = strcspn(text, ",/");
		unsigned flag = find_flag(text, length);

		if (!flag || (*out & flag))
			return NULL;
		*out |= (unsigned char)flag;
		text += length;
		if (*text != ',')
			return text;
	}
}

int tcp_flags_match_parse(const char *text, struct tcp_flags_match *out)
{
	struct tcp_flags_match match = {0};

	if (!strncmp(text, "none/", 5))
		text += 4;
	else
		text = parse_flags(text, &match.value);
	if (!text)
		return -EINVAL;
	match.mask = match.value;
	if (*text == '/')
		text = parse_flags(text + 1, &match.mask);
	if (!text || *text || (match.value & ~match.mask))
		return -EINVAL;
	*out = match;
	return 0;
}

static size_t format_flags(char *buf, unsigned flags)
{
	size_t length = 0;

	for (unsigned i = 0; i < FLAG_COUNT; i++)
		if (flags >> i & 1)
			length += (size_t)sprintf(buf + length, "%s%s", length ? "," : "",
						  flag_names[i]);
	return length;
}

const char *tcp_flags_match_format(const struct tcp_flags_match *match,
				   char buf[RULE_MATCH_TEXT_LEN])
{
	size_t length = format_flags(buf, match->value);

	if (!length)
		length = (size_t)sprintf(buf, "none");
	if (match->mask != match->value) {
		buf[length++] = '/';
		format_flags(buf + length, match->mask);
	}
	return buf;
}

int icmp_match_parse(const char *text, struct icmp_match *out)
{
	struct icmp_match match = {.given = true};
	unsigned type, code;
	const char *end = number_scan(text, 255, &type);

	for (size_t i = 0; i < ICMP_NAME_COUNT; i++) {
		if (strcmp(text, icmp_names[i].name) != 0)
			continue;
		match.type4 = icmp_names[i].type4;
		match.type6 = icmp_names[i].type6;
		*out = match;
		return 0;
	}
	if (!end)
		return -EINVAL;
	match.type4 = match.type6 = (unsigned char)type;
	if (*end == '/') {
		end = number_scan(end + 1, 255, &code);
		if (!end)
			return -EINVAL;
		match.has_code = true;
		match.code = (unsigned char)code;
	}
	if (*end)
		return -EINVAL;
	*out = match;
	return 0;
}

const char *icmp_match_format(const struct icmp_match *match, char buf[RULE_MATCH_TEXT_LEN])
{
	for (size_t i = 0; i < ICMP_NAME_COUNT && !match->has_code; i++)
		if (match->type4 == icmp_names[i].type4 && match->type6 == icmp_names[i].type6)
			return strcpy(buf, icmp_names[i].name);
	if (match->has_code)
		sprintf(buf, "%u/%u", match->type4, match->code);
	else
		sprintf(buf, "%u", match->type4);
	return buf;
}

int rule_state_parse(const char *text, enum rule_state *out)
{
	for (unsigned i = RULE_STATE_NEW; i <= RULE_STATE_INVALID; i++) {
		if (strcmp(text, state_names[i]) != 0)
			continue;
		*out = (enum rule_state)i;
		return 0;
	}
	return -EINVAL;
}

const char *rule_state_name(enum rule_state state)
{
	return state_names[state];
}
