/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The words of the cluster file, each said once: the command line, JSON and
 * messages print and read the same ones.
 */
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "number.h"

const char *const check_type_words[] = {
	"none", "tcp", "http", "https", "tls", "udp", "mysql", NULL,
};
const char *const check_via_words[] = {"forwarding", "direct", NULL};
const char *const check_method_words[] = {"GET", "HEAD", NULL};
const char *const check_read_only_words[] = {"any", "no", "yes", NULL};
const char *const backend_admin_words[] = {"up", "drain", "down", NULL};
const char *const forward_words[] = {"ipip", "dsr", "gue", "nat", NULL};
const char *const affinity_words[] = {"none", "source", "source64", NULL};
const char *const action_words[] = {"drop", "accept", "accept-stateless", NULL};
const char *const measure_words[] = {"packets", "bytes", "new-flows", NULL};
const char *const flow_state_words[] = {"opening", "established", "closing", "closed", NULL};
const char *const flow_table_words[] = {"firewall", "balancer", NULL};
const char *const yes_no_words[] = {"no", "yes", NULL};
const char *const role_words[] = {"firewall", "balancer", "forward", "decap", NULL};

const char *const proto_words[] = {
	"any", "tcp", "udp", "icmp", "icmpv6", "ipip", "ipv6", "gre", "esp", "ah", "sctp", NULL,
};

/* Beside proto_words. "icmp" is ICMP of either family, "icmpv6" that of IPv6 alone. */
static const int proto_numbers[] = {
	0,
	IPPROTO_TCP,
	IPPROTO_UDP,
	IPPROTO_ICMP,
	IPPROTO_ICMPV6,
	IPPROTO_IPIP,
	IPPROTO_IPV6,
	IPPROTO_GRE,
	IPPROTO_ESP,
	IPPROTO_AH,
	IPPROTO_SCTP,
};

_Static_assert(sizeof(proto_words) / sizeof(*proto_words) ==
		       sizeof(proto_numbers) / sizeof(*proto_numbers) + 1,
	       "a number for each protocol");

int words_find(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

const char *check_type_name(enum check_type type)
{
	return check_type_words[type];
}

const char *check_via_name(enum check_via via)
{
	return check_via_words[via];
}

const char *check_method_name(enum check_method method)
{
	return check_method_words[method];
}

const char *check_read_only_name(enum check_read_only read_only)
{
	return check_read_only_words[read_only];
}

const char *backend_admin_name(enum backend_admin admin)
{
	return backend_admin_words[admin];
}

const char *forward_name(enum sluice_forward forward)
{
	return forward_words[forward];
}

const char *affinity_name(enum affinity affinity)
{
	return affinity_words[affinity];
}

const char *action_name(enum sluice_action action)
{
	return action_words[action];
}

const char *measure_name(enum sluice_measure measure)
{
	return measure_words[measure];
}

const char *role_name(enum sluice_role role)
{
	return role_words[__builtin_ctz(role)];
}

const char *proto_name(int proto, char buf[4])
{
	for (size_t i = 0; proto_words[i]; i++)
		if (proto_numbers[i] == proto)
			return proto_words[i];
	snprintf(buf, 4, "%u", (unsigned)proto & 0xff);
	return buf;
}

int forward_parse(const char *word, enum sluice_forward *out)
{
	int index = words_find(forward_words, word);

	if (index < 0)
		return -EINVAL;
	*out = (enum sluice_forward)index;
	return 0;
}

int action_parse(const char *word, enum sluice_action *out)
{
	int index = words_find(action_words, word);

	if (index < 0)
		return -EINVAL;
	*out = (enum sluice_action)index;
	return 0;
}

int role_parse(const char *word, enum sluice_role *out)
{
	int index = words_find(role_words, word);

	if (index < 0)
		return -EINVAL;
	*out = (enum sluice_role)(1 << index);
	return 0;
}

int proto_parse(const char *word, int *out)
{
	int index = words_find(proto_words, word);
	const char *end;
	unsigned number;

	if (index >= 0) {
		*out = proto_numbers[index];
		return 0;
	}
	end = number_scan(word, 255, &number);
	if (!end || *end || !number)
		return -EINVAL;
	*out = (int)number;
	return 0;
}

int duration_parse(const char *word, unsigned max_ms, unsigned *out)
{
	unsigned value, unit_ms;
	const char *unit = number_scan(word, max_ms, &value);

	if (!unit)
		return -EINVAL;
	if (!strcmp(unit, "ms"))
		unit_ms = 1;
	else if (!strcmp(unit, "s"))
		unit_ms = 1000;
	else if (!strcmp(unit, "m"))
		unit_ms = 60 * 1000;
	else if (!strcmp(unit, "h"))
		unit_ms = 60 * 60 * 1000;
	else
		return -EINVAL;
	if (value > max_ms / unit_ms)
		return -EINVAL;
	*out = value * unit_ms;
	return 0;
}

int percent_parse(const char *word, unsigned *out)
{
	unsigned value;
	const char *end = number_scan(word, 100, &value);

	if (!end || strcmp(end, "%") != 0)
		return -EINVAL;
	*out = value;
	return 0;
}

int syn_cookies_parse(const char *word, unsigned *out)
{
	unsigned limit;
	const char *rest;

	if (!strcmp(word, "off")) {
		*out = SYN_COOKIES_OFF;
		return 0;
	}
	if (!strcmp(word, "always")) {
		*out = SYN_COOKIES_ALWAYS;
		return 0;
	}
	rest = number_scan(word, MODEL_MAX_SYN_LIMIT, &limit);
	if (!rest || !limit || strcmp(rest, "/s") != 0)
		return -EINVAL;
	*out = limit;
	return 0;
}

const char *syn_cookies_format(unsigned syn_cookies, char buf[SYN_COOKIES_TEXT_LEN])
{
	if (syn_cookies == SYN_COOKIES_OFF)
		return "off";
	if (syn_cookies == SYN_COOKIES_ALWAYS)
		return "always";
	snprintf(buf, SYN_COOKIES_TEXT_LEN, "%u/s", syn_cookies);
	return buf;
}
