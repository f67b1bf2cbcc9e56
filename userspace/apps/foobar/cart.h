/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a visitor wants to buy: products and quantities, in the order of the
 * products' ids. It is kept as text in the session, "[[2,1],[7,3]]", which is at
 * the same time what statements take for a table. Prices are not in it: they
 * are the database's.
 */
#ifndef FOOBAR_CART_H
#define FOOBAR_CART_H

#include <stddef.h>
#include <stdint.h>

#define CART_LINES_MAX	  20
#define CART_QUANTITY_MAX 20
#define CART_TEXT_MAX	  (CART_LINES_MAX * 16 + 3)

struct cart_line {
	uint32_t product;
	uint32_t quantity; /* 1 to CART_QUANTITY_MAX */
};

struct cart {
	size_t count;
	struct cart_line lines[CART_LINES_MAX];
};

/* NULL is an empty cart, and so is text that is no cart: -EINVAL. */
int cart_read(struct cart *cart, const char *text) __attribute__((warn_unused_result));
void cart_write(const struct cart *cart, char out[static CART_TEXT_MAX]);

/* 0 if it is not in the cart. */
uint32_t cart_quantity(const struct cart *cart, uint32_t product);
/* 0 takes it out. -ERANGE: above CART_QUANTITY_MAX; -ENOSPC: the cart is full. */
int cart_set(struct cart *cart, uint32_t product, uint32_t quantity)
	__attribute__((warn_unused_result));
/* Pieces of all products. */
uint32_t cart_pieces(const struct cart *cart);

#endif /* FOOBAR_CART_H */
