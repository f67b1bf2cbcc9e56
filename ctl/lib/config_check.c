/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "config_check.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config_flow.h"
#include "number.h"
#include "words.h"

#define MIN_INTERVAL_MS	  10
#define MAX_INTERVAL_MS	  (60 * 60 * 1000)
#define MIN_STATUS	  100
#define MAX_STATUS	  599
#define DURATION_EXPECTED "a duration from 10ms to 60m, such as 500ms, 2s or 1m"
#define BYTES_EXPECTED	  "1 to 255 bytes, as text, or as hexadecimal digits behind 0x"
#define FILE_EXPECTED	  "the absolute path of a file"

/* --- values ------------------------------------------------------------------------ */

/* A port range is read the same way; that of a status is narrower. */
static int parse_statuses(const struct field *field, const char *text, void *out)
{
	struct port_range range;

	(void)field;
	if (port_range_parse(text, &range) || range.min < MIN_STATUS || range.max > MAX_STATUS)
		return -EINVAL;
	*(struct status_range *)out = (struct status_range){range.min, range.max};
	return 0;
}

static void read_status(struct reader *r, const struct field *field, const yaml_node_t *scalar,
			void *object)
{
	struct health_check *check = object;
	const char *text = reader_text(scalar);

	if (!text || parse_statuses(field, text, &check->statuses[check->status_count]))
		reader_mistake(r, field, scalar);
	else
		check->status_count++;
}

static void read_statuses(struct reader *r, const struct field *field, const yaml_node_t *value,
			  void *object)
{
	static const struct status_range usual = {CHECK_DEFAULT_STATUS, CHECK_DEFAULT_STATUS};
	struct health_check *check = object;

	reader_each_scalar(r, field, value, object, read_status);
	if (check->status_count == 1 && !memcmp(check->statuses, &usual, sizeof(usual)))
		memset(check->statuses, 0, check->status_count-- * sizeof(usual));
}

static int hex_digit(char letter)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = letter ? strchr(digits, tolower((unsigned char)letter)) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int parse_hex(const char *text, struct check_bytes *bytes)
{
	size_t count = strlen(text) / 2;

	if (strlen(text) % 2 || !count || count > CHECK_BYTES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes->bytes[i] = (unsigned char)(high << 4 | low);
	}
	bytes->length = (unsigned char)count;
	return 0;
}

static int parse_bytes(const struct field *field, const char *text, void *out)
{
	struct check_bytes bytes = {0};
	size_t length = strlen(text);

	(void)field;
	if (!strncmp(text, "0x", 2)) {
		if (parse_hex(text + 2, &bytes))
			return -EINVAL;
	} else if (!length || length > CHECK_BYTES_MAX) {
		return -EINVAL;
	} else {
		memcpy(bytes.bytes, text, length);
		bytes.length = (unsigned char)length;
	}
	memcpy(out, &bytes, sizeof(bytes));
	return 0;
}

/* --- the table --------------------------------------------------------------------- */

/* clang-format off */
#define MEMBER(member)	FIELD_MEMBER(struct health_check, member)
#define SCALAR(parser, member) .read = read_scalar, .parse = parser, MEMBER(member)
#define NUMBER(member, least, most) \
	SCALAR(parse_number, member), .min = least, .max = most
#define DURATION(member) \
	SCALAR(parse_duration_ms, member), .min = MIN_INTERVAL_MS, .max = MAX_INTERVAL_MS, \
	.expected = DURATION_EXPECTED
#define WORD(member, list) SCALAR(parse_word, member), .words = list
#define BYTES(member)	SCALAR(parse_bytes, member), .expected = BYTES_EXPECTED
#define FILE_NAME(member) SCALAR(parse_absolute_path, member), .expected = FILE_EXPECTED

const struct field config_check_fields[] = {
	{"type", WORD(type, check_type_words), .required = true},
	{"port", NUMBER(port, 1, 65535)},
	{"via", WORD(via, check_via_words)},
	{"name", SCALAR(parse_text, name), .expected = "a host name of at most 255 characters"},
	{"path", SCALAR(parse_absolute_path, path), .expected = "a path that begins with \"/\""},
	{"method", WORD(method, check_method_words)},
	{"status", .read = read_statuses, .parse = parse_statuses, .max = CHECK_STATUSES_MAX,
	 .expected = "a status from 100 to 599, or a range such as 200-399"},
	{"body", BYTES(body)},
	{"ca", FILE_NAME(ca)},
	{"send", BYTES(send)},
	{"expect", BYTES(expect)},
	{"user", SCALAR(parse_text, user), .expected = "a user name of at most 127 characters"},
	{"password-file", FILE_NAME(password_file)},
	{"read-only", WORD(read_only, check_read_only_words)},
	{"interval", DURATION(interval_ms)},
	{"timeout", DURATION(timeout_ms)},
	{"jitter", SCALAR(parse_percent, jitter), .max = CHECK_JITTER_MAX,
	 .expected = "a percentage from 0% to 50%"},
	{"rise", NUMBER(rise, 1, 100)},
	{"fall", NUMBER(fall, 1, 100)},
	{},
};

