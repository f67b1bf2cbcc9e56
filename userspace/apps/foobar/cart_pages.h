/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The cart's page, for those that send a visitor back to it. */
#ifndef FOOBAR_CART_PAGES_H
#define FOOBAR_CART_PAGES_H

#include <sluice/app.h>

#include "basket.h"

/* [waits] Answers with the cart; `problem` says what is wrong, or is NULL. */
void cart_show(struct app_request *r, unsigned status, enum basket_source source,
	       const char *problem);

#endif /* FOOBAR_CART_PAGES_H */
