#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# VIPs announced by the agent and carried by BIRD, IPv4 and IPv6: the router has
# both balancers, leaves one that is not well, and never has none.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/agent_net.sh
source tests/lib/agent_net.sh

# bird_start NODE TEMPLATE PLACEHOLDER=VALUE...
bird_start() {
	local node=$1 config=$net_dir/$1.conf words=() word

	for word in "${@:3}"; do
		words+=(-e "s/@${word%%=*}@/${word#*=}/g")
	done
	sed "${words[@]}" "vm/bird/$2.conf.in" >"$config"
	start "bird-$node" "$node" bird -f -c "$config" -s "$net_dir/$node.ctl"
}

birds_start() {
	local i

	bird_start fw1 router ROUTER_ID=10.10.1.1 BFD_MS=50 LOCAL4=10.10.1.1 LOCAL6=fd00:10:1::1 \
		PEER1_4=10.10.1.11 PEER1_6=fd00:10:1::11 PEER2_4=10.10.1.12 \
		PEER2_6=fd00:10:1::12 VIP4="$vip4" VIP6="$vip6"
	for i in 1 2; do
		bird_start "lb$i" balancer BFD_MS=50 "ROUTER_ID=10.10.1.1$i" "LOCAL4=10.10.1.1$i" \
			"LOCAL6=fd00:10:1::1$i" PEER4=10.10.1.1 PEER6=fd00:10:1::1
	done
}

# The last numbers of the next hops that the router's kernel has for a VIP: "11 12".
next_hops() {
	on fw1 ip "$(family "$1")" route show "$1" | grep -o 'via [^ ]*' |
		sed 's/.*[.:]//' | sort | xargs
}

both_families() {
	[ "$(next_hops "$vip4")" = "$1" ] && [ "$(next_hops "$vip6")" = "$1" ]
}

sessions_are_up() {
	[ "$(on fw1 birdc -s "$net_dir/fw1.ctl" show protocols | grep -c Established)" -eq 4 ]
}

# A balancer's state in routes is no accident of BIRD's start: nothing is lost meanwhile.
routes_watch() {
	start watch-routes fw1 ip -ts monitor route
}

no_route_was_withdrawn() {
	! grep -q Deleted "$net_dir/watch-routes.log"
}

net_up
cluster_write <<-YAML
	services:
	  www:
	    vips: ["$vip4:443", "[$vip6]:443"]
	    proto: tcp
	    forward: ipip
	    backends: {be1: {}, be2: {}}
	    check: {type: tcp, via: direct, port: 7, interval: 300ms, timeout: 280ms}
YAML
for be in be1 be2; do start "server-$be" "$be" python3 -m http.server 7; done
apply lb1 lb2 || not_ok "the configuration is applied"
birds_start
agent_start lb1
agent_start lb2

check "both balancers announce" within 10 is_announced lb1 "$vip6" 100
on lb1 ip route flush table 200
on lb1 ip -6 route flush table 200
check "a route that another hand removed comes back" within 3 is_announced lb1 "$vip4" 100
check "so does that of IPv6" within 3 is_announced lb1 "$vip6" 100
check "BGP and BFD come up" within 20 sessions_are_up
check "the router spreads over both" within 10 both_families "11 12"
routes_watch

on lb1 ip link set dev eth0 xdpdrv off
check "a balancer without its program says so" within 5 is_announced lb1 "$vip4" 1000
check "and is left" within 5 both_families 12
lbctl lb1 attach dev eth0
check "it comes back with its program" within 10 both_families "11 12"

ip -n "$net_name-lb2" link set eth0 down
check "a balancer whose link is down is left" within 5 both_families 11
ip -n "$net_name-lb2" link set eth0 up
ip -n "$net_name-lb2" addr add fd00:10:1::12/64 dev eth0 nodad 2>/dev/null
ip -n "$net_name-lb2" route add default via 10.10.1.1 2>/dev/null
ip -n "$net_name-lb2" -6 route add default via fd00:10:1::1 2>/dev/null
check "and comes back with its link" within 30 both_families "11 12"

on lb1 sysctl -qw net.ipv4.conf.eth0.forwarding=0
check "so is one that cannot look up routes" within 5 both_families 12
on lb1 sysctl -qw net.ipv4.conf.eth0.forwarding=1
check "which comes back" within 10 both_families "11 12"

for be in be1 be2; do stop "server-$be"; done
check "when none is well" within 10 is_announced lb2 "$vip6" 1000
check "both stay" within 5 both_families "11 12"
for be in be1 be2; do start "server-$be" "$be" python3 -m http.server 7; done
check "and are well again" within 10 is_announced lb2 "$vip6" 100
check "with both in use" within 5 both_families "11 12"

agent_stop lb1 KILL
agent_stop lb2 TERM
check "agents that are killed, or stopped, withdraw nothing" during 2 both_families "11 12"
agent_start lb1
agent_start lb2
check "nor do agents that start again" during 3 both_families "11 12"

stop bird-lb1 KILL
check "a BGP daemon that is killed is left" within 5 both_families 12
stop bird-lb2 KILL
check "when no BGP daemon lives, the router falls back to both" within 5 both_families "11 12"
stop bird-fw1 KILL
check "and keeps its routes when its own is killed" during 1 both_families "11 12"
check "at no time was a VIP without a route" no_route_was_withdrawn

announce="" cluster_write <"$net_dir/services"
sed -i 's/, announce: \[www\]//' "$cluster_file"
apply lb1
check "what the configuration no longer announces goes" within 5 is_announced lb1 "$vip4" ""
check "on that balancer alone" is_announced lb2 "$vip4" 100

on lb2 "$build/sluice-agent" --node lb2 --withdraw 2>"$net_dir/withdraw.log"
check "--withdraw is refused while the agent runs" grep -q "stop its agent" "$net_dir/withdraw.log"
agent_stop lb2
on lb2 "$build/sluice-agent" --node lb2 --withdraw &
check "--withdraw first says \"not well\"" within 2 is_announced lb2 "$vip4" 1000
wait $!
check "then it removes the routes" is_announced lb2 "$vip4" ""
check "of both families" is_announced lb2 "$vip6" ""
exit "$net_failed"
