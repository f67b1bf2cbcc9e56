/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The cart and its text. */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cart.h"

/* A line must come behind those that are there: sorted, and no product twice. */
static bool line_read(struct cart *cart, json_t *pair)
{
	json_int_t product = json_integer_value(json_array_get(pair, 0));
	json_int_t quantity = json_integer_value(json_array_get(pair, 1));
	uint32_t last = cart->count ? cart->lines[cart->count - 1].product : 0;

	if (json_array_size(pair) != 2 || cart->count == CART_LINES_MAX)
		return false;
	if (product <= last || product > UINT32_MAX)
		return false;
	if (quantity < 1 || quantity > CART_QUANTITY_MAX)
		return false;
	cart->lines[cart->count++] = (struct cart_line){(uint32_t)product, (uint32_t)quantity};
	return true;
}

int cart_read(struct cart *cart, const char *text)
{
	json_t *list, *pair;
	size_t i;
	int err = 0;

	*cart = (struct cart){0};
	if (!text)
		return 0;
	list = json_loads(text, 0, NULL);
	if (!json_is_array(list))
		err = -EINVAL;
	json_array_foreach(list, i, pair) {
		if (!line_read(cart, pair))
			err = -EINVAL;
	}
	json_decref(list);
	if (err)
		*cart = (struct cart){0};
	return err;
}

void cart_write(const struct cart *cart, char out[static CART_TEXT_MAX])
{
	size_t used = 0;

	out[used++] = '[';
	for (size_t i = 0; i < cart->count; i++)
		used += (size_t)snprintf(out + used, CART_TEXT_MAX - used, "%s[%u,%u]",
					 i ? "," : "", cart->lines[i].product,
					 cart->lines[i].quantity);
	out[used++] = ']';
	out[used] = '\0';
}

/* Where it is, or where it would have to be. */
static size_t line_of(const struct cart *cart, uint32_t product)
{
	size_t at = 0;

	while (at < cart->count && cart->lines[at].product < product)
		at++;
	return at;
}

static bool has_at(const struct cart *cart, size_t at, uint32_t product)
{
	return at < cart->count && cart->lines[at].product == product;
}

uint32_t cart_quantity(const struct cart *cart, uint32_t product)
{
	size_t at = line_of(cart, product);

	return has_at(cart, at, product) ? cart->lines[at].quantity : 0;
}

int cart_set(struct cart *cart, uint32_t product, uint32_t quantity)
{
	size_t at = line_of(cart, product);
	bool there = has_at(cart, at, product);
	struct cart_line *line = &cart->lines[at];

	if (quantity > CART_QUANTITY_MAX)
		return -ERANGE;
	if (quantity && !there) {
		if (cart->count == CART_LINES_MAX)
			return -ENOSPC;
		memmove(line + 1, line, (cart->count++ - at) * sizeof(*line));
		line->product = product;
	}
	if (quantity)
		line->quantity = quantity;
	else if (there)
		memmove(line, line + 1, (--cart->count - at) * sizeof(*line));
	return 0;
}

uint32_t cart_pieces(const struct cart *cart)
{
	uint32_t pieces = 0;

	for (size_t i = 0; i < cart->count; i++)
		pieces += cart->lines[i].quantity;
	return pieces;
}
