#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Repeated requests reach both balancers, both TLS proxies, both web servers, both applications and
# both replicas.
source "$(dirname -- "$0")/../lib.sh"

requests=24

# seen KEY: the servers that answered, as /api/whoami names them.
seen() {
	jq -rs "map(.$1) | unique | join(\" \")" "$scratch/answers"
}

sent_by() {
	lbctl "$1" -j status | jq '[.services[].backends[].new_flows] | add'
}

declare -A before
for balancer in "${BALANCERS[@]}"; do
	before[$balancer]=$(sent_by "$balancer")
done
for ((i = 0; i < requests; i++)); do
	fetch who "-$((i % 2 ? 4 : 6))" "https://$SITE/api/whoami" && cat "$scratch/who.body" >>"$scratch/answers"
done
is "answers to $requests requests" "$(jq -s length "$scratch/answers")" $requests
is "TLS proxies" "$(seen tls)" "${PROXIES[*]}"
is "web servers" "$(seen web)" "${WEBS[*]}"
is "applications" "$(seen app)" "${APPS[*]}"
is "databases read from: the replicas" "$(seen read)" "${DATABASES[*]:1}"
is "database written to: the primary" "$(seen write)" "${DATABASES[0]}"
for balancer in "${BALANCERS[@]}"; do
	compare "$balancer balanced new connections" $(($(sent_by "$balancer") - before[$balancer])) '>' 0
done
