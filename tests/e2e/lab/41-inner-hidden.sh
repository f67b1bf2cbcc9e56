#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# From the internet, no inner address answers anything: not TCP, not UDP, not ping, over either
# family; and neither do the addresses of the first firewall itself.
source "$(dirname -- "$0")/../lib.sh"

ports=22,53,80,179,443,3306,3307,8080,8081,9090,9101,9102,9103,9104
mapfile -t targets4 < <(inner_addresses 4 && echo 198.51.100.1)
mapfile -t targets6 < <(inner_addresses 6 && echo 2001:db8:51::1)
compare "inner addresses to try" $((${#targets4[@]} + ${#targets6[@]})) '>=' 40

capture tcp user eth0 "tcp and inbound"
capture other user eth0 "(icmp or udp or (icmp6 and ip6[40] < 133)) and inbound"
scan() {
	on user nmap "-$1" -sS -Pn -n -T5 --max-retries 0 --max-rtt-timeout 50ms --initial-rtt-timeout 50ms \
		--min-rate 2000 -p $ports -oG - "${@:2}" | grep -c '/\(open\|closed\)/'
}
is "IPv4: hosts that answer on any of the ports $ports" "$(scan 4 "${targets4[@]}")" 0
is "IPv6: hosts that answer on any of them" "$(scan 6 "${targets6[@]}")" 0
for target in "${targets4[@]}"; do
	on user inject ip $USER4 "$target" echo
	on user inject ip $USER4 "$target" udp 4000 3784
	on user inject ip $USER4 "$target" udp 4000 9103
done
for target in "${targets6[@]}"; do
	on user inject ip $USER6 "$target" echo
	on user inject ip $USER6 "$target" udp 4000 3784
	on user inject ip $USER6 "$target" udp 4000 9103
done
fetch marker --resolve "$SITE:443:$VIP4" "https://$SITE/static/style.css"
is "the site answers meanwhile" "$(report marker http_code)" 200
is "TCP segments that came, but from the VIP" "$(captured tcp | grep -v "IP $VIP4.443 ")" ""
is "datagrams and ICMP that came" "$(captured other)" ""
