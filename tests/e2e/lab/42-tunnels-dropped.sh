#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Tunnels from outside end at the first firewall: each is counted there, none is seen behind it,
# whoever it says it comes from and wherever it is addressed.
source "$(dirname -- "$0")/../lib.sh"

packets=5
declare -A address
for node in lb1 tls1 fw1; do
	address[$node.4]=$(cluster ".nodes.$node.interfaces | (.eth0 // .wan).address[0] | sub(\"/.*\"; \"\")")
	address[$node.6]=$(cluster ".nodes.$node.interfaces | (.eth0 // .wan).address[1] | sub(\"/.*\"; \"\")")
done
inner4="ip $USER4 $VIP4 tcp 4000 443 S"
inner6="ip $USER6 $VIP6 tcp 4000 443 S"

capture behind fabric edge "ip proto 4 or ip proto 41 or ip proto 47 or udp port 6080 or ip6 proto 4 or ip6 proto 41 or ip6 proto 47"
capture answered user eth0 "inbound and tcp port 4000"

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
	to4=${address[$target.4]} to6=${address[$target.6]}
	# shellcheck disable=SC2086 # layers are words
	for sender in $USER4 "${address[lb1.4]}"; do
		refused "IPIP from $sender to $target" ip "$sender" "$to4" $inner4
		refused "6in4 from $sender to $target" ip "$sender" "$to4" $inner6
		refused "GRE from $sender to $target" ip "$sender" "$to4" gre $inner4
		refused "GUE from $sender to $target" ip "$sender" "$to4" gue $inner4
	done
	# shellcheck disable=SC2086
	for sender in $USER6 "${address[lb1.6]}"; do
		refused "6in6 from $sender to $target" ip "$sender" "$to6" $inner6
		refused "4in6 from $sender to $target" ip "$sender" "$to6" $inner4
		refused "GRE over IPv6 from $sender to $target" ip "$sender" "$to6" gre $inner6
	done
done
for vip in "$USER4 $VIP4" "$USER6 $VIP6"; do
	# shellcheck disable=SC2086
	refused "a tunnel to the VIP $vip" ip $vip $inner4
done
is "the rule that names IPIP counted" "$(($(matched fw1 no-tunnels-ipip) > 0))" 1
is "the rule that names IPv6 in IP counted" "$(($(matched fw1 no-tunnels-ipv6) > 0))" 1

fetch marker "https://$SITE/static/style.css"
from_outside=$(captured behind | grep -v "IP 10.10.1.1[12] > 10.10.1.2[12]: IP " |
	grep -v "IP6 fd00:10:1::1[12] > fd00:10:1::2[12]: IP6 ")
is "tunnel packets behind the firewall that no balancer made" "$from_outside" ""
is "the client's inner packets behind the firewall" "$(captured behind | grep -c "\.4000 > ")" 0
is "answers to them" "$(captured answered)" ""
