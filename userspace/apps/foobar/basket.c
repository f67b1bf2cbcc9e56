/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One statement for the whole cart: its text is a JSON table to the database.
 * The STRAIGHT_JOIN makes the cart's order, that of the ids, the order of locking.
 */
#include <stdio.h>

#include "basket.h"
#include "money.h"
#include "page.h"

#define COLUMNS                                                                                    \
	"p.id, c.quantity, p.price_cents, p.stock, p.slug, p.category, p.name, p.kind "            \
	"FROM JSON_TABLE(?, '$[*]' COLUMNS (id INT UNSIGNED PATH '$[0]', "                         \
	"quantity INT UNSIGNED PATH '$[1]')) AS c STRAIGHT_JOIN products AS p ON p.id = c.id"

static const char *const statements[] = {
	[BASKET_REPLICA] = "SELECT " COLUMNS,
	[BASKET_PRIMARY] = "SELECT /* sluice: primary */ " COLUMNS,
	[BASKET_LOCKED] = "SELECT " COLUMNS " FOR UPDATE",
};

static void line_load(struct app_request *r, struct db_result *rows, struct basket_line *line)
{
	*line = (struct basket_line){
		.product = (uint32_t)db_int(rows, 0),
		.quantity = (uint32_t)db_int(rows, 1),
		.price_cents = db_int(rows, 2),
		.stock = db_int(rows, 3),
		.slug = app_strdup(r, db_text(rows, 4)),
		.category = app_strdup(r, db_text(rows, 5)),
		.name = app_strdup(r, db_text(rows, 6)),
		.kind = app_strdup(r, db_text(rows, 7)),
	};
}

int basket_load(struct app_request *r, const struct cart *cart, enum basket_source source,
		struct basket *basket)
{
	char text[CART_TEXT_MAX];
	struct db_result *rows;
	int more;

	*basket = (struct basket){0};
	if (cart->count == 0)
		return 0;
	cart_write(cart, text);
	rows = db_query(r, statements[source], "s", text);
	while ((more = db_next(rows)) > 0 && basket->count < CART_LINES_MAX) {
		struct basket_line *line = &basket->lines[basket->count++];

		line_load(r, rows, line);
		basket->goods_cents += line->price_cents * line->quantity;
	}
	basket->delivery_cents = money_delivery(basket->goods_cents);
	basket->total_cents = basket->goods_cents + basket->delivery_cents;
	return more < 0 ? more : db_status(r);
}

bool basket_in_stock(const struct basket *basket)
{
	for (size_t i = 0; i < basket->count; i++) {
		if (basket->lines[i].stock < basket->lines[i].quantity)
			return false;
	}
	return true;
}

static json_t *line_show(const struct basket_line *line)
{
	int64_t most = line->stock < CART_QUANTITY_MAX ? line->stock : CART_QUANTITY_MAX;
	json_t *object = json_pack("{s:i, s:i, s:I, s:s, s:s, s:s, s:s}", "id", (int)line->product,
				   "quantity", (int)line->quantity, "most", (json_int_t)most,
				   "slug", line->slug, "category", line->category, "name",
				   line->name, "kind", line->kind);
	char warning[48];

	page_money(object, "price", line->price_cents);
	page_money(object, "sum", line->price_cents * line->quantity);
	if (line->stock < line->quantity) {
		if (line->stock)
			snprintf(warning, sizeof(warning), "Only %d left", (int)line->stock);
		else
			snprintf(warning, sizeof(warning), "Sold out: please remove it");
		json_object_set_new(object, "warning", json_string(warning));
	}
	return object;
}

void basket_show_sums(json_t *page, int64_t goods_cents, int64_t delivery_cents)
{
	page_money(page, "goods", goods_cents);
	if (delivery_cents)
		page_money(page, "delivery", delivery_cents);
	else
		json_object_set_new(page, "delivery", json_string("Free"));
	page_money(page, "total", goods_cents + delivery_cents);
}

void basket_show(json_t *page, const struct basket *basket)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < basket->count; i++)
		json_array_append_new(lines, line_show(&basket->lines[i]));
	json_object_set_new(page, "lines", lines);
	json_object_set_new(page, "filled", json_boolean(basket->count > 0));
	json_object_set_new(page, "buyable", json_boolean(basket_in_stock(basket)));
	basket_show_sums(page, basket->goods_cents, basket->delivery_cents);
	if (basket->delivery_cents) {
		page_money(page, "to_free", MONEY_FREE_FROM_CENTS - basket->goods_cents);
		json_object_set_new(
			page, "to_free_percent",
			json_integer(basket->goods_cents * 100 / MONEY_FREE_FROM_CENTS));
	}
}
