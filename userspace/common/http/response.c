/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Heads of responses: the status line, and where the content ends (RFC 9112,
 * 4 and 6.3).
 */
#include "http/head.h"

/* "HTTP/1.1 200", then " reason" or, as many send it, nothing. */
static int parse_status(struct http_head *head, const struct http_input *in)
{
	const char *line = in->data + head->resume.line, *at = line + 9;
	int err = http_head_version(head, in, line);

	if (err)
		return err;
	if (line + 8 == in->end)
		return -EAGAIN;
	if (line[8] != ' ')
		return http_head_refuse(head, HTTP_REFUSAL_STATUS_LINE);
	head->status = 0;
	for (; at < line + 12; at++) {
		if (at == in->end)
			return -EAGAIN;
		if (!http_is(*at, HTTP_C_DIGIT))
			return http_head_refuse(head, HTTP_REFUSAL_STATUS_LINE);
		head->status = (uint16_t)(head->status * 10 + *at - '0');
	}
	if (at == in->end)
		return -EAGAIN;
	if (head->status < 100 || head->status > 599 || (*at != ' ' && *at != '\r'))
		return http_head_refuse(head, HTTP_REFUSAL_STATUS_LINE);
	head->resume.split = (uint32_t)(at + (*at == ' ') - in->data);
	head->resume.seen = head->resume.split;
	return 0;
}

static int parse_status_line(struct http_head *head, const struct http_input *in)
{
	const char *reason, *at;
	int err;

	if (!head->resume.split) {
		err = parse_status(head, in);
		if (err)
			return err;
	}
	reason = in->data + head->resume.split;
	at = http_scan_value(in->data + head->resume.seen, in->end);
	err = http_head_line_end(head, in, at, HTTP_REFUSAL_STATUS_LINE);
	if (err == -EAGAIN)
		return http_head_suspend(head, in, at);
	head->reason = (struct http_slice){reason, (size_t)(at - reason)};
	return err;
}

/* Fields that announce content where none can follow: who reads on would be led astray. */
static bool announces_content(const struct http_head *head)
{
	return head->content_length || head->known & HTTP_FIELD_BIT(TRANSFER_ENCODING);
}

static int settle_framing(struct http_head *head, enum http_method request)
{
	int err = http_settle_length(head);

	if (err)
		return err;
	if ((head->status < 200 || head->status == 204) && announces_content(head))
		return http_head_refuse(head, HTTP_REFUSAL_CONTENT_FORBIDDEN);
	if (head->status < 200 || head->status == 204 || head->status == 304 ||
	    request == HTTP_METHOD_HEAD)
		head->framing = HTTP_FRAMING_NONE;
	else if (head->known & HTTP_FIELD_BIT(TRANSFER_ENCODING))
		head->framing = HTTP_FRAMING_CHUNKED;
	else if (!head->has_length)
		head->framing = HTTP_FRAMING_CLOSE;
	else
		head->framing = head->content_length ? HTTP_FRAMING_LENGTH : HTTP_FRAMING_NONE;
	return 0;
}

ssize_t http_parse_response(struct http_head *head, const char *data, size_t len, size_t max,
			    enum http_method request)
{
	ssize_t taken = http_head_parse(head, data, len, max, parse_status_line);

	if (taken <= 0)
		return taken;
	if (settle_framing(head, request) || http_settle_connection(head))
		return -EBADMSG;
	if (head->framing == HTTP_FRAMING_CLOSE)
		head->keep_alive = false;
	if (head->status != 101)
		head->websocket = false;
	return taken;
}
