/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Looking at the cart and changing it. */
#include <errno.h>
#include <stdio.h>

#include "basket.h"
#include "cart_pages.h"
#include "foobar.h"
#include "page.h"

/* What is no longer sold leaves the cart. */
static void forget_missing(struct app_request *r, struct cart *cart, const struct basket *basket)
{
	struct cart kept = {0};

	for (size_t i = 0; i < basket->count; i++)
		kept.lines[kept.count++] =
			(struct cart_line){basket->lines[i].product, basket->lines[i].quantity};
	*cart = kept;
	page_keep_cart(r, cart);
}

void cart_show(struct app_request *r, unsigned status, enum basket_source source,
	       const char *problem)
{
	struct basket basket;
	struct cart cart;
	json_t *page;

	page_cart(r, &cart);
	if (basket_load(r, &cart, source, &basket) < 0)
		return;
	if (basket.count < cart.count) {
		forget_missing(r, &cart, &basket);
		problem = problem ? problem : "Something in your cart is no longer sold.";
	}
	page = page_new_private(r);
	if (problem)
		page_notice(page, true, problem);
	basket_show(page, &basket);
	app_status(r, status);
	page_show(r, "cart.html", page);
}

void cart_page(struct app_request *r)
{
	cart_show(r, 200, BASKET_REPLICA, NULL);
}

/* Puts as many as there are into the cart; tells what was not possible, or NULL. */
static const char *add_some(struct app_request *r, uint32_t product, int64_t quantity,
			    int64_t stock)
{
	int64_t most = stock < CART_QUANTITY_MAX ? stock : CART_QUANTITY_MAX;
	const char *problem = NULL;
	struct cart cart;

	page_cart(r, &cart);
	quantity += cart_quantity(&cart, product);
	if (quantity > most) {
		problem = stock == 0 ? "It has just sold out."
				     : app_sprintf(r, "More than %d are not possible.", (int)most);
		quantity = most;
	}
	if (cart_set(&cart, product, (uint32_t)quantity) < 0)
		return "Your cart is full.";
	page_keep_cart(r, &cart);
	return problem;
}

void cart_add(struct app_request *r)
{
	int64_t product, quantity;
	struct db_result *rows;
	const char *problem;

	if (!app_csrf_ok(r))
		return;
	if (!app_int(app_form(r, "product"), 1, UINT32_MAX, &product) ||
	    !app_int(app_form(r, "quantity"), 1, CART_QUANTITY_MAX, &quantity)) {
		app_error(r, 400, "This is not how one fills a cart");
		return;
	}
	rows = db_query(r, "SELECT stock FROM products WHERE id = ?", "i", product);
	if (db_next(rows) <= 0) {
		if (db_status(r) == 0)
			app_error(r, 404, "We do not have that");
		return;
	}
	problem = add_some(r, (uint32_t)product, quantity, db_int(rows, 0));
	if (problem)
		cart_show(r, 409, BASKET_REPLICA, problem);
	else
		app_redirect(r, "/cart");
}

/* Takes the quantities of the form over; false: one of them is none, and nothing is changed. */
static bool quantities_take(struct app_request *r, struct cart *cart)
{
	struct cart before = *cart;
	int64_t removed = 0;

	app_int(app_form(r, "remove"), 1, UINT32_MAX, &removed);
	for (size_t i = 0; i < before.count; i++) {
		uint32_t product = before.lines[i].product;
		int64_t quantity = before.lines[i].quantity;
		const char *field = app_form(r, app_sprintf(r, "quantity-%u", (unsigned)product));

		if (product == removed)
			quantity = 0;
		else if (field && !app_int(field, 0, CART_QUANTITY_MAX, &quantity))
			return false;
		if (cart_set(cart, product, (uint32_t)quantity) < 0)
			return false;
	}
	return true;
}

void cart_change(struct app_request *r)
{
	struct cart cart;

	if (!app_csrf_ok(r))
		return;
	page_cart(r, &cart);
	if (!quantities_take(r, &cart)) {
		cart_show(r, 422, BASKET_REPLICA,
			  app_sprintf(r, "Quantities are numbers up to %d.", CART_QUANTITY_MAX));
		return;
	}
	page_keep_cart(r, &cart);
	app_redirect(r, "/cart");
}
