/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What all pages share: the data of the layout, headers, notices. */
#ifndef FOOBAR_PAGE_H
#define FOOBAR_PAGE_H

#include <jansson.h>
#include <sluice/app.h>

#include "cart.h"

/* Sets the headers of every page and returns the layout's data: {"cart_count", "tls", "web"}. */
json_t *page_new(struct app_request *r);
/* The same for what concerns one visitor alone: stored nowhere on its way. */
json_t *page_new_private(struct app_request *r);

/* The name that a tier before us has put into its header, or null. */
json_t *page_tier(struct app_request *r, const char *header);

/* A line above the page's content. */
void page_notice(json_t *page, bool bad, const char *text);
/* object[key] = cents as text. */
void page_money(json_t *object, const char *key, int64_t cents);
/* Renders; `page` is taken over. */
void page_show(struct app_request *r, const char *name, json_t *page);

/* The visitor's cart, from the session and back to it. */
void page_cart(struct app_request *r, struct cart *cart);
void page_keep_cart(struct app_request *r, const struct cart *cart);

#endif /* FOOBAR_PAGE_H */
