/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Pages know the visitor's cart: caches on the way may not keep them, browsers ask again. */
#include <errno.h>

#include "money.h"
#include "page.h"
#include "text.h"

/* No script, style or form but ours, and no frame around us. */
static const char policy[] = "default-src 'none'; img-src 'self'; style-src 'self'; "
			     "script-src 'self'; form-action 'self'; base-uri 'none'; "
			     "frame-ancestors 'none'";

json_t *page_tier(struct app_request *r, const char *header)
{
	char name[64];

	text_clean(app_header(r, header), name, sizeof(name));
	return *name ? json_string(name) : json_null();
}

static json_t *page_with_caching(struct app_request *r, const char *caching)
{
	struct cart cart;

	app_set_header(r, "Content-Security-Policy", policy);
	app_set_header(r, "Cache-Control", caching);
	page_cart(r, &cart);
	return json_pack("{s:i, s:o, s:o}", "cart_count", (int)cart_pieces(&cart), "tls",
			 page_tier(r, "X-Sluice-Tls"), "web", page_tier(r, "X-Sluice-Web"));
}

json_t *page_new(struct app_request *r)
{
	return page_with_caching(r, "private, no-cache");
}

json_t *page_new_private(struct app_request *r)
{
	return page_with_caching(r, "no-store");
}

void page_notice(json_t *page, bool bad, const char *text)
{
	json_object_set_new(page, "notice", json_pack("{s:b, s:s}", "bad", bad, "text", text));
}

void page_money(json_t *object, const char *key, int64_t cents)
{
	char text[MONEY_TEXT_MAX];

	json_object_set_new(object, key, json_string(money_format(cents, text)));
}

void page_show(struct app_request *r, const char *name, json_t *page)
{
	int err = app_render(r, name, page);

	if (err && err != -ECANCELED && err != -ETIMEDOUT)
		app_log(app_of(r), r, APP_LOG_ERROR, "template=%s err=%d", name, -err);
}

void page_cart(struct app_request *r, struct cart *cart)
{
	if (cart_read(cart, app_session_get(r, "cart")) < 0)
		app_log(app_of(r), r, APP_LOG_WARN, "the session holds no cart that we can read");
}

void page_keep_cart(struct app_request *r, const struct cart *cart)
{
	char text[CART_TEXT_MAX];

	cart_write(cart, text);
	if (app_session_set(r, "cart", cart->count ? text : NULL) < 0)
		app_log(app_of(r), r, APP_LOG_ERROR, "the session is too small for the cart");
}
