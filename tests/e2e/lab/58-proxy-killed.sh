#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The TLS proxy of tls2 is killed: new connections succeed again within 2 s, both balancers come to
# the same ring, nobody but tls2's own connections is hurt, and it gets new ones when it is back.
source "$(dirname -- "$0")/../lib.sh"

# picks BALANCER: the proxies for connections that no balancer has seen.
picks() {
	local port
	for port in 1 2 3; do
		lbctl "$1" -j trace tcp "203.0.113.9:$port" "$VIP4:443" |
			jq -r '.steps[] | select(.step == "backend").detail'
	done
}

require_well
arrive
keep
fault=$(now_ms)
slay tls2 tlsproxy
wait_until 5 "both balancers leave tls2" backends_are tls1
note "both balancers left tls2 after $(($(now_ms) - fault)) ms"
for balancer in "${BALANCERS[@]}"; do
	is "$balancer picks for new connections" "$(picks "$balancer" | sort -u)" \
		'backend "tls1", by the ring'
done
wait_until 10 "new connections go on" arrived 10 ".at_ms > $(now_ms)"
is "new connections that failed and began over 2 s after the fault" \
	"$(turned_away $((fault + 2000)))" 0
last=$(arrivals "map(select(.end != \"done\").at_ms) | max // $fault | . - $fault")
note "new connections that failed before: $(turned_away 0), the last $last ms after the fault"

next_round
revive tls2 tlsproxy
wait_until 10 "both balancers come back to tls2" backends_are tls1 tls2
wait_until 10 "tls2 gets new connections" arrived 3 ".tls == \"tls2\" and .at_ms > $(now_ms)"
ok "tls2 gets new connections again"
is "both balancers pick the same again" "$(picks lb1)" "$(picks lb2)"
next_round
stop "$arrivals_pid"
stop "$kept_pid"
is "new connections that failed, 2 s after the fault and later" \
	"$(turned_away $((fault + 2000)))" 0
is "connections of tls1 that broke, of $(kept tls.tls1.connections)" "$(kept tls.tls1.broken)" 0
is "connections of tls2 that broke with it" "$(kept tls.tls2.broken)" \
	"$(kept tls.tls2.connections)"
note "longest stall $(kept longest_stall_ms) ms"
require_well
