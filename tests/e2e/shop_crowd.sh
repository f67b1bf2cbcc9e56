#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# Many visitors want the same things at once, and things change between the look
# at the form and the order: never more is sold than there is, never at another
# price than was shown, and nothing is left half done.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/shop_net.sh
source tests/lib/shop_net.sh
shop_up 1

# lines_sold SLUG: pieces, by the lines of all orders.
lines_sold() {
	sql "SELECT COALESCE(SUM(l.quantity), 0) FROM order_lines AS l JOIN products AS p
		ON p.id = l.product_id WHERE p.slug = '$1'"
}

# How many orders do not add up to their lines.
orders_torn() {
	sql "SELECT COUNT(*) FROM orders AS o WHERE o.goods_cents <> (SELECT
		COALESCE(SUM(l.price_cents * l.quantity), 0) FROM order_lines AS l
		WHERE l.order_id = o.id)"
}

# --- the last ten -----------------------------------------------------------------

is "ten are left" "$(stock_of foobar)" 10
told=$(tests/e2e/tools/buyers "$server" foobar 200) || give_up "200 visitors buy" "$told"
echo "# $(jq -c '.placed |= length' <<<"$told")"
is "of 200 visitors ten were told that they have one" \
	"$(jq '.placed | unique | length' <<<"$told")" 10
is "and no order was told twice" "$(jq '.placed | length' <<<"$told")" 10
is "the others were told that they have none" "$(jq .refused <<<"$told")" 190
is "nobody was told anything else" "$(jq -c .odd <<<"$told")" '[]'
is "none is left" "$(stock_of foobar)" 0
is "ten are sold, in ten orders" "$(lines_sold foobar) $(orders_count)" "10 10"
visit late /p/foobar
has_not "nobody can put one into the cart any more" "$body" 'action="/cart/add"'

# --- two things in both orders ----------------------------------------------------

told=$(tests/e2e/tools/buyers "$server" thud,wibble 40)
is "40 visitors who chose the same two things in different order all get them" \
	"$(jq -c '[(.placed | unique | length), .refused, .odd]' <<<"$told")" '[40,0,[]]'
is "and the stock is less by as much" "$(stock_of thud) $(stock_of wibble)" "8 160"

# --- what changes meanwhile -------------------------------------------------------

before=$(orders_count)
fill cat garply 2
fill cat quux 1
form cat
sql "UPDATE products SET price_cents = price_cents + 100 WHERE slug = 'garply'"
visit cat /checkout "${fields[@]}"
is "at another price nothing is ordered" "$status $(orders_count)" "409 $before"
has "the visitor is told why" "$body" 'have changed since you looked'
has "and what it costs now" "$body" '€120.00'
form cat
sql "UPDATE products SET stock = 1 WHERE slug = 'garply'"
visit cat /checkout "${fields[@]}"
is "when one of two things is short nothing is ordered" "$status $(orders_count)" "409 $before"
has "the visitor is told what is short" "$body" 'Only 1 left'
is "the other thing is as it was" "$(stock_of quux)" 75
visit cat /checkout
is "there is no form for what cannot be bought" "$status" 409
visit cat /cart
visit cat /cart -d "csrf=$(hidden csrf)" -d quantity-7=1
form cat
visit cat /checkout "${fields[@]}"
is "one of them can be bought" "$status $(stock_of garply) $(stock_of quux)" "303 0 74"

fill dan plugh 1
fill dan qux 1
form dan
sql "DELETE FROM products WHERE slug = 'plugh'"
visit dan /checkout "${fields[@]}"
is "what is no longer sold is not ordered" "$status $(stock_of qux)" "409 22"
visit dan /cart
has_not "and leaves the cart" "$body" 'Plugh'

# two windows: the cart changes in one, the other one's form is sent
fill eve flob 1
form eve
fill eve fred 1
visit eve /checkout "${fields[@]}"
is "a form of another cart orders nothing" "$status $(stock_of flob)" "409 90"

# --- a database that is busy, or goes ---------------------------------------------

# hold SECONDS SQL: another client has rows locked for so long.
hold() {
	sql "START TRANSACTION; $2; SELECT SLEEP($1); ROLLBACK" >/dev/null &
	waiting=$!
	within 5 holds || give_up "another client has locks"
}

holds() {
	[ "$(sql_on db1 "SELECT COUNT(*) FROM information_schema.processlist
		WHERE info LIKE 'SELECT SLEEP%'")" -ge 1 ]
}

# The connection of the shop that waits for a lock.
cut_waiting() {
	local id
	id=$(sql_on db1 "SELECT id FROM information_schema.processlist
		WHERE user = 'shop' AND info LIKE '%FOR UPDATE%' LIMIT 1")
	[ -n "$id" ] && sql_on db1 "KILL CONNECTION $id"
}

fill fay wubble 1
fill fay blarg 1
form fay
# It locks the second row, has changed more than the shop has, then wants the first.
sql "START TRANSACTION; UPDATE products SET facts = CONCAT(facts, ' ') WHERE id > 19;
	SELECT SLEEP(1); SELECT id FROM products WHERE id = 19 FOR UPDATE;
	SELECT SLEEP(0.2); ROLLBACK" >/dev/null 2>"$net_dir/rival" &
waiting=$!
within 5 holds
visit fay /checkout "${fields[@]}"
is "a deadlock is tried again" "$status $(stock_of wubble) $(stock_of blarg)" "303 79 59"
wait "$waiting"
is "it was the shop that gave way" "$(<"$net_dir/rival")" ''

fill gil eggs 1
form gil
hold 3 "SELECT id FROM products WHERE slug = 'eggs' FOR UPDATE"
within 5 cut_waiting &
cutting=$!
visit gil /checkout "${fields[@]}"
is "a connection that breaks in the middle is an honest 503" "$status" 503
has "and the form comes back with what was entered" "$body" 'value="zoe@example.com"'
has "it says that it may be sent again" "$body" 'it will not be ordered twice'
wait "$cutting" "$waiting"
visit gil /checkout "${fields[@]}"
is "sent again, it is ordered" "$status $(stock_of eggs)" "303 11"

is "all orders add up" "$(orders_torn)" 0
is "no stock went below zero, no line is lost" "$(lines_sold thud) $(lines_sold wibble)" "40 40"
exit "$net_failed"
