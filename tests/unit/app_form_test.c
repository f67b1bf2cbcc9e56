/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Forms: which fields are read from which bytes, and what is refused. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../userspace/appserver/form.h"
#include "../support/unit.h"

static struct arena_pool pool;
static struct arena arena;
static char text[65536];

/* "name=value;name=value;" or the name of the error. */
static const char *show(const struct form *form, int err)
{
	char *at = text;

	if (err)
		snprintf(text, sizeof(text), "%s", strerrorname_np(-err));
	else
		*at = '\0';
	for (const struct form_field *f = form->first; f && !err; f = f->next)
		at += sprintf(at, "%s=%s;", f->name, f->value);
	arena_fini(&arena);
	arena_pool_fini(&pool);
	return text;
}

static const char *urlencoded(const char *body)
{
	struct form form;

	arena_init(&arena, &pool, 1 << 22);
	form_init(&form, &arena);
	return show(&form, form_read_urlencoded(&form, http_slice_of(body)));
}

static const char *multipart(const char *body)
{
	struct form form;

	arena_init(&arena, &pool, 1 << 22);
	form_init(&form, &arena);
	return show(&form, form_read_multipart(&form, http_slice_of(body),
					       HTTP_SLICE(" charset=utf-8; boundary=\"B b\"")));
}

static void urlencoded_fields_are_decoded(void)
{
	UNIT_ASSERT_TEXT(urlencoded(""), "");
	UNIT_ASSERT_TEXT(urlencoded("a=1&b=x+y%26%3D&c&=d&a=2"), "a=1;b=x y&=;c=;=d;a=2;");
	UNIT_ASSERT_TEXT(urlencoded("%C3%BC=%E2%82%AC"), "ü=€;");
}

static void malformed_fields_are_refused(void)
{
	UNIT_ASSERT_TEXT(urlencoded("a=%"), "EBADMSG");
	UNIT_ASSERT_TEXT(urlencoded("a=1&b=%4"), "EBADMSG");
	UNIT_ASSERT_TEXT(urlencoded("%xx=1"), "EBADMSG");
	UNIT_ASSERT_TEXT(urlencoded("a=%00"), "EBADMSG");
}

static void bytes_that_are_no_utf8_are_replaced(void)
{
	UNIT_ASSERT_TEXT(urlencoded("a=%FFx%C3"), "a=\xef\xbf\xbdx\xef\xbf\xbd;");
	/* Longer than needed, a surrogate, behind the last code point. */
	UNIT_ASSERT_TEXT(urlencoded("a=%C0%AF"), "a=\xef\xbf\xbd\xef\xbf\xbd;");
	UNIT_ASSERT_TEXT(urlencoded("a=%ED%A0%80"), "a=\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd;");
	UNIT_ASSERT_TEXT(urlencoded("a=%F4%8F%BF%BF"), "a=\xf4\x8f\xbf\xbf;");
	UNIT_ASSERT_TEXT(urlencoded("a=%F4%90%80%80"),
			 "a=\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd;");
}

static void too_many_fields_are_refused(void)
{
	char body[4 * FORM_MAX_FIELDS + 8];

	for (size_t i = 0; i < FORM_MAX_FIELDS; i++)
		memcpy(body + 4 * i, "a=1&", 5);
	CU_ASSERT_EQUAL(strlen(urlencoded(body)), 4 * FORM_MAX_FIELDS);
	strcat(body, "a=1");
	UNIT_ASSERT_TEXT(urlencoded(body), "E2BIG");
}

#define PART "Content-Disposition: form-data; name="

static void plain_parts_are_fields_and_files_are_not(void)
{
	UNIT_ASSERT_TEXT(multipart("--B b\r\n" PART "\"a\"\r\n\r\n1\r\n2\r\n"
				   "--B b\r\n" PART "f; filename=\"x\"\r\n\r\nfile\r\n"
				   "--B b\r\ncontent-type: text/plain\r\n" PART "b\r\n\r\n\r\n"
				   "--B b--\r\nepilogue"),
			 "a=1\r\n2;b=;");
	UNIT_ASSERT_TEXT(multipart("preamble\r\n--B b\r\n" PART "a\r\n\r\n--B\r\n--B b--"),
			 "a=--B;");
	UNIT_ASSERT_TEXT(multipart("--B b--"), "");
}

static void malformed_parts_are_refused(void)
{
	UNIT_ASSERT_TEXT(multipart(""), "EBADMSG");
	UNIT_ASSERT_TEXT(multipart("--B b\r\n" PART "a\r\n\r\n1"), "EBADMSG");
	UNIT_ASSERT_TEXT(multipart("--B b\r\n" PART "a\r\n\r\n1\r\n--B b"), "EBADMSG");
	UNIT_ASSERT_TEXT(multipart("--B b\r\n" PART "a\r\n1\r\n--B b--"), "EBADMSG");
	UNIT_ASSERT_TEXT(multipart("--B b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B b--"),
			 "EBADMSG");
	UNIT_ASSERT_TEXT(multipart("--B b\r\nX: y\r\n\r\n1\r\n--B b--"), "EBADMSG");
	UNIT_ASSERT_TEXT(multipart("--B b\r\n--B b--"), "EBADMSG");
	UNIT_ASSERT_TEXT(multipart("--B bx\r\n" PART "a\r\n\r\n1\r\n--B b--"), "EBADMSG");
}

static void the_boundary_has_to_be_told(void)
{
	struct form form;
	char boundary[100] = "boundary=";

	arena_init(&arena, &pool, 1 << 16);
	form_init(&form, &arena);
	CU_ASSERT_EQUAL(form_read_multipart(&form, HTTP_SLICE("--\r\n"), HTTP_SLICE("")), -EBADMSG);
	CU_ASSERT_EQUAL(
		form_read_multipart(&form, HTTP_SLICE("--\r\n"), HTTP_SLICE("boundary=\"\"")),
		-EBADMSG);
	memset(boundary + 9, 'x', 71);
	CU_ASSERT_EQUAL(form_read_multipart(&form, HTTP_SLICE("--\r\n"), http_slice_of(boundary)),
			-EBADMSG);
	arena_fini(&arena);
	arena_pool_fini(&pool);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(urlencoded_fields_are_decoded),
		UNIT_TEST(malformed_fields_are_refused),
		UNIT_TEST(bytes_that_are_no_utf8_are_replaced),
		UNIT_TEST(too_many_fields_are_refused),
		UNIT_TEST(plain_parts_are_fields_and_files_are_not),
		UNIT_TEST(malformed_parts_are_refused),
		UNIT_TEST(the_boundary_has_to_be_told),
		{0},
	};

	return unit_run("app_form", tests);
}
