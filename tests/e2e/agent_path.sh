#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Checks take the way of the traffic: to a VIP at one backend, in a tunnel or by its link
# address. A backend that decapsulates nothing, or has no such address, is found dead.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/agent_net.sh
source tests/lib/agent_net.sh

backends='backends: {be1: {}, be2: {}}'
only6='backends: {be1: {address: "fd00:10:1::21"}, be2: {address: "fd00:10:1::22"}}'
timing='interval: 300ms, timeout: 280ms, rise: 2, fall: 2'
dsr4=192.0.2.11

backend="roles: [decap]" announce="in-4" cluster_write <<-YAML
	services:
	  in-4: {vips: ["$vip4:80"], proto: tcp, $backends, check: {type: http, $timing}}
	  in-6: {vips: ["[$vip6]:80"], proto: tcp, $backends, check: {type: http, $timing}}
	  4-in-6: {vips: ["$vip4:81"], proto: tcp, $only6, check: {type: http, port: 80, $timing}}
	  in-udp:
	    {vips: ["$vip4:82"], proto: tcp, forward: gue, $backends,
	     check: {type: http, port: 80, $timing}}
	  datagrams:
	    vips: ["$vip4:53"]
	    proto: udp
	    $backends
	    check: {type: udp, send: ping, interval: 2s, timeout: 300ms, jitter: 20%, fall: 1}
	  answers:
	    vips: ["[$vip6]:53"]
	    proto: udp
	    $backends
	    check: {type: udp, send: ping, expect: pong, $timing}
	  by-link:
	    {vips: ["$dsr4:80"], proto: tcp, forward: dsr, $backends, check: {type: http, $timing}}
YAML

# Servers listen at the VIPs alone: whoever comes to another address is refused.
servers_start() {
	local vip

	for vip in "$vip4" "$vip6" "$dsr4"; do
		ip -n "$net_name-$1" addr add "$vip" dev lo
		start "http-$1-$vip" "$1" python3 -m http.server --bind "$vip" 80
		start "udp-$1-$vip" "$1" python3 -c 'if True:
			import socket, sys
			family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
			server = socket.socket(family, socket.SOCK_DGRAM)
			server.bind((sys.argv[1], 53))
			while True:
			    server.sendto(b"pong", server.recvfrom(64)[1])' "$vip"
	done
}

services=(in-4 in-6 4-in-6 in-udp datagrams answers by-link)

# all_are BACKEND up|down [SERVICE...]
all_are() {
	local name=$1 state=$2 service
	shift 2
	for service in "${@:-${services[@]}}"; do
		health_both "$service" "$name" "$state" || return
	done
}

# has_passed SERVICE BACKEND: a check of lb1.
has_passed() {
	local of="service=\"$1\",backend=\"$2\",result=\"ok\""

	metrics lb1 | grep -q "^sluice_check_results_total{$of} [1-9]"
}

# Why be2 was last called down by lb1.
last_reason() {
	sed -n "s/.*event=backend-down service=$1 backend=be2.* reason=\"\([^\"]*\)\".*/\1/p" \
		"$net_dir/agent-lb1.log" | tail -n 1
}

filters() {
	on lb1 tc filter show dev eth0 egress | grep -c check_egress
}

net_up
servers_start be1
servers_start be2
apply lb1 lb2 be1 be2 || not_ok "the configuration is applied"
agent_start lb1
agent_start lb2

well() {
	local service name

	for service in "${services[@]}"; do
		for name in be1 be2; do
			has_passed "$service" "$name" || return
		done
	done
}

check "checks of every kind of forwarding end well" within 10 well
check "all backends are up" within 10 all_are be1 up
check "and stay so" during 2 all_are be2 up
closing() {
	[ "$(on be1 ss -Htan state last-ack state closing | wc -l)" -le 4 ]
}
check "connections of checks end on the backend's side too" within 5 closing

ip -n "$net_name-be2" addr del "$dsr4/32" dev lo
check "a backend without the VIP is down" within 10 all_are be2 down by-link
check "only for that service" all_are be2 up in-4 in-6
ip -n "$net_name-be2" addr add "$dsr4" dev lo
stop http-be2-$dsr4
start "http-be2-$dsr4" be2 python3 -m http.server --bind "$dsr4" 80
check "and up again with it" within 10 all_are be2 up by-link

lbctl be2 detach dev eth0
check "a backend that decapsulates nothing is down" \
	within 10 all_are be2 down in-4 in-6 4-in-6 in-udp answers
check "though it answers by link" all_are be2 up by-link
lbctl be2 attach dev eth0 role decap
check "and up again when it does" within 10 all_are be2 up in-4 in-6 4-in-6 in-udp answers

stop udp-be2-$vip4
check "an unreachable port is the end of a datagram service" within 10 all_are be2 down datagrams
check "and it is said in words" test "$(last_reason datagrams)" = "port unreachable"
# told NODE SERVICE BACKEND WORDS: by lbctl.
told() {
	on "$1" "$build/lbctl" --node "$1" -j status |
		jq -e --arg service "$2" --arg backend "$3" --arg words "$4" \
			'.services[] | select(.service == $service) | .backends[] |
			 select(.backend == $backend) |
			 .check == $words and .check_age_s < 5' >/dev/null
}
check "lbctl says so too" told lb1 datagrams be2 "port unreachable"
check "and of others that they are well" told lb2 in-6 be1 ok

# Somebody takes the agent's filters away: no check tells anything until they are back.
on lb1 tc qdisc del dev eth0 clsact
check "lost filters are put back" within 10 filters
check "and no backend paid for it" all_are be2 up in-4 in-6 by-link

agent_stop lb1 KILL
check "a killed agent leaves what was" during 1 all_are be2 up in-4
check "and that is down" all_are be2 down datagrams
agent_start lb1
check "its successor changes nothing at its start" during 3 all_are be2 up in-4 in-6 by-link
check "nor what is down" all_are be2 down datagrams
agent_stop lb1
check "an agent that ends takes its filters along" test "$(filters)" = 0
exit "$net_failed"
