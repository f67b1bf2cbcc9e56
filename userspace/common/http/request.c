/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Heads of requests: the request line, the forms of its target, and what the
 * fields mean in a request (RFC 9112, 3 and 6; RFC 9110, 7.2, 7.8, 10.1.1).
 */
#include <arpa/inet.h>
#include <string.h>

#include "http/head.h"
#include "http/value.h"

#define METHOD_MAX 32

static struct http_slice between(const char *from, const char *to)
{
	return (struct http_slice){from, (size_t)(to - from)};
}

/* --- host and port ----------------------------------------------------------------- */

/* The address between the brackets of an IP-literal. */
static bool is_ipv6(struct http_slice text)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr ignored;

	if (text.len >= sizeof(address))
		return false;
	memcpy(address, text.at, text.len);
	address[text.len] = '\0';
	return inet_pton(AF_INET6, address, &ignored) == 1;
}

static bool port_parse(struct http_slice text, uint16_t *port)
{
	uint64_t value;

	if (http_number_parse(text, &value) || value == 0 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

int http_authority_parse(struct http_head *head, struct http_slice text)
{
	const char *at = text.at, *end = text.at + text.len;

	head->authority = text;
	head->port = 0;
	if (at < end && *at == '[') {
		const char *bracket = memchr(at, ']', text.len);

		if (!bracket || !is_ipv6(between(at + 1, bracket)))
			return -EBADMSG;
		head->host = between(at + 1, bracket);
		at = bracket + 1;
	} else {
		at = http_scan(at, end, HTTP_C_NAME);
		head->host = between(text.at, at);
	}
	if (!head->host.len || *head->host.at == '.')
		return -EBADMSG;
	if (at < end && (*at != ':' || !port_parse(between(at + 1, end), &head->port)))
		return -EBADMSG;
	return 0;
}

/* --- target ------------------------------------------------------------------------ */

static void split_query(struct http_head *head, const char *path, const char *end)
{
	const char *mark = memchr(path, '?', (size_t)(end - path));

	head->path = between(path, mark ? mark : end);
	if (mark)
		head->query = between(mark + 1, end);
}

/* The length of "http://" or "https://" at the front, or 0. */
static size_t scheme_len(struct http_slice target)
{
	static const struct http_slice schemes[] = {{"http://", 7}, {"https://", 8}};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (target.len >= schemes[i].len &&
		    http_slice_equal_nocase((struct http_slice){target.at, schemes[i].len},
					    schemes[i]))
			return schemes[i].len;
	return 0;
}

static int parse_absolute(struct http_head *head)
{
	const char *end = head->target.at + head->target.len;
	const char *authority = head->target.at + scheme_len(head->target), *at = authority;

	if (authority == head->target.at)
		return -EBADMSG;
	while (at < end && *at != '/' && *at != '?')
		at++;
	head->form = HTTP_TARGET_ABSOLUTE;
	split_query(head, at, end);
	if (!head->path.len)
		head->path = HTTP_SLICE("/");
	return http_authority_parse(head, between(authority, at));
}

static int parse_target(struct http_head *head)
{
	struct http_slice target = head->target;

	if (head->method == HTTP_METHOD_CONNECT) {
		head->form = HTTP_TARGET_AUTHORITY;
		return http_authority_parse(head, target) || !head->port ? -EBADMSG : 0;
	}
	if (*target.at == '/') {
		head->form = HTTP_TARGET_ORIGIN;
		split_query(head, target.at, target.at + target.len);
		return 0;
	}
	if (target.len == 1 && *target.at == '*') {
		head->form = HTTP_TARGET_ASTERISK;
		return head->method == HTTP_METHOD_OPTIONS ? 0 : -EBADMSG;
	}
	return parse_absolute(head);
}

/* --- request line ------------------------------------------------------------------ */

static int parse_method(struct http_head *head, const struct http_input *in)
{
	const char *line = in->data + head->resume.line;
	const char *at = http_scan(in->data + head->resume.seen, in->end, HTTP_C_TOKEN);

	if (at - line > METHOD_MAX)
		return http_head_refuse(head, HTTP_REFUSAL_METHOD_LONG);
	if (at == in->end)
		return http_head_suspend(head, in, at);
	if (*at != ' ' || at == line)
		return http_head_refuse(head, HTTP_REFUSAL_METHOD);
	head->method_name = between(line, at);
	head->method = http_method_find(head->method_name);
	head->resume.split = (uint32_t)(at + 1 - in->data);
	head->resume.seen = head->resume.split;
	return 0;
}

static enum http_refusal target_refusal(const char *at)
{
	return *at == '\r' || *at == '\n' ? HTTP_REFUSAL_VERSION_SYNTAX : HTTP_REFUSAL_TARGET;
}

static int parse_request_line(struct http_head *head, const struct http_input *in)
{
	const char *target, *at;
	int err;

	if (!head->resume.split) {
		err = parse_method(head, in);
		if (err)
			return err;
	}
	target = in->data + head->resume.split;
	at = http_scan_target(in->data + head->resume.seen, in->end);
	if (at < in->end && (*at != ' ' || at == target))
		return http_head_refuse(head, target_refusal(at));
	if (at == in->end)
		return http_head_suspend(head, in, at);
	err = http_head_version(head, in, at + 1);
	if (!err)
		err = http_head_line_end(head, in, at + 9, HTTP_REFUSAL_VERSION_SYNTAX);
	if (err == -EAGAIN)
		return http_head_suspend(head, in, at);
	if (err)
		return err;
	head->target = between(target, at);
	return parse_target(head) ? http_head_refuse(head, HTTP_REFUSAL_TARGET) : 0;
}

/* --- what the fields mean ---------------------------------------------------------- */

static int settle_host(struct http_head *head)
{
	const struct http_header *host = http_head_find(head, HTTP_FIELD_HOST);

	if (!host)
		return head->minor == 0 ? 0 : http_head_refuse(head, HTTP_REFUSAL_HOST_MISSING);
	if (head->repeated & HTTP_FIELD_BIT(HOST))
		return http_head_refuse(head, HTTP_REFUSAL_HOST_TWICE);
	if (head->authority.len && !http_slice_equal_nocase(head->authority, host->value))
		return http_head_refuse(head, HTTP_REFUSAL_HOST_MISMATCH);
	if (!head->authority.len && http_authority_parse(head, host->value))
		return http_head_refuse(head, HTTP_REFUSAL_HOST);
	return 0;
}

static int settle_framing(struct http_head *head)
{
	int err = http_settle_length(head);

	if (err)
		return err;
	if (head->known & HTTP_FIELD_BIT(TRANSFER_ENCODING))
		head->framing = HTTP_FRAMING_CHUNKED;
	else if (head->has_length && head->content_length)
		head->framing = HTTP_FRAMING_LENGTH;
	/* What it would be for is not defined, and it is good for nothing but smuggling. */
	if (head->framing != HTTP_FRAMING_NONE &&
	    (head->method == HTTP_METHOD_CONNECT || head->method == HTTP_METHOD_TRACE))
		return http_head_refuse(head, HTTP_REFUSAL_CONTENT_FORBIDDEN);
	return 0;
}

/* In HTTP/1.0 it means nothing, and must not begin to where the request goes on in HTTP/1.1. */
static void ignore_expect(struct http_head *head)
{
	for (size_t i = 0; i < head->header_count; i++)
		if (head->headers[i].field == HTTP_FIELD_EXPECT)
			head->headers[i].hop = true;
}

static int settle_expect(struct http_head *head)
{
	const struct http_header *expect = http_head_find(head, HTTP_FIELD_EXPECT);

	if (!expect)
		return 0;
	if (head->minor == 0) {
		ignore_expect(head);
		return 0;
	}
	if (head->repeated & HTTP_FIELD_BIT(EXPECT) ||
	    !http_slice_equal_nocase(expect->value, HTTP_SLICE("100-continue")))
		return http_head_refuse(head, HTTP_REFUSAL_EXPECTATION);
	head->expect_continue = head->framing != HTTP_FRAMING_NONE;
	return 0;
}

static int settle(struct http_head *head)
{
	int err = settle_host(head);

	if (!err)
		err = settle_framing(head);
	if (!err)
		err = settle_expect(head);
	if (!err)
		err = http_settle_connection(head);
	if (head->method != HTTP_METHOD_GET || head->framing != HTTP_FRAMING_NONE)
		head->websocket = false;
	return err;
}

ssize_t http_parse_request(struct http_head *head, const char *data, size_t len, size_t max)
{
	ssize_t taken = http_head_parse(head, data, len, max, parse_request_line);

	if (taken > 0 && settle(head))
		return -EBADMSG;
	return taken;
}
