#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Who pretends, from outside, to be an inner node or the VIP itself is dropped and counted by the
# rule that says so, and is not seen behind the first firewall.
source "$(dirname -- "$0")/../lib.sh"

packets=5

# spoof RULE SOURCE DESTINATION PORT
spoof() {
	local rule=$1 before
	before=$(matched fw1 "$rule")
	on user inject -c $packets ip "$2" "$3" tcp 4001 "$4" S
	is "from $2 to $3 port $4: dropped by \"$rule\"" \
		$(($(matched fw1 "$rule") - before)) $packets
}

capture behind fabric edge "tcp port 4001"
for family in 4 6; do
	proxy=$(address tls1 $family) vip=$(vip $family)
	spoof no-spoofed-inner "$proxy" "$vip" 443
	spoof no-spoofed-vip "$vip" "$vip" 443
	for target in "web1 80" "app1 8080" "db1 3306"; do
		to=$(address "${target% *}" $family)
		spoof no-spoofed-inner "$proxy" "$to" "${target#* }"
		spoof no-spoofed-vip "$vip" "$to" "${target#* }"
	done
done

before=$(dropped fw1 wan bad-address)
on user inject -c $packets ip 127.0.0.1 "$VIP4" tcp 4001 443 S
on user inject -c $packets ip 224.0.0.1 "$VIP4" tcp 4001 443 S
on user inject -c $packets ip ::1 "$VIP6" tcp 4001 443 S
on user inject -c $packets ip ff02::1 "$VIP6" tcp 4001 443 S
is "from addresses that no packet may come from: dropped as bad-address" \
	$(($(dropped fw1 wan bad-address) - before)) $((4 * packets))

on user inject ip "$USER4" "$VIP4" tcp 4001 443 S
wait_until 5 "an honest packet passes" grep -q "$USER4.4001 > " "$scratch/behind.packets"
is "what else was seen behind the firewall" \
	"$(captured behind | grep -v " $USER4.4001 > \| > $USER4.4001: ")" ""
