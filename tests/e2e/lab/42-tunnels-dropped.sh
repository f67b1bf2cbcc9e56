#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Tunnels from outside end at the first firewall: each is counted there, none is seen behind it,
# whoever it says it comes from and wherever it is addressed.
source "$(dirname -- "$0")/../lib.sh"

packets=5
read -ra inner4 <<<"ip $(from_to 4) tcp 4000 443 S"
read -ra inner6 <<<"ip $(from_to 6) tcp 4000 443 S"

capture behind fabric edge "ip proto 4 or ip proto 41 or ip proto 47 or udp port 6080 or
	ip6 proto 4 or ip6 proto 41 or ip6 proto 47"
capture answered user eth0 -Q in "tcp port 4000"

# refused TEXT LAYER...: all packets are dropped at fw1, and counted.
refused() {
	local text=$1 now
	shift
	on user inject -c $packets "$@" || give_up "$text" "cannot send"
	now=$(ledger fw1 wan drop_packets)
	compare "$text: dropped and counted" $((now - drops)) '>=' $packets
	drops=$now
}

drops=$(ledger fw1 wan drop_packets)
for target in tls1 lb1 fw1; do
	interface=$([[ $target == fw1 ]] && echo wan || echo eth0)
	to=$(address $target 4 "$interface")
	for sender in "$USER4" "$(address lb1 4)"; do
		refused "IPIP from $sender to $target" ip "$sender" "$to" "${inner4[@]}"
		refused "6in4 from $sender to $target" ip "$sender" "$to" "${inner6[@]}"
		refused "GRE from $sender to $target" ip "$sender" "$to" gre "${inner4[@]}"
		refused "GUE from $sender to $target" ip "$sender" "$to" gue "${inner4[@]}"
	done
	to=$(address $target 6 "$interface")
	for sender in "$USER6" "$(address lb1 6)"; do
		refused "6in6 from $sender to $target" ip "$sender" "$to" "${inner6[@]}"
		refused "4in6 from $sender to $target" ip "$sender" "$to" "${inner4[@]}"
		refused "GRE over IPv6 from $sender to $target" \
			ip "$sender" "$to" gre "${inner6[@]}"
	done
done
refused "IPIP to the VIP" ip "$USER4" "$VIP4" "${inner4[@]}"
refused "6in6 to the VIP" ip "$USER6" "$VIP6" "${inner6[@]}"
compare "the rule that names IPIP counted" "$(matched fw1 no-tunnels-ipip)" '>' 0
compare "the rule that names IPv6 in IP counted" "$(matched fw1 no-tunnels-ipv6)" '>' 0

on user inject ip "$USER4" "$VIP4" tcp 4010 443 S
wait_until 5 "a packet without a tunnel is balanced" grep -q '\.4010 > ' "$scratch/behind.packets"
is "the client's inner packets behind the firewall" "$(captured behind | grep '\.4000 > ')" ""
is "GRE and GUE behind the firewall" "$(captured behind | grep -E 'GRE|6080')" ""
is "answers to them" "$(captured answered)" ""
