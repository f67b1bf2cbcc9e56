/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * HTTP/1.1 (RFC 9112): one request, and an answer that is parsed as strictly as
 * by our own servers. Judged by its status, then by its content if asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_check.h"
#include "http/message.h"
#include "needle.h"
#include "probe_talk.h"

#define HEAD_MAX_BYTES 8192

struct http_talk {
	struct probe_talk talk;
	struct http_head head;
	struct http_body body;
	struct needle needle;
	bool has_head;
	char in[HEAD_MAX_BYTES];
	size_t held;
};

static struct http_talk *http_of(struct probe_talk *talk)
{
	return container_of(talk, struct http_talk, talk);
}

static int begin(struct probe_talk *talk, const struct endpoint *host)
{
	const struct health_check *check = &talk->plan->check;
	char address[ENDPOINT_TEXT_LEN];
	int length;

	http_head_init(&http_of(talk)->head);
	needle_init(&http_of(talk)->needle, &check->body);
	length = snprintf(talk->out, sizeof(talk->out),
			  "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice-agent\r\n"
			  "Accept: */*\r\nConnection: close\r\n\r\n",
			  check_method_name(check->method), check->path,
			  check->name[0] ? check->name : endpoint_format(host, address));
	talk->out_length = (size_t)length; /* name and path are shorter than half of it */
	return -EAGAIN;
}

static int refuse(struct probe_talk *talk, enum http_refusal refusal)
{
	snprintf(talk->words, sizeof(talk->words), "no HTTP answer: %s",
		 http_refusal_words(refusal));
	return PROBE_PROTOCOL;
}

static bool is_expected(const struct health_check *check, unsigned status)
{
	for (size_t i = 0; i < check->status_count; i++)
		if (status >= check->statuses[i].min && status <= check->statuses[i].max)
			return true;
	return !check->status_count && status == CHECK_DEFAULT_STATUS;
}

static int judge_status(struct probe_talk *talk, unsigned status)
{
	char expected[STATUSES_TEXT_LEN];

	if (is_expected(&talk->plan->check, status))
		return PROBE_OK;
	snprintf(talk->words, sizeof(talk->words), "status %u, expected %s", status,
		 config_check_statuses_format(&talk->plan->check, expected));
	return PROBE_STATUS;
}

static int take_content(struct probe_talk *talk, const char *at, size_t count)
{
	struct http_talk *http = http_of(talk);

	while (count && !http_body_done(&http->body)) {
		ssize_t framing = http_body_skip(&http->body, at, count);
		size_t content;

		if (framing < 0)
			return refuse(talk, http->body.refusal);
		at += framing;
		count -= (size_t)framing;
		content = http_body_content(&http->body, count);
		if (needle_find(&http->needle, at, content))
			return PROBE_OK;
		http_body_take(&http->body, content);
		at += content;
		count -= content;
	}
	if (http_body_done(&http->body))
		return talk_lacks(talk, "the content", &talk->plan->check.body);
	return -EAGAIN;
}

/* An answer that announces another one (RFC 9110, 15.2) is passed over. */
static bool is_interim(const struct http_head *head)
{
	return head->status < 200 && head->status != 101;
}

static int take_head(struct probe_talk *talk)
{
	struct http_talk *http = http_of(talk);
	enum http_method method =
		talk->plan->check.method == CHECK_HEAD ? HTTP_METHOD_HEAD : HTTP_METHOD_GET;
	ssize_t length;

	do {
		length = http_parse_response(&http->head, http->in, http->held, sizeof(http->in),
					     method);
		if (length == -EAGAIN)
			return -EAGAIN;
		if (length < 0)
			return refuse(talk, http->head.refusal);
		http->has_head = !is_interim(&http->head);
		if (http->has_head)
			http_body_init(&http->body, &http->head);
		else
			http_head_init(&http->head);
		http->held -= (size_t)length;
		memmove(http->in, http->in + length, http->held);
	} while (!http->has_head);
	return PROBE_OK;
}

static int take(struct probe_talk *talk, const unsigned char *bytes, size_t count)
{
	struct http_talk *http = http_of(talk);
	size_t room = sizeof(http->in) - http->held;
	size_t part = count < room ? count : room;
	int ret;

	if (http->has_head)
		return take_content(talk, (const char *)bytes, count);
	memcpy(http->in + http->held, bytes, part);
	http->held += part;
	ret = take_head(talk);
	if (ret == PROBE_OK)
		ret = judge_status(talk, http->head.status);
	if (ret != PROBE_OK || !talk->plan->check.body.length)
		return ret;
	ret = take_content(talk, http->in, http->held);
	return ret == -EAGAIN ? take_content(talk, (const char *)bytes + part, count - part) : ret;
}

static int end(struct probe_talk *talk)
{
	struct http_talk *http = http_of(talk);

	if (!http->has_head)
		return PROBE_CLOSED;
	return talk_lacks(talk, "the content", &talk->plan->check.body);
}

const struct talk_kind talk_http = {sizeof(struct http_talk), begin, take, end};
