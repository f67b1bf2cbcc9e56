#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Who pretends, from outside, to be an inner node or the VIP itself is dropped and counted by the
# rule that says so, and is not seen behind the first firewall.
source "$(dirname -- "$0")/../lib.sh"

packets=5

# spoof RULE SOURCE DESTINATION DESTINATION-PORT
spoof() {
	local rule=$1 before after
	before=$(matched fw1 "$rule")
	on user inject -c $packets ip "$2" "$3" tcp 4001 "$4" S
	after=$(matched fw1 "$rule")
	is "from $2 to $3 port $4: dropped by rule \"$rule\"" $((after - before)) $packets
}

capture behind fabric edge "tcp port 4001"
for target in "$VIP4 443" "10.10.2.11 80" "10.10.3.11 8080" "10.10.4.11 3306"; do
	# shellcheck disable=SC2086 # address and port
	spoof no-spoofed-inner 10.10.1.21 $target
	# shellcheck disable=SC2086
	spoof no-spoofed-vip $VIP4 $target
done
for target in "$VIP6 443" "fd00:10:2::11 80" "fd00:10:3::11 8080" "fd00:10:4::11 3306"; do
	# shellcheck disable=SC2086
	spoof no-spoofed-inner fd00:10:1::21 $target
	# shellcheck disable=SC2086
	spoof no-spoofed-vip $VIP6 $target
done
before=$(dropped fw1 wan bad-address)
on user inject -c $packets ip 127.0.0.1 $VIP4 tcp 4001 443 S
on user inject -c $packets ip 224.0.0.1 $VIP4 tcp 4001 443 S
on user inject -c $packets ip ::1 $VIP6 tcp 4001 443 S
on user inject -c $packets ip ff02::1 $VIP6 tcp 4001 443 S
is "from addresses that no packet may come from: dropped as bad-address" \
	$(($(dropped fw1 wan bad-address) - before)) $((4 * packets))
fetch marker "https://$SITE/static/style.css"
is "seen behind the firewall" "$(captured behind)" ""
