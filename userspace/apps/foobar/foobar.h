/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The handlers of the shop; foobar.c says which paths they have. */
#ifndef FOOBAR_H
#define FOOBAR_H

#include <sluice/app.h>

/* catalogue.c */
void home_page(struct app_request *r);
void category_page(struct app_request *r);
void search_page(struct app_request *r);
void product_page(struct app_request *r);
void products_api(struct app_request *r);

/* cart_pages.c */
void cart_page(struct app_request *r);
void cart_add(struct app_request *r);
void cart_change(struct app_request *r);

/* checkout.c */
void checkout_page(struct app_request *r);
void checkout_place(struct app_request *r);

/* receipts.c */
void orders_page(struct app_request *r);
void order_page(struct app_request *r);
void order_api(struct app_request *r);

/* about.c */
void about_page(struct app_request *r);
void whoami_api(struct app_request *r);

#endif /* FOOBAR_H */
