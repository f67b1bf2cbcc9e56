/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Values: dates, lists, entity tags, ranges, encodings, paths, media types,
 * cookies. Input ends at a page that cannot be read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../support/guard.h"
#include "../support/unit.h"
#include "http/value.h"

static struct http_slice guarded(const char *text)
{
	return (struct http_slice){guard_copy(text, strlen(text)), strlen(text)};
}

static bool is(struct http_slice slice, const char *text)
{
	return http_slice_equal(slice, http_slice_of(text));
}

/* --- dates ------------------------------------------------------------------------------ */

static time_t date(const char *text)
{
	time_t when = -1;

	return http_date_parse(guarded(text), &when) ? -EINVAL : when;
}

static void three_forms_of_dates_are_read(void)
{
	CU_ASSERT_EQUAL(date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	CU_ASSERT_EQUAL(date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	CU_ASSERT_EQUAL(date("Sun Nov  6 08:49:37 1994"), 784111777);
	CU_ASSERT_EQUAL(date("Sun Nov 16 08:49:37 1994"), 784975777);
	CU_ASSERT_EQUAL(date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
	CU_ASSERT_EQUAL(date("Thu, 29 Feb 2024 23:59:60 GMT"), 1709251200);
}

static void what_is_no_date_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"0",
		"Sun",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT ",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Wed, 29 Feb 2023 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Now 1994 08:49:37 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun, 06 Nov -994 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov  6 08:49:37 94  ",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		CU_ASSERT_EQUAL(date(texts[i]), -EINVAL);
}

static void dates_are_read_as_they_were_written(void)
{
	char text[HTTP_DATE_LEN + 1];

	for (int64_t when = -62135596800; when < 253402300800; when += 86399 * 97) {
		http_date_format(when, text);
		CU_ASSERT_EQUAL(date(text), when);
	}
	http_date_format(784111777, text);
	UNIT_ASSERT_TEXT(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

/* --- lists ------------------------------------------------------------------------------ */

static void elements_of_lists_are_found(void)
{
	struct http_slice rest = guarded(" a , ,b c,\"d,\\\"e\",, f"), element;

	CU_ASSERT_TRUE(http_list_next(&rest, &element) && is(element, "a"));
	CU_ASSERT_TRUE(http_list_next(&rest, &element) && is(element, "b c"));
	CU_ASSERT_TRUE(http_list_next(&rest, &element) && is(element, "\"d,\\\"e\""));
	CU_ASSERT_TRUE(http_list_next(&rest, &element) && is(element, "f"));
	CU_ASSERT_FALSE(http_list_next(&rest, &element));
	CU_ASSERT_TRUE(http_list_has(guarded("gzip, Close"), HTTP_SLICE("close")));
	CU_ASSERT_FALSE(http_list_has(guarded("closed"), HTTP_SLICE("close")));
	CU_ASSERT_FALSE(http_list_has((struct http_slice){0}, HTTP_SLICE("close")));
}

static unsigned gzip_quality(const char *text)
{
	return http_list_quality(guarded(text), HTTP_SLICE("gzip"));
}

static void weights_are_read(void)
{
	CU_ASSERT_EQUAL(gzip_quality("gzip"), 1000);
	CU_ASSERT_EQUAL(gzip_quality("br, GZip ; q=0.5"), 500);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=1.000"), 1000);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=0.001"), 1);
	CU_ASSERT_EQUAL(gzip_quality("gzip;Q=0"), 0);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=0.000"), 0);
	CU_ASSERT_EQUAL(gzip_quality("*"), 1000);
	CU_ASSERT_EQUAL(gzip_quality("*;q=0.3, br"), 300);
	CU_ASSERT_EQUAL(gzip_quality("*, gzip;q=0"), 0);
	CU_ASSERT_EQUAL(gzip_quality("br, deflate"), 0);
	CU_ASSERT_EQUAL(gzip_quality(""), 0);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=2"), 0);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=1.001"), 0);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=.5"), 0);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=0.5x"), 0);
	CU_ASSERT_EQUAL(gzip_quality("gzip;q=0.00001"), 0);
	CU_ASSERT_EQUAL(gzip_quality("gzip;a=b;q=0.1"), 100);
}

static bool etag_matches(const char *list, const char *etag, enum http_etag_compare how)
{
	return http_etag_match(guarded(list), http_slice_of(etag), how);
}

