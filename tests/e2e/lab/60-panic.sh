#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Both proxies are down: the balancers keep using them, for a ring of doubtful backends is better
# than none, and fw1 keeps its paths. As soon as one is back, new connections succeed.
source "$(dirname -- "$0")/../lib.sh"

panics() {
	local balancer
	for balancer in "${BALANCERS[@]}"; do
		metrics_of "$balancer" | grep -q '^sluice_health_panic{.*} 1$' || return
	done
}

answers() {
	fetch get --max-time 2 "https://$SITE/static/style.css"
}

require_well
slay tls1 tlsproxy
slay tls2 tlsproxy
wait_until 5 "both balancers say that it is a panic" panics
ok "both balancers say that it is a panic"
wait_until 10 "fw1 keeps both paths" paths_are 2
ok "fw1 keeps both paths"
for balancer in "${BALANCERS[@]}"; do
	verdict=$(lbctl "$balancer" -j trace tcp 203.0.113.9:1 "$VIP4:443" | jq -r .verdict)
	is "$balancer would still send new connections" "$verdict" tx
done
succeeds "the user is not answered" not answers
like "but refused, not left waiting" "$(cat "$scratch/get.error")" "Failed to connect|refused"

started=$(now_ms)
revive tls1 tlsproxy
wait_until 10 "new connections succeed" answers
note "a new connection succeeded $(($(now_ms) - started)) ms after tls1 was started"
ok "new connections succeed with one proxy"
revive tls2 tlsproxy
require_well
