#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# 200 visitors press the button together for the last ten pieces, through all tiers: ten orders.
source "$(dirname -- "$0")/../lib.sh"

sql() {
	on "$1" mariadb --no-defaults -S "$STATE/$1/mysqld.sock" -NBe "$2" shop
}

sold="SELECT COUNT(DISTINCT order_id), SUM(quantity) FROM order_lines AS l
	JOIN products AS p ON p.id = l.product_id WHERE p.slug = 'foobar'"

sold_in() {
	[[ $(sql "$1" "$sold") == $'10\t10' ]]
}

primary=${DATABASES[0]}
is "pieces that are left" "$(sql "$primary" "SELECT stock FROM products WHERE slug = 'foobar'")" 10
told=$(SSL_CERT_FILE=$PKI/ca.pem on user "$ROOT/tests/e2e/tools/buyers" "https://$SITE" foobar 200)
note "$(jq -c '.placed |= length' <<<"$told")"
is "visitors who were told that they have one" "$(jq '.placed | unique | length' <<<"$told")" 10
is "orders that were told twice" "$(jq '(.placed | length) - (.placed | unique | length)' \
	<<<"$told")" 0
is "visitors who were told that they have none" "$(jq .refused <<<"$told")" 190
is "other answers" "$(jq -c .odd <<<"$told")" '[]'
is "stock" "$(sql "$primary" "SELECT stock FROM products WHERE slug = 'foobar'")" 0
for db in "${DATABASES[@]}"; do
	wait_until 5 "ten orders of ten pieces are in $db" sold_in "$db"
	ok "ten orders of ten pieces are in $db"
done
sql "$primary" "UPDATE products SET stock = 10 WHERE slug = 'foobar'"
