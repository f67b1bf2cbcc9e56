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

require_well
slay tls1 haproxy
slay tls2 haproxy
wait_until 5 "both balancers say that it is a panic" panics
ok "both balancers say that it is a panic"
wait_until 5 "fw1 keeps a path" eval '(($(good_paths 4 | wc -l) > 0))'
for balancer in "${BALANCERS[@]}"; do
	is "$balancer would still send new connections" "$(lbctl "$balancer" -j trace tcp 203.0.113.9:1 $VIP4:443 |
		jq -r .verdict)" tx
done
refused=$(on user curl -sS --max-time 3 --cacert "$PKI/ca.pem" "https://$SITE/" 2>&1)
like "the user is refused at once, not left waiting" "$refused" "Failed to connect|refused"

revive tls1 haproxy
fault=$(now_ms)
wait_until 10 "new connections succeed" eval 'fetch get --max-time 2 "https://$SITE/static/style.css"'
note "a new connection succeeded $(($(now_ms) - fault)) ms after tls1 was started"
ok "new connections succeed with one proxy"
revive tls2 haproxy
require_well
