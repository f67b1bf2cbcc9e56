/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A small shop, to show what an application on Sluice looks like. Nothing about
 * a visitor stays in the server: the cart and the orders' ids are in the sealed
 * session, everything else in the database, so that any application server can
 * answer the next request.
 */
#include "foobar.h"

static const struct {
	const char *method, *path;
	app_handler *handler;
} routes[] = {
	{"GET", "/", home_page},
	{"GET", "/c/:category", category_page},
	{"GET", "/search", search_page},
	{"GET", "/p/:slug", product_page},
	{"GET", "/cart", cart_page},
	{"POST", "/cart", cart_change},
	{"POST", "/cart/add", cart_add},
	{"GET", "/checkout", checkout_page},
	{"POST", "/checkout", checkout_place},
	{"GET", "/orders", orders_page},
	{"GET", "/orders/:id", order_page},
	{"GET", "/about", about_page},
	{"GET", "/api/whoami", whoami_api},
	{"GET", "/api/products", products_api},
	{"GET", "/api/orders/:id", order_api},
};

static int foobar_start(struct app *app)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		int err = app_route(app, routes[i].method, routes[i].path, routes[i].handler);

		if (err)
			return err;
	}
	return 0;
}

const struct app_module sluice_app = {
	.abi = SLUICE_APP_ABI,
	.name = "foobar",
	.start = foobar_start,
};
