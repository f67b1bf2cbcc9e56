#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The database answers the application servers alone: not a web server, not even one whose owner
# adds routes and lies about his address.
source "$(dirname -- "$0")/../lib.sh"

packets=5

# reaches NODE ADDRESS
reaches() {
	on "$1" timeout 0.5 bash -c "exec 3<>/dev/tcp/$2/3306" 2>/dev/null
}

for family in 4 6; do
	db=$(address db1 $family)
	succeeds "IPv$family: app1 reaches the database" reaches app1 "$db"
	for node in "${WEBS[@]}" tls1 lb1 mon; do
		succeeds "IPv$family: $node does not" not reaches "$node" "$db"
	done
done

capture wire fabric db "tcp port 3306 and (src net 10.10.2.0/24 or src net fd00:10:2::/64 or
	port 4002 or port 4012)"
capture back web1 eth0 -Q in "tcp port 4002"
for family in 4 6; do
	db=$(address db1 $family) route="-$family route"
	# shellcheck disable=SC2086 # words
	on web1 ip $route add "$db" via "$(address fw3 $family web)"
	# shellcheck disable=SC2086
	at_end on web1 ip $route del "$db"
	succeeds "IPv$family: web1 with a route of its own does not reach it" not reaches web1 "$db"
	before=$(ledger fw3 web drop_packets)
	on web1 inject -c $packets ip "$(address app1 $family)" "$db" tcp 4002 3306 S
	on web1 inject -c $packets ip "$(address web1 $family)" "$db" tcp 4002 3306 A
	dropped=$(($(ledger fw3 web drop_packets) - before))
	compare "IPv$family: in the name of app1, and mid-stream: dropped at fw3" \
		$dropped '>=' $((2 * packets))
done
on app1 inject ip "$(address app1 4)" "$(address db1 4)" tcp 4012 3306 S
wait_until 5 "an honest packet passes" grep -q '\.4012 > ' "$scratch/wire.packets"
is "what else reached the database's wire" "$(captured wire | grep -v '\.4012[: ]')" ""
is "what came back" "$(captured back)" ""
