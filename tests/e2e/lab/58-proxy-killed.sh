#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# HAProxy on tls2 is killed: new connections succeed again within 2 s, both balancers come to the
# same ring, nobody but tls2's own connections is hurt, and it gets new ones when it is back.
source "$(dirname -- "$0")/../lib.sh"

backends_are() {
	local balancer
	for balancer in "${BALANCERS[@]}"; do
		[[ $(backends_up "$balancer" | paste -sd ' ') == "$*" ]] || return
	done
}

# rings_agree: what both would do with packets of connections that neither has seen.
rings_agree() {
	local port balancer seen=()
	for balancer in "${BALANCERS[@]}"; do
		seen+=("$(for port in 1 2 3 4 5 6; do
			lbctl "$balancer" -j trace tcp "203.0.113.9:$port" "$VIP4:443" |
				jq -r '.steps[] | select(.step == "backend").detail'
		done | sort | uniq -c)")
	done
	[[ ${seen[0]} == "${seen[1]}" ]] || not_ok "both balancers pick the same" "${seen[*]}"
	printf '%s\n' "${seen[0]}"
}

require_well
arrive
keep
fault=$(now_ms)
slay tls2 haproxy
wait_until 5 "both balancers leave tls2" backends_are tls1
left=$(now_ms)
note "both balancers left tls2 after $((left - fault)) ms"
like "both pick tls1 for new connections" "$(rings_agree)" '^ *6 backend "tls1", by the ring$'
next_round
seen=$(arrivals length)
wait_until 10 "new connections go on" arrived $((seen + 10))
is "new connections that failed, and had begun over 2 s after the fault" \
	"$(arrivals "map(select(.end != \"done\" and .at_ms > $fault + 2000)) | length")" 0
note "new connections that failed before: $(arrivals "map(select(.end != \"done\")) | length")," \
	"the last $(arrivals "map(select(.end != \"done\").at_ms) | max // $fault | . - $fault") ms after the fault"

revive tls2 haproxy
wait_until 10 "both balancers come back to tls2" backends_are tls1 tls2
back=$(now_ms)
wait_until 10 "tls2 gets new connections" arrived 3 ".tls == \"tls2\" and .at_ms > $back"
ok "tls2 gets new connections again"
is "new connections that failed after its return" \
	"$(arrivals "map(select(.end != \"done\" and .at_ms > $fault + 2000)) | length")" 0
next_round
stop_client "$arrivals_pid"
stop_client "$kept_pid"
is "connections of tls1 that broke, of $(kept tls.tls1.connections)" "$(kept tls.tls1.broken)" 0
is "connections of tls2 that broke with it" "$(kept tls.tls2.broken)" "$(kept tls.tls2.connections)"
note "longest stall of the others $(kept longest_stall_ms) ms"
require_well
