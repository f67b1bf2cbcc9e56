#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Of the VIP's 65535 TCP ports, 80 and 443 answer; no other says anything, not even "closed".
source "$(dirname -- "$0")/../lib.sh"

# scan FAMILY ADDRESS PORTS: "PORT/STATE/REASON" of those that answered in any way.
scan() {
	on user nmap "-$1" -sS -Pn -n -T4 --max-retries 1 --min-rate 15000 --max-rtt-timeout 100ms \
		--initial-rtt-timeout 50ms --defeat-rst-ratelimit --reason -p "$3" -oG - "$2" |
		grep -o '[0-9]*/\(open\|closed\|unfiltered\)/tcp' | paste -sd ' '
}

is "IPv4, all ports: those that answer" "$(scan 4 $VIP4 1-65535)" "80/open/tcp 443/open/tcp"
is "IPv6, a sample: those that answer" \
	"$(scan 6 $VIP6 1-1024,3306,3784,4443,8080,8081,9090,9101-9104)" "80/open/tcp 443/open/tcp"

# Nothing of the VIPs comes back but TCP.
capture back user eth0 "(src host $VIP4 or src host $VIP6)"
for vip in "$USER4 $VIP4" "$USER6 $VIP6"; do
	# shellcheck disable=SC2086 # source and destination
	on user inject ip $vip udp 4000 443
	# shellcheck disable=SC2086
	on user inject ip $vip udp 4000 53
	# shellcheck disable=SC2086
	on user inject ip $vip echo
done
fetch marker "https://$SITE/static/style.css"
is "neither UDP nor ping is answered" "$(captured back | grep -v 'Flags')" ""
