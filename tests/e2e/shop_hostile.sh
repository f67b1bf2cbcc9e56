#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Visitors who mean no good: markup and SQL in every field, forged forms, cookies
# that were changed, numbers that are none.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/shop_net.sh
source tests/lib/shop_net.sh
shop_up 1

markup="<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"

# --- markup -----------------------------------------------------------------------

visit eve /search -G --data-urlencode "q=$markup"
is "markup can be searched for" "$status" 200
has_not "and is shown as text" "$body" '<script>alert'
has "with its signs escaped" "$body" '&lt;script&gt;'
has_not "in attributes too" "$body" '"><img src=x'
has "a policy forbids scripts and styles of others" \
	"$(grep -i '^content-security-policy' "$net_dir/eve.head")" "script-src 'self'"
has_not "and those within the page" \
	"$(grep -i '^content-security-policy' "$net_dir/eve.head")" 'unsafe'

fill eve flob 1
form eve
visit eve /checkout -d "csrf=$(hidden csrf)" -d "token=$(hidden token)" -d "seen=$(hidden seen)" \
	--data-urlencode "name=$markup" --data-urlencode "street=$markup" \
	--data-urlencode "city=$markup" -d email=e@example.com -d postcode=1010 -d country=Austria
is "markup is a name like any other" "$status" 303
visit eve "$location"
has_not "the receipt shows it as text" "$body" '<script>alert'
is "the database has it as it was written" "$(sql "SELECT name FROM orders")" "$markup"
visit eve / -H "X-Sluice-Web: $markup"
has_not "what claims to be a tier is text, too" "$body" '<script>alert'

# --- SQL --------------------------------------------------------------------------

for text in "' OR '1'='1" "'; DROP TABLE products; -- " "%' UNION SELECT token FROM orders -- " \
	"\\" "%" "_" "x\\' OR 1=1 -- "; do
	visit eve /search -G --data-urlencode "q=$text"
	is "a search for $text" "$status" 200
	visit eve "/p/$(jq -rn --arg text "$text" '$text | @uri')"
	like "and a product of that name" "$status" '^40[04]$'
done
visit eve '/search?q=%25'
has "a percent sign is a percent sign" "$body" '1 thing'
is "no table was harmed" "$(sql 'SELECT COUNT(*) FROM products')" 22
visit eve '/search?q=%ff%c0%af%ed%a0%80'
is "bytes that are no text" "$status" 200
visit eve "/search?q=$(printf 'x%.0s' {1..3000})"
is "a long search" "$status" 200
visit eve '/search?q=%00'
is "a NUL" "$status" 400

# --- forged forms -----------------------------------------------------------------

fill mal thud 1
form mal
for path in /cart /cart/add /checkout; do
	visit mal "$path" -d product=2 -d quantity=1
	is "POST $path without a token" "$status" 403
	visit mal "$path" -d csrf=0123456789abcdef0123456789abcdef -d product=2 -d quantity=1
	is "POST $path with a token of nobody" "$status" 403
	visit mal "$path" "${fields[@]}" -H 'Origin: https://evil.example' -d product=2
	is "POST $path from another site" "$status" 403
done
visit eve /p/flob
stolen=$(hidden csrf)
visit mal /cart/add -d "csrf=$stolen" -d product=2 -d quantity=1
is "a token of somebody else" "$status" 403
is "nothing was put into the cart" "$(cart_of mal)" 1

# --- numbers that are none --------------------------------------------------------

visit mal /p/thud
csrf=$(hidden csrf)
for product in 0 -1 99999999999 2x '' "2' OR '1'='1"; do
	visit mal /cart/add -d "csrf=$csrf" --data-urlencode "product=$product" -d quantity=1
	is "product \"$product\"" "$status" 400
done
visit mal /cart/add -d "csrf=$csrf" -d product=4711 -d quantity=1
is "a product that is not there" "$status" 404
for quantity in 0 -5 21 1e3 99999999999999999999; do
	visit mal /cart/add -d "csrf=$csrf" -d product=2 -d "quantity=$quantity"
	is "quantity $quantity" "$status" 400
done
visit mal /cart/add -d "csrf=$csrf" -d product=1 -d quantity=20
is "more than there are" "$status" 409
visit mal /cart
visit mal /cart -d "csrf=$csrf" -d remove=1
is "the cart is as it was" "$(cart_of mal)" 1

# --- prices, tokens ---------------------------------------------------------------

form mal
visit mal /checkout -d "csrf=$(hidden csrf)" -d "token=$(hidden token)" -d seen=1 "${address[@]}"
is "a price of one's own" "$status" 409
for seen in -1 x '' 99999999999999999999; do
	form mal
	visit mal /checkout -d "csrf=$(hidden csrf)" -d "token=$(hidden token)" -d "seen=$seen" \
		"${address[@]}"
	is "price \"$seen\"" "$status" 409
done
for token in '' x 00000000000000000000000000000000 "' OR '1'='1"; do
	form mal
	visit mal /checkout -d "csrf=$(hidden csrf)" --data-urlencode "token=$token" \
		-d "seen=$(hidden seen)" "${address[@]}"
	is "token \"$token\"" "$status" 409
done
form mal
visit mal /checkout "${fields[@]}" -d "name=$(printf 'n%.0s' {1..5000})"
is "of a field sent twice the first counts" "$status" 303
is "only these orders were placed" "$(orders_count)" 2

# --- cookies ----------------------------------------------------------------------

fill tam thud 1
is "a cart" "$(cart_of tam)" 1
cookie=$(awk 'NF >= 7 { print $6 "=" $7 }' "$net_dir/tam.jar" | head -n 1)
name=${cookie%%=*} value=${cookie#*=}
middle=$((${#value} / 2))
flipped=${value:middle:1}
[ "$flipped" = A ] && flipped=B || flipped=A
for forged in "${value:0:middle}$flipped${value:middle+1}" "${value:0:middle}" "${value}AAAA" x '' \
	"$(printf 'A%.0s' {1..3800})" "[[1,20]]"; do
	seen=$(curl -sS --max-time 10 -w '%{http_code}' -b "$name=$forged" "$server/cart")
	is "a cookie that is not ours" "${seen: -3}" 200
	has "is no session" "$seen" 'Your cart is empty'
done
is "the real one still is" "$(cart_of tam)" 1

visit ann / -X DELETE
is "a method that is not there" "$status" 405
visit ann /cart/add
is "a form's path is not to be looked at" "$status" 405
is "the shop never faltered" "$(grep -c -E 'level=error|crash|killed' "$net_dir/app1.log")" 0
exit "$net_failed"
