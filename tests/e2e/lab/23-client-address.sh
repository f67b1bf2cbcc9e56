#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The client's real address comes through: no tier puts its own in its place.
source "$(dirname -- "$0")/../lib.sh"

# logged NODE LOG: the client of the request, as the tier logged it.
logged() {
	grep -h "\"$id\"" "$STATE/$1/$2" | jq -r .client | sed 's/^::ffff://' | sort -u
}

is_logged() {
	[[ -n $(logged "$@") ]]
}

for family in 4 6; do
	fetch get "-$family" "https://$SITE/" || give_up "curl" "$(cat "$scratch/get.error")"
	id=$(header get x-request-id) tls=$(header get x-sluice-tls) web=$(header get x-sluice-web)
	wait_until 5 "$web logs the request" is_logged "$web" access.log
	wait_until 5 "$tls logs the request" is_logged "$tls" access.log
	client=$(address user $family)
	is "IPv$family: the client that $tls logged" "$(logged "$tls" access.log)" "$client"
	is "IPv$family: the client that $web logged" "$(logged "$web" access.log)" "$client"
done
