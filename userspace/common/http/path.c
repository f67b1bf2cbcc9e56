/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Percent encoding, paths, forms (RFC 3986, 2.1 and 5.2.4). A path is decoded
 * once and then resolved, so that "%2e%2e" is "..", and no second reading of it
 * can find another file.
 */
#include <errno.h>
#include <string.h>

#include "http/scan.h"
#include "http/value.h"

/* The byte that "%XX" at `at` means; -EBADMSG, for NUL too. */
static int decode_byte(const char *at, const char *end)
{
	unsigned value;

	if (end - at < 3 || !http_is(at[1], HTTP_C_HEX) || !http_is(at[2], HTTP_C_HEX))
		return -EBADMSG;
	value = http_hex(at[1]) << 4 | http_hex(at[2]);
	return value ? (int)value : -EBADMSG;
}

ssize_t http_percent_decode(struct http_slice text, bool plus, char *out, size_t size)
{
	const char *at = text.at, *end = text.at + text.len;
	size_t used = 0;

	while (at < end) {
		int byte = (uint8_t)*at;

		if (*at == '%')
			byte = decode_byte(at, end);
		else if (plus && *at == '+')
			byte = ' ';
		if (byte <= 0)
			return -EBADMSG;
		if (used == size)
			return -ENOBUFS;
		at += *at == '%' ? 3 : 1;
		out[used++] = (char)byte;
	}
	return (ssize_t)used;
}

/* --- paths ------------------------------------------------------------------------- */

/* Bytes that no part of a path may have once it is decoded. */
static bool is_forbidden(int byte)
{
	return byte < ' ' || byte == 0x7f || byte == '\\';
}

/* The next byte of a segment; an encoded slash would be taken for one that is not. */
static int segment_byte(const char **at, const char *end)
{
	int byte = (uint8_t) * *at;

	if (byte == '%') {
		byte = decode_byte(*at, end);
		if (byte == '/')
			return -EBADMSG;
		*at += 2;
	}
	*at += 1;
	return byte < 0 || is_forbidden(byte) ? -EBADMSG : byte;
}

/* Decodes one segment, up to a slash or the end, behind out[used]. Returns the new length. */
static ssize_t decode_segment(const char **at, const char *end, char *out, size_t used, size_t size)
{
	while (*at < end && **at != '/') {
		int byte = segment_byte(at, end);

		if (byte < 0)
			return byte;
		if (used + 1 >= size)
			return -ENOBUFS;
		out[used++] = (char)byte;
	}
	return (ssize_t)used;
}

/* out[0..used) ends in '/': where the last segment but that starts. 0: there is none. */
static size_t parent(const char *out, size_t used)
{
	if (used < 2)
		return 0;
	for (used--; out[used - 1] != '/'; used--)
		;
	return used;
}

static bool is_dots(const char *segment, size_t len, size_t dots)
{
	return len == dots && !memcmp(segment, "..", dots);
}

ssize_t http_path_normalise(struct http_slice path, char *out, size_t size)
{
	const char *at = path.at, *end = path.at + path.len;
	size_t used = 0, start;
	ssize_t stop;

	if (!path.len || *at != '/')
		return -EBADMSG;
	if (size < 2)
		return -ENOBUFS;
	out[used++] = '/';
	while (at < end) {
		at++; /* the slash */
		start = used;
		stop = decode_segment(&at, end, out, used, size);
		if (stop < 0)
			return stop;
		used = (size_t)stop;
		if (is_dots(out + start, used - start, 1))
			used = start;
		else if (is_dots(out + start, used - start, 2))
			used = parent(out, start);
		if (!used)
			return -EBADMSG;
		if (at == end || used == start || out[used - 1] == '/')
			continue;
		if (used + 1 >= size)
			return -ENOBUFS;
		out[used++] = '/';
	}
	out[used] = '\0';
	return (ssize_t)used;
}

/* --- forms ------------------------------------------------------------------------- */

bool http_form_next(struct http_slice *rest, struct http_slice *name, struct http_slice *value)
{
	while (rest->len) {
		const char *from = rest->at, *end = rest->at + rest->len;
		const char *stop = memchr(from, '&', rest->len), *equals;

		rest->at = stop ? stop + 1 : end;
		rest->len = (size_t)(end - rest->at);
		if (!stop)
			stop = end;
		if (stop == from)
			continue;
		equals = memchr(from, '=', (size_t)(stop - from));
		*name = (struct http_slice){from, (size_t)((equals ? equals : stop) - from)};
		from = equals ? equals + 1 : stop;
		*value = (struct http_slice){from, (size_t)(stop - from)};
		return true;
	}
	return false;
}
