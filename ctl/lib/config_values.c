/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Scalars of the cluster file: text to typed value, and what to tell whoever
 * wrote something else. Parsers leave `out` untouched on -EINVAL.
 */
#include "config_reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "words.h"

int parse_number(const struct field *field, const char *text, void *out)
{
	const char *end;
	unsigned value;

	end = number_scan(text, field->max, &value);
	if (!end || *end || value < field->min)
		return -EINVAL;
	if (field->size == sizeof(unsigned short))
		*(unsigned short *)out = (unsigned short)value;
	else
		*(unsigned *)out = value;
	return 0;
}

int parse_duration_ms(const struct field *field, const char *text, void *out)
{
	unsigned ms;

	if (duration_parse(text, field->max, &ms) || ms < field->min)
		return -EINVAL;
	*(unsigned *)out = ms;
	return 0;
}

int parse_syn_cookies(const struct field *field, const char *text, void *out)
{
	(void)field;
	return syn_cookies_parse(text, out);
}

int parse_percent(const struct field *field, const char *text, void *out)
{
	unsigned value;

	if (percent_parse(text, &value) || value > field->max)
		return -EINVAL;
	*(unsigned *)out = value;
	return 0;
}

int parse_bool(const struct field *field, const char *text, void *out)
{
	int index = words_find(field->words, text);

	if (index < 0)
		return -EINVAL;
	*(bool *)out = index;
	return 0;
}

int parse_word(const struct field *field, const char *text, void *out)
{
	int index = words_find(field->words, text);

	if (index < 0)
		return -EINVAL;
	*(int *)out = index;
	return 0;
}

int parse_name(const struct field *field, const char *text, void *out)
{
	(void)field;
	if (!model_name_is_valid(text))
		return -EINVAL;
	strcpy(out, text);
	return 0;
}

int parse_ifname(const struct field *field, const char *text, void *out)
{
	(void)field;
	if (!model_ifname_is_valid(text))
		return -EINVAL;
	strcpy(out, text);
	return 0;
}

int parse_text(const struct field *field, const char *text, void *out)
{
	size_t length = strlen(text);

	if (!length || length >= field->size)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return -EINVAL;
	memcpy(out, text, length + 1);
	return 0;
}

int parse_absolute_path(const struct field *field, const char *text, void *out)
{
	return text[0] == '/' ? parse_text(field, text, out) : -EINVAL;
}

int parse_protocol(const struct field *field, const char *text, void *out)
{
	(void)field;
	return proto_parse(text, out);
}

int parse_tcp_flags_match(const struct field *field, const char *text, void *out)
{
	(void)field;
	return tcp_flags_match_parse(text, out);
}

int parse_icmp_match(const struct field *field, const char *text, void *out)
{
	(void)field;
	return icmp_match_parse(text, out);
}

int parse_rule_state(const struct field *field, const char *text, void *out)
{
	(void)field;
	return rule_state_parse(text, out);
}

int parse_port_range(const struct field *field, const char *text, void *out)
{
	(void)field;
	return port_range_parse(text, out);
}

int parse_address(const struct field *field, const char *text, void *out)
{
	(void)field;
	return addr_parse(text, out);
}

int parse_interface_address(const struct field *field, const char *text, void *out)
{
	(void)field;
	return strchr(text, '/') ? prefix_parse(text, out) : -EINVAL;
}

int parse_network(const struct field *field, const char *text, void *out)
{
	struct prefix prefix;

	(void)field;
	if (prefix_parse(text, &prefix) || !prefix_is_network(&prefix))
		return -EINVAL;
	memcpy(out, &prefix, sizeof(prefix));
	return 0;
}

int parse_endpoint(const struct field *field, const char *text, void *out)
{
	(void)field;
	return endpoint_parse(text, out);
}

int parse_vip(const struct field *field, const char *text, void *out)
{
	(void)field;
	return vip_parse(text, out);
}

static const char *describe_words(const char *const *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && used < size; i++) {
		const char *glue = !i ? "" : words[i + 1] ? ", " : " or ";

		used += (size_t)snprintf(buf + used, size - used, "%s%s", glue, words[i]);
	}
	return buf;
}

const char *field_describe(const struct field *field, char *buf, size_t size)
{
	if (field->expected)
		return field->expected;
	if (field->words)
		return describe_words(field->words, buf, size);
	snprintf(buf, size, "a number from %u to %u", field->min, field->max);
	return buf;
}

const char *suggest_network(const char *text, char buf[VIP_TEXT_LEN])
{
	struct prefix prefix;
	struct sluice_addr mask;

	if (prefix_parse(text, &prefix))
		return NULL;
	mask = addr_mask(prefix.bits);
	prefix.addr = addr_and(&prefix.addr, &mask);
	return prefix_format(&prefix, buf);
}

const char *field_suggest(const struct field *field, const char *text, char buf[VIP_TEXT_LEN])
{
	if (field->words)
		return diag_nearest(text, field->words);
	return field->suggest ? field->suggest(text, buf) : NULL;
}
