/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What visitors send: forms of both kinds, sessions opened and sealed. Fields
 * that were read are UTF-8 and within what was sent; a sealed session opens, a
 * changed one does not; a session that was unpacked packs to one that says the same.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/appserver/form.h"
#include "../../userspace/appserver/seal.h"
#include "../../userspace/appserver/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena_pool pool;
static struct arena arena;

static void check_text(const char *text)
{
	json_t *string = json_string(text); /* takes UTF-8 alone */

	if (!string)
		abort();
	json_decref(string);
}

static void check_fields(const struct form *form)
{
	size_t count = 0;

	for (const struct form_field *f = form->first; f; f = f->next, count++) {
		check_text(f->name);
		check_text(f->value);
	}
	if (count != form->count || count > FORM_MAX_FIELDS)
		abort();
}

static void read_forms(struct http_slice body)
{
	struct form form;

	form_init(&form, &arena);
	if (!form_read_urlencoded(&form, body))
		check_fields(&form);
	form_init(&form, &arena);
	if (!form_read_multipart(&form, body, HTTP_SLICE("boundary=b")))
		check_fields(&form);
	form_init(&form, &arena);
	if (!form_read_multipart(&form, body, body))
		check_fields(&form);
}

static void unpack(const uint8_t *data, size_t size)
{
	static uint8_t packed[SESSION_PACKED_MAX];
	struct session session, again;

	session_init(&session, &arena);
	if (session_unpack(&session, data, size, 0))
		return;
	session_init(&again, &arena);
	if (session_unpack(&again, packed, session_pack(&session, packed), 0) ||
	    again.expires_s != session.expires_s || again.packed != session.packed)
		abort();
}

static void seal(const uint8_t *data, size_t size)
{
	static struct seal_keys keys;
	static char text[SEAL_TEXT_LEN(4096)];
	static uint8_t opened[4096];

	if (!keys.count && seal_keys_random(&keys))
		abort();
	if (seal_open(&keys, "fuzz", (const char *)data, size, opened, sizeof(opened)) >= 0)
		abort();
	if (size > 2048)
		return;
	if (seal_close(&keys, "fuzz", data, size, text) ||
	    seal_open(&keys, "fuzz", text, strlen(text), opened, sizeof(opened)) != (ssize_t)size ||
	    memcmp(opened, data, size))
		abort();
	text[8] ^= 1;
	if (seal_open(&keys, "fuzz", text, strlen(text), opened, sizeof(opened)) >= 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	arena_init(&arena, &pool, 1u << 24);
	read_forms((struct http_slice){(const char *)data, size});
	unpack(data, size);
	seal(data, size);
	arena_fini(&arena);
	return 0;
}
