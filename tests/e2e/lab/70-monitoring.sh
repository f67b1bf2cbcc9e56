#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Prometheus in mon scrapes every agent and every exporter, through the firewalls, and its numbers
# are those of the data plane.
source "$(dirname -- "$0")/../lib.sh"

prometheus=http://$(cluster '.nodes.mon.interfaces.eth0.address[0] | sub("/.*"; "")'):9090

query() {
	on mon curl -sf --max-time 3 --get --data-urlencode "query=$1" "$prometheus/api/v1/query" |
		jq -r '.data.result[].value[1]'
}

# Of all active targets, those that are not up: "JOB NODE ERROR".
down_targets() {
	on mon curl -sf --max-time 3 "$prometheus/api/v1/targets?state=active" |
		jq -r '.data.activeTargets[] | select(.health != "up") | "\(.labels.job) \(.labels.node) \(.lastError)"'
}

all_up() {
	local down
	down=$(down_targets) && [[ -z $down ]]
}

agents=$(cluster '[.nodes[] | select(.agent.metrics)] | length')
expected=$((agents + ${#PROXIES[@]} + ${#WEBS[@]} + ${#APPS[@]} + ${#DATABASES[@]}))
wait_until 15 "all targets are up" all_up
is "targets that are up" "$(query 'count(up == 1)')" $expected
is "agents among them" "$(query 'count(up{job="sluice"} == 1)')" "$agents"

before=$(matched fw3 metrics)
wait_until 5 "a scrape passes fw3" eval "((\$(matched fw3 metrics) > $before))"
ok "what is behind fw3 is scraped through it"

counter='sum(sluice_port_rx_packets_total{node="fw1",port="wan"})'
before=$(query "$counter")
for i in 1 2 3 4 5; do
	fetch get "https://$SITE/"
done
now=$(ledger fw1 wan rx_packets)
wait_until 10 "Prometheus has counted so far" eval "((\$(query '$counter') >= $now))"
compare "packets that fw1 received on wan meanwhile" $(($(query "$counter") - before)) '>=' 50
is "replicas that replicate" "$(query 'sum(mysql_slave_status_slave_sql_running)')" 2
is "web servers that its proxies see" "$(query 'count(haproxy_server_status{job="tls",proxy="web",state="UP"} == 1)')" 4
