/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Conditional requests and ranges of a file: RFC 9110, 13 and 14. Pure.
 */
#ifndef SLUICE_WEB_PRECONDITION_H
#define SLUICE_WEB_PRECONDITION_H

#include "http/message.h"
#include "http/value.h"

#define WEB_MAX_RANGES 16 /* in one request; with more, all is sent */

enum precondition {
	PRECONDITION_MET,
	PRECONDITION_NOT_MODIFIED, /* 304 */
	PRECONDITION_FAILED,	   /* 412 */
};

/* For GET and HEAD of what has this entity tag (with quotes) and date. */
enum precondition precondition_check(const struct http_head *request, struct http_slice etag,
				     time_t modified);

/*
 * The ranges that GET asks for of `size` bytes: how many there are in `out`; 0:
 * all of it is to be sent; -ERANGE: 416.
 */
ssize_t precondition_ranges(const struct http_head *request, struct http_slice etag,
			    time_t modified, uint64_t size,
			    struct http_range out[static WEB_MAX_RANGES]);

/*
 * The encoding that Accept-Encoding likes best among those that are there; -1: none. `there` is a
 * set of 1 << enum file_encoding.
 */
int precondition_encoding(const struct http_head *request, unsigned there);

#endif /* SLUICE_WEB_PRECONDITION_H */
