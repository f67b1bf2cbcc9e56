#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# From the internet, no inner address answers anything: not TCP, not UDP, not ping, over either
# family; and neither do the addresses of the first firewall itself.
source "$(dirname -- "$0")/../lib.sh"

ports=22,53,80,179,443,3306,3307,8080,8081,9090,9101,9102,9103,9104
resolver="IP $(address resolver 4).53 "
declare -A from=([4]=$USER4 [6]=$USER6)
mapfile -t targets4 < <(inner_addresses 4 && address fw1 4 wan)
mapfile -t targets6 < <(inner_addresses 6 && address fw1 6 wan)
compare "addresses to try" $((${#targets4[@]} + ${#targets6[@]})) '>=' 40

capture tcp user eth0 -Q in "tcp"
capture other user eth0 -Q in "(icmp or udp or (icmp6 and ip6[40] < 133))"

# answering 4|6 ADDRESS...: how many hosts answer on any of the ports.
answering() {
	on user nmap "-$1" -sS -Pn -n -T5 --max-retries 0 --min-rate 2000 \
		--initial-rtt-timeout 50ms --max-rtt-timeout 50ms -p $ports -oG - "${@:2}" |
		grep -c '/\(open\|closed\)/'
}

# whisper 4|6 ADDRESS...: ping, BFD and the agents' exchange.
whisper() {
	local target
	for target in "${@:2}"; do
		on user inject ip "${from[$1]}" "$target" echo
		on user inject ip "${from[$1]}" "$target" udp 4000 3784
		on user inject ip "${from[$1]}" "$target" udp 4000 9103
	done
}

is "IPv4: hosts that answer on any of $ports" "$(answering 4 "${targets4[@]}")" 0
is "IPv6: hosts that answer on any of them" "$(answering 6 "${targets6[@]}")" 0
whisper 4 "${targets4[@]}"
whisper 6 "${targets6[@]}"
fetch marker -4 "https://$SITE/static/style.css"
compare "TCP segments from the VIP" "$(captured tcp | grep -c "IP $VIP4.443 ")" '>' 0
is "TCP segments from elsewhere" "$(captured tcp | grep -v "IP $VIP4.443 ")" ""
compare "datagrams from the resolver" "$(captured other | grep -c "$resolver")" '>' 0
is "datagrams and ICMP from elsewhere" "$(captured other | grep -v "$resolver")" ""
