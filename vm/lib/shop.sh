# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154
# A visitor of the shop, who fills in its forms as a browser would. Who uses this defines
# ask NAME CURL-OPTION..., which leaves the page in $replies/NAME.body, and sets SITE.

# hidden NAME FIELD: the value of a hidden field of the page.
hidden() {
	sed -n "s/.*name=\"$2\" value=\"\([^\"]*\)\".*/\1/p" "$replies/$1.body" | head -n 1
}

# shop_fill PRODUCT QUANTITY [CURL-OPTION]...: puts it into the cart of the jar.
shop_fill() {
	local product=$1 quantity=$2
	shift 2
	ask product "$@" -b "$jar" -c "$jar" "https://$SITE/p/$product" &&
		ask cart "$@" -b "$jar" -c "$jar" -d "csrf=$(hidden product csrf)" \
			-d "product=$(hidden product product)" -d "quantity=$quantity" \
			"https://$SITE/cart/add"
}

# shop_form [CURL-OPTION]...: the form behind the cart.
shop_form() {
	ask form "$@" -b "$jar" -c "$jar" "https://$SITE/checkout"
}

# shop_order [CURL-OPTION]...: sends the form; the answer is a redirection to the order.
shop_order() {
	ask order "$@" -b "$jar" -c "$jar" -d "csrf=$(hidden form csrf)" \
		-d "token=$(hidden form token)" -d "seen=$(hidden form seen)" \
		-d "name=Ada Lovelace" -d email=ada@example.com -d "street=Long Lane 7" \
		-d postcode=8010 -d city=Graz -d country=Austria \
		"https://$SITE/checkout"
}

# The number of the order, as the redirection says.
shop_order_id() {
	sed -n 's/\r$//; s|^[Ll]ocation: /orders/\([0-9]*\).*|\1|p' "$replies/order.head"
}
