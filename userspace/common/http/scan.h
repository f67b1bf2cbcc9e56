/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Scanning bytes by class (RFC 9110, 5.6.2; RFC 3986, 2): one table for all
 * classes, 16 bytes at a time where the runs are long. Nothing is read at or
 * behind `end`.
 */
#ifndef SLUICE_HTTP_SCAN_H
#define SLUICE_HTTP_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define HTTP_C_TOKEN  1	 /* what a name or method is made of: tchar */
#define HTTP_C_VALUE  2	 /* what may stand in a field value: blanks, visible, obs-text */
#define HTTP_C_TARGET 4	 /* what may stand in a request target: visible, without '#' */
#define HTTP_C_DIGIT  8	 /* 0-9 */
#define HTTP_C_HEX    16 /* 0-9 a-f A-F */
#define HTTP_C_NAME   32 /* what may stand in a host name: letters, digits, '-', '.', '_' */
#define HTTP_C_ETAG   64 /* etagc: visible without '"', obs-text */

extern const uint8_t http_class[256];

static inline bool http_is(char c, unsigned class)
{
	return http_class[(uint8_t)c] & class;
}

static inline bool http_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first byte that is not of the class, or `end`. */
static inline const char *http_scan(const char *at, const char *end, unsigned class)
{
	while (at < end && http_is(*at, class))
		at++;
	return at;
}

/* The same for HTTP_C_TOKEN: letters, digits and '-' in one step, the rest by the table. */
static inline const char *http_scan_token(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i bit = _mm_set1_epi8(0x20), dash = _mm_set1_epi8('-');

	for (; end - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)at),
			lower = _mm_or_si128(bytes, bit);
		__m128i letters = _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)),
						_mm_cmplt_epi8(lower, _mm_set1_epi8('z' + 1)));
		__m128i digits = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1)),
					       _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
		__m128i good =
			_mm_or_si128(_mm_or_si128(letters, digits), _mm_cmpeq_epi8(bytes, dash));
		unsigned others = ~(unsigned)_mm_movemask_epi8(good) & 0xffff;

		if (others) {
			at += __builtin_ctz(others);
			break;
		}
	}
#endif
	return http_scan(at, end, HTTP_C_TOKEN);
}

/* The same for the class HTTP_C_VALUE, whose runs are long. */
static inline const char *http_scan_value(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i space = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t'),
		      del = _mm_set1_epi8(0x7f);

	for (; end - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)at);
		__m128i printable = _mm_cmpeq_epi8(_mm_max_epu8(bytes, space), bytes);
		__m128i good = _mm_or_si128(printable, _mm_cmpeq_epi8(bytes, tab));
		unsigned bad =
			~_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, del), good)) &
			0xffff;

		if (bad)
			return at + __builtin_ctz(bad);
	}
#endif
	return http_scan(at, end, HTTP_C_VALUE);
}

/* The same for the class HTTP_C_TARGET. */
static inline const char *http_scan_target(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i first = _mm_set1_epi8('!'), last = _mm_set1_epi8('~'),
		      hash = _mm_set1_epi8('#');

	for (; end - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)at);
		__m128i inside = _mm_min_epu8(_mm_max_epu8(bytes, first), last);
		__m128i good = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, hash),
						_mm_cmpeq_epi8(bytes, inside));
		unsigned bad = ~(unsigned)_mm_movemask_epi8(good) & 0xffff;

		if (bad)
			return at + __builtin_ctz(bad);
	}
#endif
	return http_scan(at, end, HTTP_C_TARGET);
}

static inline char http_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The value of a digit of the class HTTP_C_HEX. */
static inline unsigned http_hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

#endif /* SLUICE_HTTP_SCAN_H */
