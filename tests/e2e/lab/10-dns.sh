#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The user's resolver finds the site at the VIPs, over either family.
source "$(dirname -- "$0")/../lib.sh"

# ask RESOLVER TYPE
ask() {
	on user dig +short +time=2 +tries=1 "@$1" "$SITE" "$2" | paste -sd ' '
}

mapfile -t resolvers < <(awk '$1 == "nameserver" { print $2 }' /etc/netns/sluice-user/resolv.conf)
is "the user has a resolver of each family" "${#resolvers[@]}" 2
for resolver in "${resolvers[@]}"; do
	is "A of $SITE, asked at $resolver" "$(ask "$resolver" A)" "$VIP4"
	is "AAAA of $SITE, asked at $resolver" "$(ask "$resolver" AAAA)" "$VIP6"
done
found=$(on user getent ahosts "$SITE" | awk '{ print $1 }' | sort -u | paste -sd ' ')
is "the user's programs find both" "$found" "$VIP4 $VIP6"
