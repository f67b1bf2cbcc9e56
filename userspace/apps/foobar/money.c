/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Cents as people write them, and the price of a delivery. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "money.h"

char *money_format(int64_t cents, char out[static MONEY_TEXT_MAX])
{
	bool negative = cents < 0;
	/* Negating the smallest number as signed would overflow. */
	uint64_t amount = negative ? -(uint64_t)cents : (uint64_t)cents;
	char text[MONEY_TEXT_MAX];
	char *at = text + sizeof(text);
	uint64_t euros = amount / 100;

	*--at = '\0';
	for (int digits = 0; euros || digits == 0; digits++, euros /= 10) {
		if (digits && digits % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + euros % 10);
	}
	snprintf(out, MONEY_TEXT_MAX, "%s€%s.%02" PRIu64, negative ? "-" : "", at, amount % 100);
	return out;
}

int64_t money_delivery(int64_t goods_cents)
{
	return goods_cents >= MONEY_FREE_FROM_CENTS ? 0 : MONEY_DELIVERY_CENTS;
}
