#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# A purchase over both families: the order is in the primary and in both replicas, its visitor
# reads it at once whichever server answers, and nobody else does. A form sent again orders nothing.
source "$(dirname -- "$0")/../lib.sh"
# shellcheck source=vm/lib/shop.sh
source "$ROOT/vm/lib/shop.sh"

replies=$scratch

ask() {
	fetch "$1" "-$family" "${@:2}"
}

# sql DATABASE STATEMENT
sql() {
	on "$1" mariadb --no-defaults -S "$STATE/$1/mysqld.sock" -NBe "$2" shop
}

order_in() {
	sql "$1" "SELECT product_id, quantity FROM order_lines WHERE order_id = $id" | paste -sd ,
}

has_order() {
	[[ $(order_in "$1") == $'2\t2' ]]
}

stock() {
	sql "${DATABASES[0]}" "SELECT stock FROM products WHERE slug = 'thud'"
}

for family in 4 6; do
	jar=$scratch/jar$family
	before=$(stock)
	shop_fill thud 2
	is "IPv$family: into the cart" "$(report cart http_code)" 303
	shop_form
	like "IPv$family: the form shows the sum" "$(cat "$scratch/form.body")" '€68\.00'
	shop_order
	is "IPv$family: the order is placed" "$(report order http_code)" 303
	id=$(shop_order_id)
	for try in 1 2 3 4; do
		ask mine -b "$jar" "https://$SITE/orders/$id"
		is "IPv$family: its visitor reads it at once, $try" "$(report mine http_code)" 200
	done
	ask others "https://$SITE/orders/$id"
	is "IPv$family: nobody else does" "$(report others http_code)" 404
	for db in "${DATABASES[@]}"; do
		wait_until 5 "IPv$family: the order is in $db" has_order "$db"
		ok "IPv$family: order $id is in $db"
	done
	shop_order
	is "IPv$family: the form once more leads to the same order" "$(shop_order_id)" "$id"
	is "IPv$family: and two pieces are sold" "$(stock)" $((before - 2))
done

replica=${DATABASES[1]}
refused=$(on app1 mariadb --no-defaults -h "$(address "$replica" 4)" -u shop \
	"-p$(<"$STATE/secrets/shop")" -e "UPDATE shop.products SET stock = 1" 2>&1)
like "a replica takes no writes of its own" "$refused" "read-only"
