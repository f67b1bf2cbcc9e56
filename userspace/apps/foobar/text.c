/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

/* The length of the character that starts here, and its code point; 0: no valid one does. */
static size_t character_at(const unsigned char *at, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = *at < 0x80	       ? 1
			: (*at & 0xe0) == 0xc0 ? 2
			: (*at & 0xf0) == 0xe0 ? 3
			: (*at & 0xf8) == 0xf0 ? 4
					       : 0;

	if (length <= 1) {
		*code = *at;
		return length;
	}
	*code = *at & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3f);
	}
	if (*code < smallest[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return length;
}

static bool is_blank(uint32_t code)
{
	return code == ' ' || (code >= '\t' && code <= '\r') || code == 0xa0;
}

/* C0, C1, and the marks that turn the direction of text. */
static bool is_hidden(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

void text_clean(const char *text, char *out, size_t size)
{
	const unsigned char *at = (const unsigned char *)(text ? text : "");
	size_t used = 0;
	bool blank = false;

	while (*at) {
		uint32_t code;
		size_t length = character_at(at, &code);
		const void *from = length ? (const void *)at : "?";
		size_t copied = length ? length : 1;

		at += copied;
		if (length && is_blank(code)) {
			blank = used > 0;
			continue;
		}
		if (length && is_hidden(code))
			continue;
		if (used + blank + copied >= size)
			break;
		if (blank)
			out[used++] = ' ';
		blank = false;
		memcpy(out + used, from, copied);
		used += copied;
	}
	out[used] = '\0';
}

size_t text_length(const char *text)
{
	size_t length = 0;

	for (; *text; text++)
		length += (*text & 0xc0) != 0x80;
	return length;
}
