/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Dates (RFC 9110, 5.6.7): IMF-fixdate is written, it and the two obsolete forms
 * are read. Own formatting: strftime() and strptime() follow the locale.
 */
#include <errno.h>
#include <string.h>

#include "http/scan.h"
#include "http/value.h"

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char long_days[7][10] = {"Sunday",	  "Monday", "Tuesday", "Wednesday",
				      "Thursday", "Friday", "Saturday"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* --- writing ----------------------------------------------------------------------- */

static char *put_number(char *at, int value, int digits)
{
	for (int i = digits; i-- > 0; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + digits;
}

static char *put_text(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

void http_date_format(time_t when, char out[static HTTP_DATE_LEN + 1])
{
	struct tm tm = {0};
	char *at = out;

	gmtime_r(&when, &tm);
	at = put_text(at, days[tm.tm_wday], 3);
	at = put_text(at, ", ", 2);
	at = put_number(at, tm.tm_mday, 2);
	*at++ = ' ';
	at = put_text(at, months[tm.tm_mon], 3);
	*at++ = ' ';
	at = put_number(at, tm.tm_year + 1900, 4);
	*at++ = ' ';
	at = put_number(at, tm.tm_hour, 2);
	*at++ = ':';
	at = put_number(at, tm.tm_min, 2);
	*at++ = ':';
	at = put_number(at, tm.tm_sec, 2);
	memcpy(at, " GMT", 5);
}

/* --- reading ----------------------------------------------------------------------- */

/* What is left to read; `bad` sticks. */
struct reader {
	const char *at;
	const char *end;
	bool bad;
};

static void take_text(struct reader *reader, const char *text)
{
	size_t len = strlen(text);

	if (reader->bad || (size_t)(reader->end - reader->at) < len ||
	    memcmp(reader->at, text, len)) {
		reader->bad = true;
		return;
	}
	reader->at += len;
}

static int take_number(struct reader *reader, int digits)
{
	int value = 0;

	if (reader->end - reader->at < digits)
		reader->bad = true;
	for (; digits > 0 && !reader->bad; digits--) {
		if (!http_is(*reader->at, HTTP_C_DIGIT))
			reader->bad = true;
		value = value * 10 + (*reader->at++ - '0');
	}
	return value;
}

/* The day of the month in asctime()'s form: "06" or " 6". */
static int take_padded_day(struct reader *reader)
{
	if (!reader->bad && reader->at < reader->end && *reader->at == ' ') {
		reader->at++;
		return take_number(reader, 1);
	}
	return take_number(reader, 2);
}

static int take_month(struct reader *reader)
{
	for (int i = 0; i < 12 && !reader->bad && reader->end - reader->at >= 3; i++) {
		if (!memcmp(reader->at, months[i], 3)) {
			reader->at += 3;
			return i;
		}
	}
	reader->bad = true;
	return 0;
}

static void take_time(struct reader *reader, struct tm *tm)
{
	tm->tm_hour = take_number(reader, 2);
	take_text(reader, ":");
	tm->tm_min = take_number(reader, 2);
	take_text(reader, ":");
	tm->tm_sec = take_number(reader, 2);
}

/* "06 Nov 1994 08:49:37 GMT" */
static void take_fixdate(struct reader *reader, struct tm *tm)
{
	tm->tm_mday = take_number(reader, 2);
	take_text(reader, " ");
	tm->tm_mon = take_month(reader);
	take_text(reader, " ");
	tm->tm_year = take_number(reader, 4) - 1900;
	take_text(reader, " ");
	take_time(reader, tm);
	take_text(reader, " GMT");
}

/* A year of two digits that seems more than 50 years ahead is the most recent one past. */
static int full_year(int year)
{
	time_t now = time(NULL);
	struct tm tm = {0};

	gmtime_r(&now, &tm);
	year += tm.tm_year - tm.tm_year % 100;
	return year > tm.tm_year + 50 ? year - 100 : year;
}

/* "06-Nov-94 08:49:37 GMT", of RFC 850 */
static void take_rfc850(struct reader *reader, struct tm *tm)
{
	tm->tm_mday = take_number(reader, 2);
	take_text(reader, "-");
	tm->tm_mon = take_month(reader);
	take_text(reader, "-");
	tm->tm_year = full_year(take_number(reader, 2));
	take_text(reader, " ");
	take_time(reader, tm);
	take_text(reader, " GMT");
}

/* "Nov  6 08:49:37 1994", of asctime() */
static void take_asctime(struct reader *reader, struct tm *tm)
{
	tm->tm_mon = take_month(reader);
	take_text(reader, " ");
	tm->tm_mday = take_padded_day(reader);
	take_text(reader, " ");
	take_time(reader, tm);
	take_text(reader, " ");
	tm->tm_year = take_number(reader, 4) - 1900;
}

/* The name of a day and what separates it; which of the forms follows. */
static void take_any_form(struct reader *reader, struct tm *tm)
{
	size_t len = (size_t)(reader->end - reader->at);
	int form = len == HTTP_DATE_LEN ? ',' : len == 24 ? ' ' : '-';

	for (int i = 0; i < 7; i++) {
		const char *name = form == '-' ? long_days[i] : days[i];
		size_t name_len = strlen(name);

		if (len <= name_len || memcmp(reader->at, name, name_len))
			continue;
		reader->at += name_len;
		take_text(reader, form == ' ' ? " " : ", ");
		if (form == ',')
			take_fixdate(reader, tm);
		else if (form == ' ')
			take_asctime(reader, tm);
		else
			take_rfc850(reader, tm);
		return;
	}
	reader->bad = true;
}

static bool is_date(const struct tm *tm)
{
	static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + 1900;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return year > 0 && tm->tm_mday > 0 &&
	       tm->tm_mday <= lengths[tm->tm_mon] + (tm->tm_mon == 1 && leap) && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec <= 60;
}

int http_date_parse(struct http_slice text, time_t *when)
{
	struct reader reader = {text.at, text.at + text.len, text.len == 0};
	struct tm tm = {0};

	if (!reader.bad)
		take_any_form(&reader, &tm);
	if (reader.bad || reader.at != reader.end || !is_date(&tm))
		return -EINVAL;
	*when = timegm(&tm);
	return 0;
}