static void entity_tags_are_compared(void)
{
	CU_ASSERT_TRUE(etag_matches("\"a\"", "\"a\"", HTTP_ETAG_STRONG));
	CU_ASSERT_TRUE(etag_matches("\"b\", \"a\"", "\"a\"", HTTP_ETAG_STRONG));
	CU_ASSERT_TRUE(etag_matches("\"b,c\",\"a\"", "\"a\"", HTTP_ETAG_STRONG));
	CU_ASSERT_TRUE(etag_matches("\"b\\\", \"a\"", "\"a\"", HTTP_ETAG_STRONG));
	CU_ASSERT_TRUE(etag_matches("*", "\"a\"", HTTP_ETAG_STRONG));
	CU_ASSERT_FALSE(etag_matches("W/\"a\"", "\"a\"", HTTP_ETAG_STRONG));
	CU_ASSERT_FALSE(etag_matches("\"a\"", "W/\"a\"", HTTP_ETAG_STRONG));
	CU_ASSERT_TRUE(etag_matches("W/\"a\"", "\"a\"", HTTP_ETAG_WEAK));
	CU_ASSERT_TRUE(etag_matches("\"a\"", "W/\"a\"", HTTP_ETAG_WEAK));
	CU_ASSERT_FALSE(etag_matches("\"b\"", "\"a\"", HTTP_ETAG_WEAK));
	CU_ASSERT_FALSE(etag_matches("a", "\"a\"", HTTP_ETAG_WEAK));
	CU_ASSERT_FALSE(etag_matches("\"a", "\"a\"", HTTP_ETAG_WEAK));
	CU_ASSERT_FALSE(etag_matches("x, \"a\"", "\"a\"", HTTP_ETAG_WEAK));
	CU_ASSERT_FALSE(etag_matches("", "\"a\"", HTTP_ETAG_WEAK));
}

static void numbers_are_digits(void)
{
	uint64_t value = 7;

	CU_ASSERT_EQUAL(http_number_parse(guarded("0"), &value), 0);
	CU_ASSERT_EQUAL(value, 0);
	CU_ASSERT_EQUAL(http_number_parse(guarded("999999999999999999"), &value), 0);
	CU_ASSERT_EQUAL(value, 999999999999999999);
	CU_ASSERT_EQUAL(http_number_parse(guarded("1000000000000000000"), &value), -ERANGE);
	CU_ASSERT_EQUAL(http_number_parse(guarded("01"), &value), -EINVAL);
	CU_ASSERT_EQUAL(http_number_parse(guarded("+1"), &value), -EINVAL);
	CU_ASSERT_EQUAL(http_number_parse(guarded(""), &value), -EINVAL);
}

/* --- ranges ----------------------------------------------------------------------------- */

#define RANGES 4

static struct http_range ranges[RANGES];

static ssize_t range(const char *text, uint64_t size)
{
	return http_range_parse(guarded(text), size, ranges, RANGES);
}

static bool range_is(const char *text, uint64_t size, uint64_t first, uint64_t last)
{
	return range(text, size) == 1 && ranges[0].first == first && ranges[0].last == last;
}

static void ranges_are_understood(void)
{
	CU_ASSERT_TRUE(range_is("bytes=0-0", 10, 0, 0));
	CU_ASSERT_TRUE(range_is("BYTES=0-9", 10, 0, 9));
	CU_ASSERT_TRUE(range_is("bytes=5-", 10, 5, 9));
	CU_ASSERT_TRUE(range_is("bytes=5-99999999999999999999999", 10, 5, 9));
	CU_ASSERT_TRUE(range_is("bytes=-3", 10, 7, 9));
	CU_ASSERT_TRUE(range_is("bytes=-30", 10, 0, 9));
	CU_ASSERT_TRUE(range_is("bytes=3-4, 20-30", 10, 3, 4));
	CU_ASSERT_EQUAL(range("bytes=0-1 , -2,4-5", 10), 3);
	CU_ASSERT_EQUAL(ranges[1].first, 8);
	CU_ASSERT_EQUAL(ranges[2].last, 5);
}

static void ranges_outside_cannot_be_satisfied(void)
{
	CU_ASSERT_EQUAL(range("bytes=10-", 10), -ERANGE);
	CU_ASSERT_EQUAL(range("bytes=10-20,30-40", 10), -ERANGE);
	CU_ASSERT_EQUAL(range("bytes=-0", 10), -ERANGE);
	CU_ASSERT_EQUAL(range("bytes=0-", 0), -ERANGE);
	CU_ASSERT_EQUAL(range("bytes=-1", 0), -ERANGE);
	CU_ASSERT_EQUAL(range("bytes=99999999999999999999999-", 10), -ERANGE);
}

