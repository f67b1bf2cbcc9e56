/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Names and values that clients send: queries, application/x-www-form-urlencoded,
 * the plain fields of multipart/form-data (RFC 7578). Values become text:
 * decoded, ended by NUL, bytes that are no UTF-8 replaced by U+FFFD.
 */
#ifndef SLUICE_FORM_H
#define SLUICE_FORM_H

#include <stddef.h>

#include "arena.h"
#include "http/tokens.h"

#define FORM_MAX_FIELDS 1000

struct form_field {
	struct form_field *next;
	const char *name;
	const char *value;
};

struct form {
	struct form_field *first, **last;
	size_t count;
	struct arena *arena;
};

void form_init(struct form *form, struct arena *arena);

/* -EBADMSG: malformed; -E2BIG: more than FORM_MAX_FIELDS; -ENOMEM. */
int form_read_urlencoded(struct form *form, struct http_slice text) __must_check;
/* `parameters` of the Content-Type name the boundary. Parts with a file name are left out. */
int form_read_multipart(struct form *form, struct http_slice body,
			struct http_slice parameters) __must_check;

/* The first of that name, or NULL. */
const char *form_find(const struct form *form, const char *name);

/* Text as above from bytes without NUL; -EBADMSG: with NUL; -ENOMEM. */
int form_text(struct arena *arena, struct http_slice bytes, const char **text) __must_check;

#endif /* SLUICE_FORM_H */
