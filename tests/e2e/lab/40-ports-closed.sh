#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Of the VIP's 65535 TCP ports, 80 and 443 answer; no other says anything, not even "closed".
source "$(dirname -- "$0")/../lib.sh"

# scan 4|6 PORTS: "PORT/STATE/tcp" of those that answered in any way; each is asked twice.
scan() {
	on user nmap "-$1" -sS -Pn -n -T4 --max-retries 1 --min-rate 15000 \
		--initial-rtt-timeout 50ms --max-rtt-timeout 100ms --defeat-rst-ratelimit \
		-p "$2" -oG - "$(vip "$1")" |
		grep -o '[0-9]*/\(open\|closed\|unfiltered\)/tcp' | paste -sd ' '
}

is "IPv4, all ports: those that answer" "$(scan 4 1-65535)" "80/open/tcp 443/open/tcp"
is "IPv6, a sample: those that answer" \
	"$(scan 6 1-1024,3306,3784,4443,8080,8081,9090,9101-9104)" "80/open/tcp 443/open/tcp"

capture back user eth0 -Q in "(src host $VIP4 or src host $VIP6)"
for family in 4 6; do
	# shellcheck disable=SC2046 # two words
	for layer in "udp 4000 443" "udp 4000 53" echo; do
		# shellcheck disable=SC2086 # words
		on user inject ip $(from_to $family) $layer
	done
done
fetch marker "https://$SITE/static/style.css"
compare "TCP segments that came back meanwhile" "$(captured back | grep -c 'Flags')" '>' 0
is "what else came back" "$(captured back | grep -v 'Flags')" ""
