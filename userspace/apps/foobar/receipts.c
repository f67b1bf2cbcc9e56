/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Orders as their visitor sees them. They are read from the primary: what was
 * just ordered must be there, whichever server answers and however far the
 * copies are behind.
 */
#include <errno.h>

#include "basket.h"
#include "foobar.h"
#include "page.h"
#include "receipts.h"

#define RECEIPTS_MAX 20

#define ORDER_COLUMNS                                                                              \
	"o.id, CONCAT('F-', o.id) AS number, o.goods_cents, o.delivery_cents, "                    \
	"DATE_FORMAT(o.placed_at, '%e %M %Y, %H:%i') AS placed_at"

/* A new reference to the list of ids, the newest last. */
static json_t *receipts_ids(struct app_request *r)
{
	const char *text = app_session_get(r, "orders");
	json_t *ids = text ? json_loads(text, 0, NULL) : NULL;

	if (json_is_array(ids))
		return ids;
	json_decref(ids);
	return json_array();
}

static bool is_mine(struct app_request *r, int64_t order)
{
	json_t *ids = receipts_ids(r), *id;
	bool mine = false;
	size_t i;

	json_array_foreach(ids, i, id)
		mine |= json_integer_value(id) == order;
	json_decref(ids);
	return mine;
}

void receipts_remember(struct app_request *r, uint32_t order)
{
	json_t *ids;
	char *text;

	if (is_mine(r, order))
		return;
	ids = receipts_ids(r);
	json_array_append_new(ids, json_integer(order));
	while (json_array_size(ids) > RECEIPTS_MAX)
		json_array_remove(ids, 0);
	text = json_dumps(ids, JSON_COMPACT);
	if (!text || app_session_set(r, "orders", text) < 0)
		app_log(app_of(r), r, APP_LOG_ERROR, "order=%u is not in the session",
			(unsigned)order);
	free(text);
	json_decref(ids);
}

static int64_t cents_of(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static json_t *load_list(struct app_request *r)
{
	json_t *ids = receipts_ids(r);
	char *text = json_dumps(ids, JSON_COMPACT);
	json_t *orders;

	orders = db_json(r, RECEIPTS_MAX,
			 "SELECT /* sluice: primary */ " ORDER_COLUMNS
			 ", GROUP_CONCAT(l.quantity, ' × ', l.name ORDER BY l.product_id "
			 "SEPARATOR ', ') AS what FROM JSON_TABLE(?, '$[*]' COLUMNS "
			 "(id INT UNSIGNED PATH '$')) AS mine JOIN orders AS o ON o.id = mine.id "
			 "JOIN order_lines AS l ON l.order_id = o.id GROUP BY o.id "
			 "ORDER BY o.id DESC",
			 "s", text);
	free(text);
	json_decref(ids);
	return orders;
}

void orders_page(struct app_request *r)
{
	json_t *orders = load_list(r), *order, *page;
	size_t i;

	if (!orders)
		return;
	json_array_foreach(orders, i, order)
		page_money(order, "total",
			   cents_of(order, "goods_cents") + cents_of(order, "delivery_cents"));
	page = page_new_private(r);
	json_object_set_new(page, "any", json_boolean(json_array_size(orders) > 0));
	json_object_set_new(page, "orders", orders);
	page_show(r, "orders.html", page);
}

/*
 * The order of the path with its lines, a new reference; NULL: it is not there, or
 * the database has failed: db_status(). What belongs to others is not there.
 */
static json_t *load_order(struct app_request *r)
{
	struct db_result *rows;
	json_t *order, *lines;
	int64_t id;

	if (!app_int(app_param(r, "id"), 1, UINT32_MAX, &id) || !is_mine(r, id))
		return NULL;
	rows = db_query(r,
			"SELECT /* sluice: primary */ " ORDER_COLUMNS
			", o.name, o.email, o.street, o.postcode, o.city, o.country "
			"FROM orders AS o WHERE o.id = ?",
			"i", id);
	if (db_next(rows) <= 0)
		return NULL;
	order = db_row_json(rows);
	lines = db_json(
		r, CART_LINES_MAX,
		"SELECT /* sluice: primary */ l.name, l.price_cents, l.quantity, p.slug, "
		"p.category FROM order_lines AS l JOIN products AS p ON p.id = l.product_id "
		"WHERE l.order_id = ? ORDER BY l.product_id",
		"i", id);
	if (lines && json_object_set_new(order, "lines", lines) == 0)
		return order;
	json_decref(order);
	return NULL;
}

void order_page(struct app_request *r)
{
	json_t *order = load_order(r), *line, *page;
	size_t i;

	if (!order) {
		if (db_status(r) == 0)
			app_error(r, 404, "There is no such order of yours");
		return;
	}
	json_array_foreach(json_object_get(order, "lines"), i, line) {
		page_money(line, "price", cents_of(line, "price_cents"));
		page_money(line, "sum", cents_of(line, "price_cents") * cents_of(line, "quantity"));
	}
	page = page_new_private(r);
	basket_show_sums(page, cents_of(order, "goods_cents"), cents_of(order, "delivery_cents"));
	json_object_set_new(order, "thanks", json_boolean(app_query(r, "thanks") != NULL));
	json_object_set_new(page, "order", order);
	page_show(r, "order.html", page);
}

void order_api(struct app_request *r)
{
	json_t *order = load_order(r);

	app_set_header(r, "Cache-Control", "no-store");
	if (order)
		app_json_reply(r, 200, order);
	else if (db_status(r) == 0)
		app_json_reply(r, 404, json_pack("{s:s}", "error", "no such order of yours"));
}
