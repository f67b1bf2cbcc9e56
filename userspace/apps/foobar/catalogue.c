/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What can be looked at by anyone: read from whichever copy of the database is near. */
#include <string.h>

#include "cart.h"
#include "foobar.h"
#include "money.h"
#include "page.h"
#include "text.h"

#define LIST_MAX 60
#define FEW	 5

/* What a card needs; the server's name is for the page's foot. */
#define CARD "slug, category, name, kind, price_cents, stock, @@report_host AS server"

/* Adds to a product what templates say about price and stock. */
static void product_dress(json_t *product)
{
	json_int_t stock = json_integer_value(json_object_get(product, "stock"));

	page_money(product, "price", json_integer_value(json_object_get(product, "price_cents")));
	json_object_set_new(product, "sold_out", json_boolean(stock == 0));
	json_object_set_new(product, "few", json_boolean(stock > 0 && stock <= FEW));
}

/* The page gets a list of products; false: there is none, the database has failed. */
static bool page_products(json_t *page, const char *key, json_t *products)
{
	json_t *product;
	size_t i;

	if (!products)
		return false;
	json_array_foreach(products, i, product) {
		product_dress(product);
		json_object_set(page, "read", json_object_get(product, "server"));
	}
	json_object_set_new(page, key, products);
	return true;
}

/* A page that the database did not fill: the server answers 503. */
static void show_if(struct app_request *r, bool filled, const char *template, json_t *page)
{
	if (filled)
		page_show(r, template, page);
	else
		json_decref(page);
}

void home_page(struct app_request *r)
{
	json_t *page = page_new(r);
	bool filled;

	filled = page_products(page, "featured",
			       db_json(r, LIST_MAX,
				       "SELECT " CARD " FROM products WHERE featured > 0 "
				       "ORDER BY featured",
				       "")) &&
		 page_products(
			 page, "edition",
			 db_json(r, 1, "SELECT " CARD " FROM products WHERE slug = 'foobar'", ""));
	show_if(r, filled, "home.html", page);
}

void category_page(struct app_request *r)
{
	const char *slug = app_param(r, "category");
	struct db_result *rows = db_query(
		r, "SELECT slug, name, tagline, picture FROM categories WHERE slug = ?", "s", slug);
	json_t *page;
	bool filled;

	if (db_next(rows) <= 0) {
		if (db_status(r) == 0)
			app_error(r, 404, "There is no such department");
		return;
	}
	page = page_new(r);
	json_object_set_new(page, "category", db_row_json(rows));
	json_object_set_new(page, "in", json_pack("{s:b}", db_text(rows, 0), 1));
	filled = page_products(page, "products",
			       db_json(r, LIST_MAX,
				       "SELECT " CARD " FROM products WHERE category = ? "
				       "ORDER BY stock = 0, id",
				       "s", slug));
	show_if(r, filled, "category.html", page);
}

#define SEARCH_WORDS 4

/* Cuts `text` into words, in place; those that are not there are "". */
static void words_split(char *text, const char *words[static SEARCH_WORDS])
{
	char *rest = NULL;

	for (size_t i = 0; i < SEARCH_WORDS; i++) {
		words[i] = strtok_r(i ? NULL : text, " ", &rest);
		if (!words[i])
			words[i] = "";
	}
}

/* Every word must be there, in any order; LOCATE finds "" everywhere. */
void search_page(struct app_request *r)
{
	const char *words[SEARCH_WORDS];
	char text[4 * 80 + 1];
	json_t *page = page_new(r);
	size_t found;
	bool filled;

	text_clean(app_query(r, "q"), text, sizeof(text));
	json_object_set_new(page, "q", json_string(text));
	words_split(text, words);
	filled = page_products(
		page, "products",
		db_json(r, LIST_MAX,
			"SELECT " CARD " FROM (SELECT *, CONCAT_WS(' ', name, kind, category, "
			"description, facts) AS hay FROM products) AS p WHERE LOCATE(?, hay) AND "
			"LOCATE(?, hay) AND LOCATE(?, hay) AND LOCATE(?, hay) ORDER BY "
			"LOCATE(?, CONCAT_WS(' ', name, kind)) = 0, stock = 0, id",
			"sssss", words[0], words[1], words[2], words[3], words[0]));
	found = json_array_size(json_object_get(page, "products"));
	json_object_set_new(page, "found", json_integer((json_int_t)found));
	json_object_set_new(page, "one", json_boolean(found == 1));
	show_if(r, filled, "search.html", page);
}

/* A product's facts are lines of text. */
static json_t *facts_list(struct app_request *r, const char *lines)
{
	json_t *list = json_array();
	char *rest = NULL;

	for (char *line = strtok_r(app_strdup(r, lines), "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		json_array_append_new(list, json_string(line));
	return list;
}

static json_t *quantities_list(json_int_t stock)
{
	json_t *list = json_array();

	for (int i = 1; i <= stock && i <= CART_QUANTITY_MAX / 2; i++)
		json_array_append_new(list, json_integer(i));
	return list;
}

static json_t *product_object(struct app_request *r, struct db_result *rows)
{
	json_t *product = db_row_json(rows);
	json_t *facts = json_object_get(product, "facts");
	json_t *stock = json_object_get(product, "stock");

	product_dress(product);
	json_object_set_new(product, "facts", facts_list(r, json_string_value(facts)));
	json_object_set_new(product, "quantities", quantities_list(json_integer_value(stock)));
	return product;
}

void product_page(struct app_request *r)
{
	const char *slug = app_param(r, "slug");
	struct db_result *rows =
		db_query(r,
			 "SELECT p.id, p.slug, p.category, p.name, p.kind, p.price_cents, p.stock, "
			 "p.description, p.facts, c.name AS category_name FROM products AS p "
			 "JOIN categories AS c ON c.slug = p.category WHERE p.slug = ?",
			 "s", slug);
	const char *category;
	json_t *page;
	bool filled;

	if (db_next(rows) <= 0) {
		if (db_status(r) == 0)
			app_error(r, 404, "We do not have that");
		return;
	}
	page = page_new(r);
	category = app_strdup(r, db_text(rows, 2));
	json_object_set_new(page, "in", json_pack("{s:b}", category, 1));
	json_object_set_new(page, "product", product_object(r, rows));
	filled = page_products(page, "related",
			       db_json(r, 4,
				       "SELECT " CARD " FROM products WHERE category = ? "
				       "AND slug <> ? ORDER BY stock = 0, id",
				       "ss", category, slug));
	show_if(r, filled, "product.html", page);
}

void products_api(struct app_request *r)
{
	json_t *products = db_json(r, 1000,
				   "SELECT id, slug, category, name, kind, price_cents, stock "
				   "FROM products ORDER BY id",
				   "");

	if (!products)
		return;
	app_set_header(r, "Cache-Control", "public, max-age=5");
	app_json_reply(r, 200, json_pack("{s:o}", "products", products));
}
