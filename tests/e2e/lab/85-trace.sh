#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# `lbctl trace` says what the node would do with a packet and why; the same packet, sent for real,
# meets just that; and asking changes no counter and no flow.
source "$(dirname -- "$0")/../lib.sh"

trace() {
	local node=$1
	shift
	lbctl "$node" -j trace "$@" >"$scratch/trace"
}

verdict() {
	jq -r '"\(.verdict) \(.outcome)"' "$scratch/trace"
}

detail() {
	jq -r --arg step "$1" '.steps[] | select(.step == $step).detail' "$scratch/trace"
}

trace fw1 tcp $USER4:4100 $VIP4:22
is "fw1, port 22 of the VIP: the verdict" "$(verdict)" "drop policy-default"
like "fw1, port 22 of the VIP: why" "$(detail default)" 'policy "perimeter".*default drop'
before=$(dropped fw1 wan policy-default)
on user inject -c 3 ip $USER4 $VIP4 tcp 4100 22 S
compare "fw1, port 22 of the VIP: sent for real, dropped for that reason" \
	$(($(dropped fw1 wan policy-default) - before)) '>=' 3

trace fw1 tcp 10.10.1.21:4100 $VIP4:443 dev wan
is "fw1, an inner source from outside: the verdict" "$(verdict)" "drop rule"
like "fw1, an inner source from outside: the rule" "$(detail rule)" 'rule "no-spoofed-inner": drop'

trace fw1 tcp $USER4:4101 $VIP4:443
is "fw1, port 443 of the VIP: the verdict" "$(verdict)" "redirect redirect"
like "fw1, port 443 of the VIP: the rule" "$(detail rule)" 'rule "web-in": accept'
like "fw1, port 443 of the VIP: the way" "$(detail route)" 'out by edge'
before=$(matched fw1 web-in)
on user inject -c 3 ip $USER4 $VIP4 tcp 4101 443 S
compare "fw1, port 443 of the VIP: sent for real, accepted by that rule" $(($(matched fw1 web-in) - before)) '>=' 3

trace fw4 tcp 10.10.2.11:4100 10.10.4.11:3306 dev app
is "fw4, a web server to the database: the verdict" "$(verdict)" "drop policy-default"

# Which proxy a connection of the user will meet, on whichever balancer it comes to.
port=$((20000 + RANDOM % 10000))
for family in 4 6; do
	from=$USER4:$port to=$VIP4:443
	[[ $family == 4 ]] || from="[$USER6]:$port" to="[$VIP6]:443"
	for balancer in "${BALANCERS[@]}"; do
		trace "$balancer" tcp "$from" "$to"
		is "$balancer, IPv$family: the verdict" "$(verdict)" "tx tx"
		said[${balancer#lb}]=$(detail backend | sed 's/^backend "\(.*\)", by the ring$/\1/')
	done
	is "IPv$family: both balancers say the same" "${said[1]}" "${said[2]}"
	fetch get "-$family" --local-port $port "https://$SITE/static/style.css"
	is "IPv$family: the connection from port $port meets the proxy that they said" "$(header get x-sluice-tls)" "${said[1]}"
	port=$((port + 1))
done

# On an interface that hears nothing else, a hundred steps of trace leave no trace.
counters() {
	lbctl fw4 -j drops | jq -c '[.rules[] | select(.rule == "mysql") | .packets, .bytes]'
}
quiet() {
	bpftool -j map dump pinned "$RUN/bpf/fw4/sluice_flows" | jq -c '[.[].key // .[].formatted.key] | length'
}
trace fw4 tcp 10.10.3.11:4102 10.10.4.13:3306 dev app
is "fw4, an application to a database: the verdict" "$(verdict)" "redirect redirect"
known=$(quiet)
for i in 1 2 3; do
	trace fw4 tcp 10.10.3.11:4102 10.10.4.13:3306 dev app
	is "fw4, asked again: still no flow is known" "$(detail flow)" "no flow is known"
done
note "flows at fw4 before and after: $known $(quiet)"
