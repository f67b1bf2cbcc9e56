#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The client's real address comes through: no tier puts its own in its place.
source "$(dirname -- "$0")/../lib.sh"

logged_client() {
	local node=$1 log=$2 id
	id=$(header get x-request-id)
	grep -h "\"$id\"" "$STATE/$node/$log" | jq -r .client | sed 's/^::ffff://' | sort -u
}

is_logged() {
	[[ -n $(logged_client "$@") ]]
}

for family in 4 6; do
	client=$USER4
	[[ $family == 4 ]] || client=$USER6
	fetch get "-$family" "https://$SITE/" || give_up "curl" "$(cat "$scratch/get.error")"
	tls=$(header get x-sluice-tls) web=$(header get x-sluice-web)
	wait_until 5 "$web logs the request" is_logged "$web" access.log
	is "IPv$family: the client that $tls logged" "$(logged_client "$tls" haproxy.log)" $client
	is "IPv$family: the client that $web logged" "$(logged_client "$web" access.log)" $client
done
