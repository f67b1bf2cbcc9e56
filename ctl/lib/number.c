/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Decimal numbers, strictly: strtoul() would take signs, blanks, other bases
 * and, without a word, what is too large.
 */
#include "number.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *number_scan(const char *text, unsigned max, unsigned *out)
{
	unsigned long long value = 0;

	if (!is_digit(text[0]) || (text[0] == '0' && is_digit(text[1])))
		return NULL;
	for (; is_digit(*text); text++) {
		value = value * 10 + (unsigned)(*text - '0');
		if (value > max)
			return NULL;
	}
	*out = (unsigned)value;
	return text;
}