static void other_ranges_are_ignored(void)
{
	CU_ASSERT_EQUAL(range("", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=", 10), 0);
	CU_ASSERT_EQUAL(range("bytes", 10), 0);
	CU_ASSERT_EQUAL(range("lines=0-1", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=1", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=-", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=2-1", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=1-2-3", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=+1-2", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=0x1-2", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=1 -2", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=0-0,1-1,2-2,3-3,4-4", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=0-5,5-6", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=0-,0-,0-", 10), 0);
	CU_ASSERT_EQUAL(range("bytes=0-1,x", 10), 0);
}

/* --- encodings and paths ---------------------------------------------------------------- */

static void assert_decoded(const char *text, bool plus, const char *expected, int line)
{
	char out[64];
	ssize_t len = http_percent_decode(guarded(text), plus, out, sizeof(out) - 1);

	out[len < 0 ? 0 : len] = '\0';
	unit_assert_text(len < 0 ? NULL : out, expected, __FILE__, line);
}

static void percent_encoding_is_decoded(void)
{
	char out[3], *in_place;

	assert_decoded("a%20b%C3%a4+c", false, "a b\xc3\xa4+c", __LINE__);
	assert_decoded("a+b%2B", true, "a b+", __LINE__);
	assert_decoded("", false, "", __LINE__);
	CU_ASSERT_EQUAL(http_percent_decode(guarded("%"), false, out, 3), -EBADMSG);
	CU_ASSERT_EQUAL(http_percent_decode(guarded("%4"), false, out, 3), -EBADMSG);
	CU_ASSERT_EQUAL(http_percent_decode(guarded("%4g"), false, out, 3), -EBADMSG);
	CU_ASSERT_EQUAL(http_percent_decode(guarded("%00"), false, out, 3), -EBADMSG);
	CU_ASSERT_EQUAL(http_percent_decode(guarded("abcd"), false, out, 3), -ENOBUFS);
	in_place = guard_copy("%41%42", 6);
	CU_ASSERT_EQUAL(http_percent_decode((struct http_slice){in_place, 6}, false, in_place, 6),
			2);
	CU_ASSERT_EQUAL(memcmp(in_place, "AB", 2), 0);
}

static void paths_are_normalised(void)
{
	static const char *const cases[][2] = {
		{"/", "/"},
		{"/a", "/a"},
		{"/a/", "/a/"},
		{"//a///b//", "/a/b/"},
		{"/./a/./b/.", "/a/b/"},
		{"/a/../b", "/b"},
		{"/a/b/../../c/..", "/"},
		{"/a/b/..", "/a/"},
		{"/a/%2e%2E/b", "/b"},
		{"/a%20b/%C3%A4", "/a b/\xc3\xa4"},
		{"/%61/%2561", "/a/%61"},
		{"/...", "/..."},
		{"/..a/.b", "/..a/.b"},
		{"/a;b=c/d", "/a;b=c/d"},
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ssize_t len = http_path_normalise(guarded(cases[i][0]), out, sizeof(out));

		CU_ASSERT_EQUAL(len, (ssize_t)strlen(cases[i][1]));
		UNIT_ASSERT_TEXT(len < 0 ? NULL : out, cases[i][1]);
	}
}

static void paths_that_lead_elsewhere_are_refused(void)
{
	static const char *const paths[] = {
		"",
		"a",
		"*",
		"/..",
		"/../a",
		"/a/../..",
		"/a/../../b",
		"/%2e%2e/etc/passwd",
		"/.%2e/etc/passwd",
		"/a%2fb",
		"/..%2fetc",
		"/a%5cb",
		"/a\\..\\b",
		"/a%00.html",
		"/a%0ab",
		"/a%7f",
		"/a%",
		"/a%2",
		"/a%zz",
		"/a%u0041",
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		CU_ASSERT_EQUAL(http_path_normalise(guarded(paths[i]), out, sizeof(out)), -EBADMSG);
}

static void paths_fit_or_are_refused(void)
{
	static const char path[] = "/a%20/bc/";
	char *out;

	for (size_t size = 0; size < 9; size++) {
		out = guard_copy("12345678", size < 8 ? size : 8);
		CU_ASSERT_EQUAL(http_path_normalise(HTTP_SLICE("/a%20/bc/"), out, size),
				size < 8 ? -ENOBUFS : 7);
	}
	out = malloc(sizeof(path));
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(http_path_normalise(guarded(path), out, sizeof(path)), 7);
	UNIT_ASSERT_TEXT(out, "/a /bc/");
	free(out);
}

static void forms_are_split(void)
{
	struct http_slice rest = guarded("a=1&&b&=c&d=e=f&"), name, value;

	CU_ASSERT_TRUE(http_form_next(&rest, &name, &value) && is(name, "a") && is(value, "1"));
	CU_ASSERT_TRUE(http_form_next(&rest, &name, &value) && is(name, "b") && is(value, ""));
	CU_ASSERT_TRUE(http_form_next(&rest, &name, &value) && is(name, "") && is(value, "c"));
	CU_ASSERT_TRUE(http_form_next(&rest, &name, &value) && is(name, "d") && is(value, "e=f"));
	CU_ASSERT_FALSE(http_form_next(&rest, &name, &value));
}

/* --- media types, cookies --------------------------------------------------------------- */

static void media_types_are_split(void)
{
	struct http_media_type media;
	struct http_slice value;

	CU_ASSERT_EQUAL_FATAL(
		http_media_type_parse(guarded("Text/HTML ; x=y;Charset=\"a;\\\"b\""), &media), 0);
	CU_ASSERT_TRUE(http_media_type_is(&media, "text", "html"));
	CU_ASSERT_FALSE(http_media_type_is(&media, "text", "htm"));
	CU_ASSERT_TRUE(http_parameter_find(media.parameters, HTTP_SLICE("charset"), &value));
	CU_ASSERT_TRUE(is(value, "a;\\\"b"));
	CU_ASSERT_FALSE(http_parameter_find(media.parameters, HTTP_SLICE("boundary"), &value));
	CU_ASSERT_EQUAL(http_media_type_parse(guarded("application/json"), &media), 0);
	CU_ASSERT_EQUAL(media.parameters.len, 0);
	CU_ASSERT_EQUAL(http_media_type_parse(guarded("text"), &media), -EINVAL);
	CU_ASSERT_EQUAL(http_media_type_parse(guarded("text/"), &media), -EINVAL);
	CU_ASSERT_EQUAL(http_media_type_parse(guarded("/html"), &media), -EINVAL);
	CU_ASSERT_EQUAL(http_media_type_parse(guarded("text/html x"), &media), -EINVAL);
	CU_ASSERT_EQUAL(http_media_type_parse(guarded(""), &media), -EINVAL);
}

static void parameters_end_at_a_mistake(void)
{
	struct http_slice value;

	CU_ASSERT_FALSE(http_parameter_find(guarded("a=b c;d=e"), HTTP_SLICE("d"), &value));
	CU_ASSERT_FALSE(http_parameter_find(guarded("a=\"b;d=e"), HTTP_SLICE("d"), &value));
	CU_ASSERT_FALSE(http_parameter_find(guarded("a=\"b\\"), HTTP_SLICE("a"), &value));
	CU_ASSERT_FALSE(http_parameter_find(guarded("a;d=e"), HTTP_SLICE("d"), &value));
	CU_ASSERT_FALSE(http_parameter_find(guarded("a="), HTTP_SLICE("a"), &value));
	CU_ASSERT_TRUE(http_parameter_find(guarded("; ;a=b;; d=e"), HTTP_SLICE("d"), &value));
	CU_ASSERT_TRUE(is(value, "e"));
}

static void cookies_are_found(void)
{
	struct http_slice rest = guarded("a=1; b; c=x=y ;;d=\"q\";  "), name, value;

	CU_ASSERT_TRUE(http_cookie_next(&rest, &name, &value) && is(name, "a") && is(value, "1"));
	CU_ASSERT_TRUE(http_cookie_next(&rest, &name, &value) && is(name, "c") && is(value, "x=y"));
	CU_ASSERT_TRUE(http_cookie_next(&rest, &name, &value) && is(name, "d") &&
		       is(value, "\"q\""));
	CU_ASSERT_FALSE(http_cookie_next(&rest, &name, &value));
	CU_ASSERT_TRUE(http_cookie_find(guarded("sid=1; SID=2"), HTTP_SLICE("SID"), &value));
	CU_ASSERT_TRUE(is(value, "2"));
	CU_ASSERT_FALSE(http_cookie_find(guarded("xsid=1"), HTTP_SLICE("sid"), &value));
	CU_ASSERT_FALSE(http_cookie_find((struct http_slice){0}, HTTP_SLICE("sid"), &value));
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(three_forms_of_dates_are_read),
		UNIT_TEST(what_is_no_date_is_refused),
		UNIT_TEST(dates_are_read_as_they_were_written),
		UNIT_TEST(elements_of_lists_are_found),
		UNIT_TEST(weights_are_read),
		UNIT_TEST(entity_tags_are_compared),
		UNIT_TEST(numbers_are_digits),
		UNIT_TEST(ranges_are_understood),
		UNIT_TEST(ranges_outside_cannot_be_satisfied),
		UNIT_TEST(other_ranges_are_ignored),
		UNIT_TEST(percent_encoding_is_decoded),
		UNIT_TEST(paths_are_normalised),
		UNIT_TEST(paths_that_lead_elsewhere_are_refused),
		UNIT_TEST(paths_fit_or_are_refused),
		UNIT_TEST(forms_are_split),
		UNIT_TEST(media_types_are_split),
		UNIT_TEST(parameters_end_at_a_mistake),
		UNIT_TEST(cookies_are_found),
		{},
	};

	return unit_run("http_value", tests);
}
