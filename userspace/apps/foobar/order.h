/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Placing an order: all of it or nothing, never more than there is, and once for
 * each token, however often and from wherever the form arrives.
 */
#ifndef FOOBAR_ORDER_H
#define FOOBAR_ORDER_H

#include <stdbool.h>
#include <sluice/app.h>

#include "address.h"
#include "cart.h"

#define ORDER_TOKEN_LEN 32 /* lower-case hexadecimal digits */

struct order {
	const char *token;
	const struct address *address;
	const struct cart *cart;
	int64_t seen_cents; /* the total that the visitor has agreed to */
	uint32_t id;	    /* the answer: placed now, or before with this token */
};

enum order_outcome {
	ORDER_PLACED,
	ORDER_KNOWN,   /* by an earlier request of this token */
	ORDER_CHANGED, /* other prices than the visitor has seen; or no longer sold */
	ORDER_SOLD_OUT,
};

/* [waits] The outcome, or -errno of the database: then it is not known, and may be asked again. */
int order_place(struct app_request *r, struct order *order) APP_CHECKED;
/* [waits] The order of a token: 1 and *id, 0 if there is none, or -errno. */
int order_find(struct app_request *r, const char *token, uint32_t *id) APP_CHECKED;

/* A token that nobody can guess. -errno of getrandom(2). */
int order_token_make(char out[static ORDER_TOKEN_LEN + 1]) APP_CHECKED;
bool order_token_valid(const char *token);

#endif /* FOOBAR_ORDER_H */
