# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# The way of one request, hop by hop: what each node counted meanwhile, and how
# long each tier took, as the tiers' own logs say. Checks and scraping go on
# meanwhile, so the counts are those of the moment, not of the request alone.

declare -A before after # by "NODE COUNTER"

# link_counts NODE: "in N", "out N" of its interfaces, by the kernel.
link_counts() {
	in_node "$1" ip -stats -json link | jq -r '
		map(select(.link_type != "loopback").stats64)
		| "in \(map(.rx.packets) | add)", "out \(map(.tx.packets) | add)", "dropped 0"'
}

# snapshot ARRAY
snapshot() {
	local -n into=$1
	local node counter value
	for node in "${NODES[@]}"; do
		while read -r counter value; do
			into["$node $counter"]=$value
		done < <(link_counts "$node")
	done
}

path_before() {
	snapshot before
}

path_after() {
	snapshot after
}

# logged NODE LOG KEY: what the tier's log says of the request.
logged() {
	grep -h "\"${reply[request-id]}\"" "$STATE/$1/$2" 2>/dev/null | jq -r ".$3" | tail -n 1
}

# hop NODE WHAT MILLISECONDS
hop() {
	local node=$1 counter delta=()
	for counter in in out dropped; do
		delta+=($((${after["$node $counter"]:-0} - ${before["$node $counter"]:-0})))
	done
	printf '  %-6s %-50s %6d %6d %7d %9s\n' "$node" "$2" "${delta[@]}" "${3:+$3 ms}"
}

path_print() {
	local tls=${reply[sluice-tls]-} web=${reply[sluice-web]-} app=${reply[sluice-app]-} db
	db=$(jq -r '.server // empty' <<<"${reply[body]-null}")
	[[ -n $tls && -n $web && -n $app && -n $db ]] || return 0
	printf '\nThe way of the POST, with packets counted while it ran (checks and scraping included):\n\n'
	printf '  %-6s %-50s %6s %6s %7s %9s\n' hop what in out dropped answered
	hop user "sends it from port ${reply[local_port]}" "$(ms "${reply[total]}")"
	hop fw1 "firewall: perimeter; spreads over the balancers" ""
	hop lb1 "balancer" ""
	hop lb2 "balancer" ""
	hop "$tls" "decapsulates; ends TLS, speaks HTTP" "$(logged "$tls" haproxy.log total_ms)"
	hop fw2 "firewall: web" ""
	hop "$web" "reverse proxy" "$(ms "$(logged "$web" access.log total_s)")"
	hop fw3 "firewall: application" ""
	hop "$app" "application" "$(logged "$app" app.log total_ms)"
	hop fw4 "firewall: database" ""
	hop "$db" "primary database: writes the row" "$(logged "$app" app.log database_ms)"
}
