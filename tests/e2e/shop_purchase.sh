#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# A visitor of the shop buys something, over two application servers that know
# each other only by the keys of the sessions; and buys it once, however often
# the form arrives.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/shop_net.sh
source tests/lib/shop_net.sh
shop_up 2

app1=http://127.0.0.1:8081 app2=http://127.0.0.1:8082

# --- looking ----------------------------------------------------------------------

for path in / /c/workbench /c/desk /c/storage /c/wear /search '/search?q=saw' /p/foobar /cart \
	/orders /about; do
	visit ann "$path"
	is "GET $path" "$status" 200
	has "GET $path is a whole page" "$body" '</html>'
done
visit ann /
has "the home page shows products and prices" "$body" '€34.00'
visit ann /p/zot
has_not "what is sold out cannot be put into the cart" "$body" 'action="/cart/add"'
visit ann '/search?q=CAST+brass'
has "a search finds all words, in any order and case" "$body" '/p/qux'
has_not "and nothing else" "$body" '/p/wobble"'
for path in /nowhere /p/nothing /c/nothing /orders/1 /orders/1001 /orders/x; do
	visit ann "$path"
	is "GET $path" "$status" 404
	has "GET $path shows the shop's own page" "$body" 'class="brand"'
done
visit ann /checkout
is "an empty cart has no checkout" "$status $location" "303 /cart"

# --- buying -----------------------------------------------------------------------

server=$app1
fill ann thud 2
is "a product is put into the cart" "$status $location" "303 /cart"
has "the session is sealed, out of the reach of scripts, and for HTTPS" \
	"$(grep -i '^set-cookie' "$net_dir/ann.head")" 'Secure; HttpOnly'
server=$app2
fill ann wibble 1
fill ann wibble 2
visit ann /cart
has "the other server knows the cart" "$body" '>Thud</a>'
is "three pencil cases and two mallets" "$(cart_of ann)" 5
visit ann /cart
visit ann /cart -d "csrf=$(hidden csrf)" -d quantity-2=1 -d quantity-10=4
is "quantities can be changed" "$status $(cart_of ann)" "303 5"
visit ann /cart
visit ann /cart -d "csrf=$(hidden csrf)" -d quantity-2=1 -d quantity-10=4 -d remove=10
is "a product can be taken out" "$(cart_of ann)" 1
for wrong in -1 21 x 1.5 99999999999999999999; do
	visit ann /cart
	visit ann /cart -d "csrf=$(hidden csrf)" -d "quantity-2=$wrong"
	is "quantity $wrong is refused" "$status" 422
done
is "and nothing has changed" "$(cart_of ann)" 1

form ann
has "the form shows what it will cost" "$body" 'Place order · €38.90'
visit ann /checkout -d "csrf=$(hidden csrf)" -d "token=$(hidden token)" -d "seen=$(hidden seen)" \
	--data-urlencode 'name=Ann "<b>' -d email=ann@ -d street= -d postcode=1 -d country=Nowhere
is "a form with mistakes comes back" "$status" 422
has "with what was entered" "$body" 'value="Ann &quot;&lt;b&gt;"'
has "and with what is wrong" "$body" 'id="email-error"'
has "for each field" "$body" 'Please tell us the town.'
is "nothing was ordered" "$(orders_count) $(stock_of thud)" "0 48"

form ann
cp "$net_dir/ann.jar" "$net_dir/old.jar"
visit ann /checkout "${fields[@]}"
is "the order is placed" "$status $location" "303 /orders/1001?thanks=1"
server=$app1
visit ann "$location"
has "the receipt, from the other server" "$body" 'Thank you, Zoë O&#39;Hara'
is "it is not to be stored" \
	"$(grep -i '^cache-control' "$net_dir/ann.head" | tr -d '\r')" 'Cache-Control: no-store'
is "the stock is less by one" "$(stock_of thud)" 47
is "name, place and prices are in the database" "$(sql 'SELECT name, city, postcode,
	goods_cents, delivery_cents, placed_by FROM orders')" \
	"$(printf "Zoë O'Hara\tGraz\tSW1A 1AA\t3400\t490\tapp2")"
is "so is what was ordered" \
	"$(sql 'SELECT order_id, product_id, name, price_cents, quantity FROM order_lines')" \
	"$(printf '1001\t2\tThud\t3400\t1')"
is "the cart is empty" "$(cart_of ann)" ""
visit ann /orders
has "the list of orders has it" "$body" 'F-1001'

# --- once only --------------------------------------------------------------------

visit ann /checkout "${fields[@]}"
is "the same form again is the same order" "$status $location" "303 /orders/1001?thanks=1"
server=$app2
visit old /checkout "${fields[@]}"
is "also with the cookie from before, at the other server" "$status $location" \
	"303 /orders/1001?thanks=1"
is "nothing was ordered twice" "$(orders_count) $(stock_of thud)" "1 47"

server=$app1
fill bob garply 1
form bob
for i in {1..20}; do
	curl -sS -o /dev/null -w '%{http_code} %{redirect_url}\n' --max-time 30 \
		-b "$net_dir/bob.jar" "${fields[@]}" \
		"http://127.0.0.1:808$((i % 2 + 1))/checkout" >>"$net_dir/twenty" &
	waiting+=($!)
done
wait "${waiting[@]}"
is "twenty times the same form at once: all are told the same order" \
	"$(sed 's/ .*orders/ orders/' "$net_dir/twenty" | sort | uniq -c | xargs)" \
	"20 303 orders/1002?thanks=1"
is "and it is one" "$(orders_count) $(stock_of garply)" "2 13"

# An answer that never arrived: the cart is still full, and has been ordered.
visit bob /checkout
is "a lost answer is given instead of the form" "$status $location" "303 /orders/1002?thanks=1"
is "and the cart is empty then" "$(cart_of bob)" ""

# --- of one visitor alone ---------------------------------------------------------

visit bob /orders/1001
is "others' orders look as if they were not there" "$status" 404
visit bob /api/orders/1001
is "for programs too" "$status $body" '404 {"error":"no such order of yours"}'
visit ann /api/orders/1001
is "one's own can be read by programs" \
	"$(jq -c '[.number, .goods_cents, .lines[0].name]' <<<"$body")" '["F-1001",3400,"Thud"]'
visit ann /api/products
is "as can the products" "$(jq '.products | length' <<<"$body")" 22
visit ann /api/whoami -H 'X-Sluice-Tls: tls7' -H 'X-Sluice-Web: web7'
is "each tier is named" "$(jq -c . <<<"$body")" \
	'{"tls":"tls7","web":"web7","app":"app1","read":"db1","write":"db1"}'

# --- a server dies ----------------------------------------------------------------

fill ann flob 3
form ann
stop app1 KILL
server=$app2
is "the cart survives its server" "$(cart_of ann)" 3
visit ann /checkout "${fields[@]}"
is "and the form is taken by another" "$status" 303
has "all orders are there" "$(visit ann /orders; echo "$body")" 'F-1003'
exit "$net_failed"
