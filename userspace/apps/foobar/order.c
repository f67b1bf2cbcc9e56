/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The transaction. The products' rows are locked first, in the order of their
 * ids: who has them knows price and stock, and sees whatever an earlier request
 * with the same token has committed, because its snapshot begins behind the
 * locks. The unique key on the token decides where two requests of one token
 * share no product.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "basket.h"
#include "order.h"

#define ATTEMPTS 5 /* after a deadlock */

static int token_look_up(struct app_request *r, const char *sql, const char *token, uint32_t *id)
{
	struct db_result *rows = db_query(r, sql, "s", token);
	int found = db_next(rows);

	if (found > 0)
		*id = (uint32_t)db_int(rows, 0);
	return found ? found : db_status(r);
}

int order_find(struct app_request *r, const char *token, uint32_t *id)
{
	return token_look_up(r, "SELECT /* sluice: primary */ id FROM orders WHERE token = ?",
			     token, id);
}

static int insert_order(struct app_request *r, const struct order *order,
			const struct basket *basket)
{
	const struct address *to = order->address;

	return db_exec(
		r,
		"INSERT INTO orders (token, name, email, street, postcode, city, country, "
		"goods_cents, delivery_cents, placed_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"sssssssiis", order->token, to->parts[ADDRESS_NAME], to->parts[ADDRESS_EMAIL],
		to->parts[ADDRESS_STREET], to->parts[ADDRESS_POSTCODE], to->parts[ADDRESS_CITY],
		to->parts[ADDRESS_COUNTRY], basket->goods_cents, basket->delivery_cents,
		app_node(app_of(r)));
}

/* The guard in the UPDATE cannot fail while we hold the row: it is there in case we do not. */
static int move_line(struct app_request *r, uint32_t order, const struct basket_line *line)
{
	int err = db_exec(r,
			  "INSERT INTO order_lines (order_id, product_id, name, price_cents, "
			  "quantity) VALUES (?, ?, ?, ?, ?)",
			  "iisii", (int64_t)order, (int64_t)line->product, line->name,
			  line->price_cents, (int64_t)line->quantity);

	if (!err)
		err = db_exec(r,
			      "UPDATE products SET stock = stock - ? WHERE id = ? AND stock >= ?",
			      "iii", (int64_t)line->quantity, (int64_t)line->product,
			      (int64_t)line->quantity);
	if (!err && db_affected(r) != 1)
		return ORDER_SOLD_OUT;
	return err;
}

static int place(struct app_request *r, void *argument)
{
	struct order *order = argument;
	struct basket basket;
	int err = basket_load(r, order->cart, BASKET_LOCKED, &basket);
	int known;

	if (err)
		return err;
	known = token_look_up(r, "SELECT id FROM orders WHERE token = ?", order->token, &order->id);
	if (known)
		return known < 0 ? known : ORDER_KNOWN;
	if (basket.count != order->cart->count)
		return ORDER_CHANGED;
	if (!basket_in_stock(&basket))
		return ORDER_SOLD_OUT;
	if (basket.total_cents != order->seen_cents)
		return ORDER_CHANGED;
	err = insert_order(r, order, &basket);
	if (err)
		return err;
	order->id = (uint32_t)db_last_id(r);
	for (size_t i = 0; i < basket.count && !err; i++)
		err = move_line(r, order->id, &basket.lines[i]);
	return err;
}

int order_place(struct app_request *r, struct order *order)
{
	int outcome = db_transaction(r, ATTEMPTS, place, order);

	if (outcome != -EEXIST)
		return outcome;
	outcome = order_find(r, order->token, &order->id);
	if (outcome == 0) /* the other one was undone after all */
		return -EDEADLK;
	return outcome < 0 ? outcome : ORDER_KNOWN;
}

int order_token_make(char out[static ORDER_TOKEN_LEN + 1])
{
	uint8_t bytes[ORDER_TOKEN_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

bool order_token_valid(const char *token)
{
	return strlen(token) == ORDER_TOKEN_LEN &&
	       strspn(token, "0123456789abcdef") == ORDER_TOKEN_LEN;
}