/* clang-format on */

/* --- the canonical form -------------------------------------------------------------- */

static bool is_text(const struct check_bytes *bytes)
{
	for (size_t i = 0; i < bytes->length; i++)
		if (bytes->bytes[i] < ' ' || bytes->bytes[i] > '~')
			return false;
	return bytes->length < 2 || memcmp(bytes->bytes, "0x", 2);
}

const char *config_check_bytes_format(const struct check_bytes *bytes,
				      char buf[CHECK_BYTES_TEXT_LEN])
{
	if (is_text(bytes)) {
		memcpy(buf, bytes->bytes, bytes->length);
		buf[bytes->length] = '\0';
		return buf;
	}
	strcpy(buf, "0x");
	for (size_t i = 0; i < bytes->length; i++)
		sprintf(buf + 2 + 2 * i, "%02x", bytes->bytes[i]);
	return buf;
}

const char *config_check_statuses_format(const struct health_check *check,
					 char buf[STATUSES_TEXT_LEN])
{
	int used = sprintf(buf, "%d", CHECK_DEFAULT_STATUS);

	for (size_t i = 0; i < check->status_count; i++) {
		const struct status_range *range = &check->statuses[i];

		used = i ? used + sprintf(buf + used, ", ") : 0;
		used += sprintf(buf + used, "%u", range->min);
		if (range->max != range->min)
			used += sprintf(buf + used, "-%u", range->max);
	}
	return buf;
}

static void put_text(struct flow *flow, const char *key, const char *text)
{
	if (*text)
		flow_text(flow, key, text);
}

static void put_number(struct flow *flow, const char *key, unsigned number, unsigned usual)
{
	if (number != usual)
		flow_number(flow, key, number);
}

static void put_duration(struct flow *flow, const char *key, unsigned ms, unsigned usual_ms)
{
	if (ms != usual_ms)
		flow_duration(flow, key, ms);
}

static void put_bytes(struct flow *flow, const char *key, const struct check_bytes *bytes)
{
	char buf[CHECK_BYTES_TEXT_LEN];

	if (bytes->length)
		flow_text(flow, key, config_check_bytes_format(bytes, buf));
}

static void put_statuses(struct flow *flow, const struct health_check *check)
{
	char buf[STATUSES_TEXT_LEN];

	if (check->status_count)
		fprintf(flow_key(flow, "status"), check->status_count == 1 ? "%s" : "[%s]",
			config_check_statuses_format(check, buf));
}

/* In the order of the table. */
static void put_members(struct flow *flow, const struct health_check *check,
			const struct health_check *usual)
{
	flow_text(flow, "type", check_type_name(check->type));
	put_number(flow, "port", check->port, usual->port);
	if (check->via != usual->via)
		flow_text(flow, "via", check_via_name(check->via));
	put_text(flow, "name", check->name);
	if (strcmp(check->path, usual->path))
		flow_text(flow, "path", check->path);
	if (check->method != usual->method)
		flow_text(flow, "method", check_method_name(check->method));
	put_statuses(flow, check);
	put_bytes(flow, "body", &check->body);
	put_text(flow, "ca", check->ca);
	put_bytes(flow, "send", &check->send);
	put_bytes(flow, "expect", &check->expect);
	put_text(flow, "user", check->user);
	put_text(flow, "password-file", check->password_file);
	if (check->read_only != usual->read_only)
		flow_text(flow, "read-only", check_read_only_name(check->read_only));
	put_duration(flow, "interval", check->interval_ms, usual->interval_ms);
	put_duration(flow, "timeout", check->timeout_ms, usual->timeout_ms);
	if (check->jitter != usual->jitter)
		fprintf(flow_key(flow, "jitter"), "%u%%", check->jitter);
	put_number(flow, "rise", check->rise, usual->rise);
	put_number(flow, "fall", check->fall, usual->fall);
}

void config_check_write(FILE *out, const struct health_check *check)
{
	struct flow flow = {.out = out};
	struct health_check usual;

	model_check_init(&usual);
	if (!memcmp(check, &usual, sizeof(usual)))
		return;
	fputs("    check: {", out);
	put_members(&flow, check, &usual);
	fputs("}\n", out);
}
