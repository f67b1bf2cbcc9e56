/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The values of fields and targets: dates, lists, qualities, entity tags, byte
 * ranges, percent encoding, paths, media types, cookies. No I/O, nothing is
 * allocated; slices point into the value that was given.
 */
#ifndef SLUICE_HTTP_VALUE_H
#define SLUICE_HTTP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "compiler.h"
#include "http/tokens.h"

/* --- numbers ----------------------------------------------------------------------- */

/* Digits only, no sign, no blank, no leading zero: -EINVAL; at most 18 of them: -ERANGE. */
int http_number_parse(struct http_slice text, uint64_t *value) __must_check;

/* --- dates: RFC 9110, 5.6.7 -------------------------------------------------------- */

#define HTTP_DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* The text and NUL, for years 1 to 9999. */
void http_date_format(time_t when, char out[static HTTP_DATE_LEN + 1]);
/* An IMF-fixdate or one of the two obsolete forms; -EINVAL. */
int http_date_parse(struct http_slice text, time_t *when) __must_check;

/* --- lists: RFC 9110, 5.6.1 -------------------------------------------------------- */

/*
 * Takes the next element off the front of *rest, without blanks around it;
 * commas in quoted strings do not separate, empty elements are left out. False
 * at the end.
 */
bool http_list_next(struct http_slice *rest, struct http_slice *element);
/* Whether a list of tokens has this one, in any case. */
bool http_list_has(struct http_slice list, struct http_slice token);

/*
 * The weight in thousandths that Accept-Encoding (or another list of weighted
 * tokens) gives to `token`: by its name, else by "*", else 0. "q=0" is 0.
 */
unsigned http_list_quality(struct http_slice list, struct http_slice token);

/* --- entity tags: RFC 9110, 8.8.3 and 13.1 ----------------------------------------- */

enum http_etag_compare { HTTP_ETAG_STRONG, HTTP_ETAG_WEAK };

/* Whether If-Match or If-None-Match ("*" or a list) covers `etag`, which has its quotes. */
bool http_etag_match(struct http_slice list, struct http_slice etag, enum http_etag_compare how);

/* --- byte ranges: RFC 9110, 14 ----------------------------------------------------- */

struct http_range {
	uint64_t first;
	uint64_t last; /* inclusive */
};

/*
 * Range of a representation of `size` bytes. Returns how many ranges of `out`
 * are satisfiable, in the order they were asked for; 0 if Range is to be
 * ignored: another unit, malformed, more than `max` ranges, or overlapping
 * ones; or -ERANGE if none can be satisfied: answer 416.
 */
ssize_t http_range_parse(struct http_slice value, uint64_t size, struct http_range *out,
			 size_t max) __must_check;

/* --- percent encoding and paths ---------------------------------------------------- */

/*
 * Decodes %XX into `out`, which may be the same bytes as `text`; '+' becomes a
 * blank if `plus` (forms). Returns the length; -EBADMSG: '%' without two digits,
 * or NUL; -ENOBUFS.
 */
ssize_t http_percent_decode(struct http_slice text, bool plus, char *out, size_t size) __must_check;

/*
 * A path as it is to be looked up: percent encoding decoded, "//" made one,
 * "." and ".." resolved. Starts with '/'. Returns the length; NUL is set behind
 * it. -EBADMSG: no path, bad encoding, an encoded '/' or NUL, '\' or a control
 * character in any form, ".." above the root; -ENOBUFS.
 */
ssize_t http_path_normalise(struct http_slice path, char *out, size_t size) __must_check;

/* Takes "name=value" (raw, a missing '=' makes the value empty) off a query or form. */
bool http_form_next(struct http_slice *rest, struct http_slice *name, struct http_slice *value);

/* --- media types and parameters: RFC 9110, 8.3.1 and 5.6.6 -------------------------- */

struct http_media_type {
	struct http_slice type;
	struct http_slice subtype;
	struct http_slice parameters; /* behind the first ';' */
};

int http_media_type_parse(struct http_slice value, struct http_media_type *out) __must_check;
/* Both without regard to case: http_media_type_is(&type, "text", "html"). */
bool http_media_type_is(const struct http_media_type *media, const char *type, const char *subtype);
/*
 * Takes "name=value" off a list separated by ';'. The quotes of a quoted value
 * are taken away, its backslashes are not. False at the end, or at a mistake.
 */
bool http_parameter_next(struct http_slice *rest, struct http_slice *name,
			 struct http_slice *value);
/* The first parameter of that name, in any case. */
bool http_parameter_find(struct http_slice parameters, struct http_slice name,
			 struct http_slice *value);

/* --- cookies: RFC 6265, 5.4 --------------------------------------------------------- */

/* Takes "name=value" off a Cookie field; pairs without '=' are left out. */
bool http_cookie_next(struct http_slice *rest, struct http_slice *name, struct http_slice *value);
/* The first of that name, case-sensitive. */
bool http_cookie_find(struct http_slice cookies, struct http_slice name, struct http_slice *value);

#endif /* SLUICE_HTTP_VALUE_H */
