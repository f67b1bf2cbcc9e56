/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the head parser share among themselves.
 *
 * A step of the parser looks at data[..end), starting at resume.seen, returns
 * 0 when it has consumed its line, -EAGAIN with resume.seen moved on, or
 * -EBADMSG with the refusal set. It depends on nothing but the bytes seen so
 * far, so the result is the same however they arrive.
 */
#ifndef SLUICE_HTTP_HEAD_H
#define SLUICE_HTTP_HEAD_H

#include <errno.h>

#include "http/message.h"
#include "http/scan.h"

struct http_input {
	const char *data;
	const char *end;
};

typedef int (*http_line_parser)(struct http_head *head, const struct http_input *in);

static inline int http_head_refuse(struct http_head *head, enum http_refusal refusal)
{
	head->refusal = refusal;
	return -EBADMSG;
}

static inline int http_head_suspend(struct http_head *head, const struct http_input *in,
				    const char *at)
{
	head->resume.seen = (uint32_t)(at - in->data);
	return -EAGAIN;
}

/* `at` is where the content of a line ended: CR LF has to follow; else `otherwise` or LINE_END. */
int http_head_line_end(struct http_head *head, const struct http_input *in, const char *at,
		       enum http_refusal otherwise);

/* "HTTP/1.0" or "HTTP/1.1" at `at`; sets head->minor. */
int http_head_version(struct http_head *head, const struct http_input *in, const char *at);

/* All of a head: its first line by `start_line`, then the fields. Bytes consumed, or as a step. */
ssize_t http_head_parse(struct http_head *head, const char *data, size_t len, size_t max,
			http_line_parser start_line);

/* host [ ":" port ]; -EBADMSG. Sets authority, host and port. */
int http_authority_parse(struct http_head *head, struct http_slice text);

/* What the fields of a complete head say about the connection and the content. */
int http_settle_connection(struct http_head *head);
int http_settle_length(struct http_head *head);

#endif /* SLUICE_HTTP_HEAD_H */
