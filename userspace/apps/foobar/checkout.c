/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The form behind the cart. Its token belongs to the visitor's cart from the
 * first look at the form until the order is placed: two windows, a second click
 * and a request repeated by a tier in between all carry the same one.
 */
#include <errno.h>
#include <string.h>

#include "address.h"
#include "basket.h"
#include "cart_pages.h"
#include "foobar.h"
#include "order.h"
#include "page.h"
#include "receipts.h"
#include "text.h"

static const char no_orders[] = "Our order book does not answer right now. Your cart is safe: "
				"please try again in a moment.";
static const char not_known[] =
	"Our order book did not answer, so we cannot say whether your order has arrived. "
	"Please order again: it will not be ordered twice.";
static const char changed_elsewhere[] =
	"Your cart has changed in another window. Please check it, and order again.";
static const char prices_changed[] = "Nothing was ordered: prices or your cart have changed since "
				     "you looked. Here is how it is now.";
static const char sold_out[] =
	"Nothing was ordered: somebody was faster, and there is not enough left of what is marked.";

/* The token of the session's cart, made when there is none. NULL: no randomness. */
static const char *checkout_token(struct app_request *r)
{
	const char *token = app_session_get(r, "checkout");
	char fresh[ORDER_TOKEN_LEN + 1];

	if (token && order_token_valid(token))
		return token;
	if (order_token_make(fresh) < 0 || app_session_set(r, "checkout", fresh) < 0)
		return NULL;
	return app_strdup(r, fresh);
}

static json_t *country_options(const char *chosen)
{
	json_t *options = json_array();

	for (const char *const *country = address_countries; *country; country++)
		json_array_append_new(options, json_pack("{s:s, s:b}", "name", *country, "chosen",
							 strcmp(*country, chosen) == 0));
	return options;
}

static json_t *field_show(enum address_part part, const char *value, const char *mistake)
{
	const struct address_field *field = &address_fields[part];
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:s*}", "key", field->key,
			  "label", field->label, "type", field->type, "autocomplete",
			  field->autocomplete, "width", field->width, "value", value, "most",
			  (int)field->most, "select", part == ADDRESS_COUNTRY, "error", mistake);

	if (part == ADDRESS_COUNTRY)
		json_object_set_new(object, "options", country_options(value));
	return object;
}

/* Adds the fields with what was entered; true: mistakes were marked in them. */
static bool fields_show(json_t *page, const struct address *address, bool check)
{
	json_t *fields = json_array();
	bool wrong = false;

	for (int part = 0; part < ADDRESS_PARTS; part++) {
		const char *value = address->parts[part];
		const char *mistake = check ? address_mistake(part, value) : NULL;

		json_array_append_new(fields, field_show(part, value, mistake));
		wrong |= mistake != NULL;
	}
	json_object_set_new(page, "fields", fields);
	json_object_set_new(page, "wrong", json_boolean(wrong));
	return wrong;
}

/* The form; `entered` may be NULL. Prices are the primary's: those that will be asked for. */
static void form_show(struct app_request *r, unsigned status, const struct address *entered,
		      const char *problem)
{
	static const struct address blank;
	const char *token = checkout_token(r);
	struct basket basket;
	struct cart cart;
	json_t *page;

	page_cart(r, &cart);
	if (!token)
		return;
	if (basket_load(r, &cart, BASKET_PRIMARY, &basket) < 0) {
		cart_show(r, 503, BASKET_REPLICA, problem ? problem : no_orders);
		return;
	}
	if (basket.count < cart.count || !basket_in_stock(&basket)) {
		cart_show(r, 409, BASKET_PRIMARY, problem);
		return;
	}
	page = page_new_private(r);
	if (problem)
		page_notice(page, true, problem);
	basket_show(page, &basket);
	fields_show(page, entered ? entered : &blank, entered != NULL);
	json_object_set_new(page, "token", json_string(token));
	json_object_set_new(page, "seen", json_integer(basket.total_cents));
	app_status(r, status);
	page_show(r, "checkout.html", page);
}

/* The session after an order, and the way to the receipt. */
static void finish(struct app_request *r, const struct order *order, bool ours)
{
	receipts_remember(r, order->id);
	if (ours) {
		page_keep_cart(r, &(struct cart){0});
		app_session_set(r, "checkout", NULL);
	}
	app_redirect(r, app_sprintf(r, "/orders/%u?thanks=1", (unsigned)order->id));
}

/* An order whose answer never arrived is told here, instead of being asked for again. */
void checkout_page(struct app_request *r)
{
	struct order order = {.token = app_session_get(r, "checkout")};
	struct cart cart;
	int known = 0;

	page_cart(r, &cart);
	if (order.token && cart.count)
		known = order_find(r, order.token, &order.id);
	if (cart.count == 0)
		app_redirect(r, "/cart");
	else if (known > 0)
		finish(r, &order, true);
	else if (known == 0)
		form_show(r, 200, NULL, NULL);
	else
		cart_show(r, 503, BASKET_REPLICA, no_orders);
}

static void place_failed(struct app_request *r, const struct order *order, int err)
{
	app_log(app_of(r), r, APP_LOG_WARN, "event=order-not-placed err=%d", -err);
	form_show(r, 503, order->address, not_known);
}

static void place(struct app_request *r, struct order *order)
{
	int outcome = order_place(r, order);

	if (outcome == ORDER_PLACED || outcome == ORDER_KNOWN)
		finish(r, order, true);
	else if (outcome == ORDER_CHANGED)
		cart_show(r, 409, BASKET_PRIMARY, prices_changed);
	else if (outcome == ORDER_SOLD_OUT)
		cart_show(r, 409, BASKET_PRIMARY, sold_out);
	else
		place_failed(r, order, outcome);
}

static bool address_read(struct app_request *r, struct address *address)
{
	bool good = true;

	for (int part = 0; part < ADDRESS_PARTS; part++) {
		text_clean(app_form(r, address_fields[part].key), address->parts[part],
			   ADDRESS_TEXT_MAX);
		good &= !address_mistake(part, address->parts[part]);
	}
	return good;
}

static void order_now(struct app_request *r, struct order *order, const struct cart *cart,
		      bool ours)
{
	struct address *address = app_alloc(r, sizeof(*address));

	if (!address_read(r, address)) {
		form_show(r, 422, address, NULL);
		return;
	}
	if (!ours || !app_int(app_form(r, "seen"), 0, INT64_MAX, &order->seen_cents)) {
		form_show(r, 409, address, changed_elsewhere);
		return;
	}
	order->address = address;
	order->cart = cart;
	place(r, order);
}

void checkout_place(struct app_request *r)
{
	const char *session_token = app_session_get(r, "checkout");
	struct order order = {0};
	struct cart cart;
	int known = 0;
	bool ours;

	if (!app_csrf_ok(r))
		return;
	order.token = app_form(r, "token");
	ours = order.token && session_token && strcmp(order.token, session_token) == 0;
	/* First of all: a form that comes again gets its answer, whatever the cart is by now. */
	if (order.token && order_token_valid(order.token))
		known = order_find(r, order.token, &order.id);
	page_cart(r, &cart);
	if (known > 0)
		finish(r, &order, ours);
	else if (known < 0)
		cart_show(r, 503, BASKET_REPLICA, not_known);
	else if (cart.count == 0)
		app_redirect(r, "/cart");
	else
		order_now(r, &order, &cart, ours);
}
