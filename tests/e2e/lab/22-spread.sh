#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Repeated requests reach both balancers, both TLS proxies, both web servers, both applications and
# both replicas.
source "$(dirname -- "$0")/../lib.sh"

requests=24

# met TIER: the servers of it that answered, as /api/whoami names them.
met() {
	jq -rs "map(.$1) | unique | join(\" \")" "$scratch/answers"
}

new_flows() {
	lbctl "$1" -j status | jq '[.services[].backends[].new_flows] | add'
}

declare -A before
for balancer in "${BALANCERS[@]}"; do
	before[$balancer]=$(new_flows "$balancer")
done
for ((i = 0; i < requests; i++)); do
	fetch who "-$((i % 2 ? 4 : 6))" "https://$SITE/api/whoami" &&
		cat "$scratch/who.body" >>"$scratch/answers"
done
is "answers to $requests requests" "$(jq -s length "$scratch/answers")" $requests
is "TLS proxies" "$(met tls)" "${PROXIES[*]}"
is "web servers" "$(met web)" "${WEBS[*]}"
is "applications" "$(met app)" "${APPS[*]}"
is "databases read from: the replicas" "$(met read)" "${DATABASES[*]:1}"
is "database written to: the primary" "$(met write)" "${DATABASES[0]}"
for balancer in "${BALANCERS[@]}"; do
	flows=$(($(new_flows "$balancer") - before[$balancer]))
	compare "connections that $balancer saw begin" $flows '>' 0
done
