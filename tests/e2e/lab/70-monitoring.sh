#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Prometheus in mon scrapes every agent and every exporter, through the firewalls, and its numbers
# are those of the data plane.
source "$(dirname -- "$0")/../lib.sh"

prometheus=http://$(address mon 4):9090

query() {
	on mon curl -sf --max-time 3 --get --data-urlencode "query=$1" "$prometheus/api/v1/query" |
		jq -r '.data.result[].value[1]'
}

# Of all targets, those that are not up.
targets_down() {
	on mon curl -sf --max-time 3 "$prometheus/api/v1/targets?state=active" |
		jq -r '.data.activeTargets[] | select(.health != "up") |
			"\(.labels.job) \(.labels.node) \(.lastError)"'
}

all_up() {
	local down
	down=$(targets_down) && [[ -z $down ]]
}

agents=$(cluster '[.nodes[] | select(.agent.metrics)] | length')
exporters=$((${#PROXIES[@]} + ${#WEBS[@]} + 2 * ${#APPS[@]} + ${#DATABASES[@]}))
wait_until 15 "all targets are up" all_up
is "targets that are up" "$(query 'count(up == 1)')" $((agents + exporters))
is "agents among them" "$(query 'count(up{job="sluice"} == 1)')" "$agents"

wait_until 5 "a scrape passes fw3" above "$(matched fw3 metrics)" matched fw3 metrics
ok "what is behind fw3 is scraped through it"

# A request is five packets at least: SYN, ACK, hello, request, FIN.
requests=5
counter='sum(sluice_port_rx_packets_total{node="fw1",port="wan"})'
before=$(query "$counter")
for ((i = 0; i < requests; i++)); do
	fetch get "https://$SITE/"
done
now=$(ledger fw1 wan rx_packets)
wait_until 10 "Prometheus has counted so far" above $((now - 1)) query "$counter"
compare "packets that fw1 received on wan meanwhile" \
	$((now - before)) '>=' $((5 * requests))
is "replicas that replicate" "$(query 'sum(mysql_slave_status_slave_sql_running)')" 2
up='sluice_upstream_well{job="tls",upstream="web"} == 1'
is "web servers that the proxies see" "$(query "count($up)")" $((${#PROXIES[@]} * ${#WEBS[@]}))
