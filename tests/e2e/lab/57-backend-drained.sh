#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# tls2 is drained on both balancers: new connections go to tls1 alone, those that it has stay with
# it unbroken, and after undrain it gets new ones again.
#
# The router's paths are held still meanwhile: a balancer that gets another one's connections in the
# middle does not know which of them began before the drain.
source "$(dirname -- "$0")/../lib.sh"

on_both() {
	local balancer
	for balancer in "${BALANCERS[@]}"; do
		lbctl "$balancer" backend "$1" www tls2 >/dev/null ||
			give_up "$balancer: backend $1 www tls2"
	done
}

# newcomers N: the proxies that N new connections meet.
newcomers() {
	local i
	for ((i = 0; i < $1; i++)); do
		fetch new "-$((i % 2 ? 4 : 6))" "https://$SITE/static/style.css" &&
			header new x-sluice-tls
	done | sort -u | paste -sd ' '
}

require_well
slay fw1 bird
keep
at_end on_both undrain
on_both drain
for balancer in "${BALANCERS[@]}"; do
	is "$balancer: the state of tls2" "$(lbctl "$balancer" -j backend show www |
		jq -r '.backends[] | select(.backend == "tls2").state')" drain
done
is "proxies of new connections while tls2 drains" "$(newcomers 20)" tls1
next_round
on_both undrain
is "proxies of new connections afterwards" "$(newcomers 20)" "tls1 tls2"
next_round
end_of_traffic "tls2 drained and undrained"
revive fw1 bird
is "proxies of the old connections" "$(kept 'tls | keys | join(" ")')" "tls1 tls2"
require_well
