/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Takes one HTTP message out of bytes that arrive in pieces, as a daemon would:
 * unit tests, fuzzers and the comparison with llhttp look at the outcome.
 */
#ifndef SLUICE_HTTP_TAKE_H
#define SLUICE_HTTP_TAKE_H

#include "http/message.h"

#define HTTP_TAKE_HEAD_MAX 8192

struct http_taken {
	struct http_head head;
	struct http_body body;
	enum http_refusal refusal; /* of the head or the body */
	bool head_complete;
	bool complete;	 /* all of the message was there */
	size_t head_len; /* bytes of the head */
	size_t used;	 /* bytes of the message so far */
	char *content;	 /* as large as the input */
	size_t content_len;
	char *input; /* of http_take_splits(): what the slices point into */
};

/*
 * data[0..len) in pieces of `step` bytes. `request` is the method that a
 * response answers, NULL if the message is a request. taken->content is the
 * caller's, of `len` bytes.
 */
void http_take(struct http_taken *taken, const char *data, size_t len, size_t step,
	       const enum http_method *request);

/* The same outcome: the same refusal, or the same head, content and end. */
bool http_taken_equal(const struct http_taken *a, const struct http_taken *b);

/*
 * For fuzzers: takes the message at once and in pieces of several sizes, out of
 * memory that ends with it, and aborts if the outcomes differ. The caller gives
 * the outcome back with http_take_release().
 */
void http_take_splits(struct http_taken *taken, const uint8_t *data, size_t len,
		      const enum http_method *request);
void http_take_release(struct http_taken *taken);

#endif /* SLUICE_HTTP_TAKE_H */
