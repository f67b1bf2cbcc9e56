/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A cart with what the database knows about it: names, prices, stock, sums. */
#ifndef FOOBAR_BASKET_H
#define FOOBAR_BASKET_H

#include <jansson.h>
#include <sluice/app.h>

#include "cart.h"

enum basket_source {
	BASKET_REPLICA, /* as any copy of the database has it: for looking */
	BASKET_PRIMARY, /* as it is */
	BASKET_LOCKED,	/* and as it stays until the transaction ends */
};

struct basket_line {
	uint32_t product, quantity;
	int64_t price_cents, stock;
	const char *slug, *category, *name, *kind; /* the request's memory */
};

struct basket {
	size_t count;
	struct basket_line lines[CART_LINES_MAX];
	int64_t goods_cents, delivery_cents, total_cents;
};

/*
 * [waits] Looks the cart's products up; rows are locked in the order of their ids, so
 * that two buyers never wait for each other. Products that are no longer sold are left
 * out: basket->count tells. 0 or -errno of the database.
 */
int basket_load(struct app_request *r, const struct cart *cart, enum basket_source source,
		struct basket *basket) APP_CHECKED;

/* There is enough of everything. */
bool basket_in_stock(const struct basket *basket);

/* Adds "lines" and the sums to a page. */
void basket_show(json_t *page, const struct basket *basket);
/* "goods", "delivery" and "total" alone. */
void basket_show_sums(json_t *page, int64_t goods_cents, int64_t delivery_cents);

#endif /* FOOBAR_BASKET_H */
