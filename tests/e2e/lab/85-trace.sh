#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# `lbctl trace` says what the node would do with a packet and why; the same packet, sent for real,
# meets just that; and asking changes no counter and no flow.
source "$(dirname -- "$0")/../lib.sh"

packets=3

trace() {
	local node=$1
	shift
	lbctl "$node" -j trace "$@" >"$scratch/trace"
}

verdict() {
	jq -r '"\(.verdict) \(.outcome)"' "$scratch/trace"
}

# detail STEP
detail() {
	jq -r --arg step "$1" '.steps[] | select(.step == $step).detail' "$scratch/trace"
}

what="fw1, port 22 of the VIP"
trace fw1 tcp "$USER4:4100" "$VIP4:22"
is "$what: the verdict" "$(verdict)" "drop policy-default"
like "$what: why" "$(detail default)" 'policy "perimeter".*default drop'
before=$(dropped fw1 wan policy-default)
on user inject -c $packets ip "$USER4" "$VIP4" tcp 4100 22 S
compare "$what: sent for real, dropped for that reason" \
	$(($(dropped fw1 wan policy-default) - before)) '>=' $packets

what="fw1, an inner source from outside"
proxy=$(address tls1 4)
trace fw1 tcp "$proxy:4100" "$VIP4:443" dev wan
is "$what: the verdict" "$(verdict)" "drop rule"
like "$what: why" "$(detail rule)" 'rule "no-spoofed-inner": drop'
before=$(matched fw1 no-spoofed-inner)
on user inject -c $packets ip "$proxy" "$VIP4" tcp 4100 443 S
is "$what: sent for real, dropped by that rule" \
	$(($(matched fw1 no-spoofed-inner) - before)) $packets

what="fw1, port 443 of the VIP"
trace fw1 tcp "$USER4:4101" "$VIP4:443"
is "$what: the verdict" "$(verdict)" "redirect redirect"
like "$what: why" "$(detail rule)" 'rule "web-in": accept'
like "$what: the way" "$(detail route)" 'out by edge'
before=$(matched fw1 web-in)
on user inject -c $packets ip "$USER4" "$VIP4" tcp 4101 443 S
compare "$what: sent for real, accepted by that rule" \
	$(($(matched fw1 web-in) - before)) '>=' $packets

# Which proxy a connection will meet, on whichever balancer it comes to.
port=$((20000 + RANDOM % 10000))
for family in 4 6; do
	read -r from to <<<"$(from_to $family)"
	((family == 4)) || from="[$from]" to="[$to]"
	for balancer in "${BALANCERS[@]}"; do
		trace "$balancer" tcp "$from:$port" "$to:443"
		is "$balancer, IPv$family: the verdict" "$(verdict)" "tx tx"
		detail backend >"$scratch/$balancer.backend"
	done
	said=$(sed 's/^backend "\(.*\)", by the ring$/\1/' "$scratch/lb1.backend")
	is "IPv$family: both balancers say the same" \
		"$(cat "$scratch/lb2.backend")" "$(cat "$scratch/lb1.backend")"
	fetch get "-$family" --local-port $port "https://$SITE/static/style.css"
	is "IPv$family: a connection from port $port meets that proxy" \
		"$(header get x-sluice-tls)" "$said"
done

# Asking leaves nothing behind: not in a rule's counter, not in a drop's, not in the flow table.
rule_packets=$(matched fw1 no-spoofed-inner) drops=$(dropped fw1 wan rule)
what="fw4, an application to a database"
for _ in 1 2 3; do
	trace fw1 tcp "$proxy:4100" "$VIP4:443" dev wan
	trace fw4 tcp "$(address app1 4):4102" "$(address db3 4):3306" dev app
	is "$what: the verdict" "$(verdict)" "redirect redirect"
	is "$what: the flow" "$(detail flow)" "no flow is known"
done
is "packets of the rule that refused" "$(matched fw1 no-spoofed-inner)" "$rule_packets"
is "drops by rules" "$(dropped fw1 wan rule)" "$drops"
