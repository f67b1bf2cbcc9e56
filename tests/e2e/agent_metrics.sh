#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 60
#
# /metrics is clean by promtool's judgement, on a balancer and on a node that
# has no data plane of its own, and the endpoint keeps strangers at bay.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/agent_net.sh
source tests/lib/agent_net.sh

is_clean() {
	metrics "$1" | promtool check metrics
}

# says NODE REGEX: a line of its metrics.
says() {
	metrics "$1" | grep "$2" >/dev/null
}

# status METHOD PATH EXPECTED
status() {
	[ "$(on lb1 curl -s -o /dev/null -w '%{http_code}' -X "$1" --max-time 5 \
		"http://10.10.1.11:9101$2")" = "$3" ]
}

ledger_balances() {
	metrics lb1 | awk '
		/^sluice_port_rx_packets_total/ { rx += $2 }
		/^sluice_port_packets_total/ { sum += $2 }
		END { exit !(rx > 0 && rx == sum) }'
}

listening() {
	[ "$(on "$1" ss -Htuln | awk '{ print $1, $5 }' | sort | xargs)" = "$2" ]
}

net_up
router='roles: [firewall, forward], policy: edge' cluster_write <<-YAML
	services:
	  www:
	    vips: ["$vip4:443", "[$vip6]:443"]
	    proto: tcp
	    forward: ipip
	    backends: {be1: {}, be2: {}}
	    check: {type: tcp, via: direct, port: 7, interval: 300ms, timeout: 280ms}
	policies:
	  edge:
	    default: drop
	    rules:
	      - {name: ping, proto: icmp, action: accept}
	      - {name: "odd.name-1", proto: tcp, port: 9101, action: accept}
YAML
apply lb1 fw1 be1 || not_ok "the configuration is applied"
for node in lb1 fw1 be1; do agent_start "$node"; done
on be1 ping -q -c 3 -i 0.2 10.10.1.11 >/dev/null
on be1 ping -q -c 3 -i 0.2 10.10.1.1 >/dev/null
on be1 curl -s --max-time 1 http://10.10.1.1:80/

check "a balancer's metrics are clean" is_clean lb1
check "a firewall's as well" is_clean fw1
check "and those of a node without interfaces of Sluice" is_clean be1
check "which tells of its host" says be1 '^sluice_node_memory_available_bytes [1-9]'
check "rules count what they decide on" \
	says fw1 '^sluice_rule_packets_total.policy="edge",rule="ping",action="accept". [3-9]'
check "drops have their reason" \
	says fw1 'packets_total.port="eth0",outcome="policy-default",class="drop". [1-9]'
check "every packet has an outcome" within 3 ledger_balances

check "GET /healthz is answered" status GET /healthz 200
check "another path is not found" status GET /etc/passwd 404
check "another method is not allowed" status POST /metrics 405
check "nothing listens but what is configured" \
	listening lb1 "tcp 10.10.1.11:9101 udp 10.10.1.11:9103"
check "on a plain node, metrics alone" listening be1 "tcp 10.10.1.21:9101"

# Connections that say nothing take no place for long.
cat >"$net_dir/idle.py" <<-'PYTHON'
	import socket, time
	idle = [socket.socket() for _ in range(80)]
	for sock in idle:
	    sock.settimeout(2)
	    try:
	        sock.connect(("10.10.1.11", 9101))
	    except OSError:
	        pass
	time.sleep(60)
PYTHON
start idle lb1 python3 "$net_dir/idle.py"
sleep 1
check "idle connections do not lock others out for long" within 25 is_clean lb1
stop idle

before=$(find "/proc/${net_pids[agent-lb1]}/fd" -type l | wc -l)
for _ in $(seq 50); do metrics lb1 >/dev/null; done
sleep 1
after=$(find "/proc/${net_pids[agent-lb1]}/fd" -type l | wc -l)
check "scrapes leave no descriptor open ($before, then $after)" [ "$after" -le $((before + 2)) ]
exit "$net_failed"
