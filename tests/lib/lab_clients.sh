# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154
# For the tests in the lab: the user's clients. One request by curl; a hundred keep-alive
# connections that must not break; new connections all the time.

# fetch NAME CURL-OPTION...: NAME.head, NAME.body, NAME.report and NAME.error in $scratch.
fetch() {
	local name=$1
	shift
	on user curl -sS --max-time 10 --cacert "$PKI/ca.pem" -D "$scratch/$name.head" \
		-o "$scratch/$name.body" -w '%{json}' "$@" \
		>"$scratch/$name.report" 2>"$scratch/$name.error"
}

# report NAME KEY: what curl says of it.
report() {
	jq -r ".$2" "$scratch/$1.report"
}

# header NAME HEADER
header() {
	sed -n "s/\r\$//; s/^$2: //Ip" "$scratch/$1.head"
}

# The whole way to the database and back.
site_answers() {
	fetch page --max-time 2 "https://$SITE/" && [[ $(report page http_code) == 200 ]]
}

# --- keep-alive connections ----------------------------------------------------

kept_pid='' kept_round=0

# keep [OPTION]...: 100 of the user; returns when all were answered once.
keep() {
	become user keepalive --name "$SITE" --ca "$PKI/ca.pem" --path /static/style.css \
		--connections 100 --interval-ms 250 --timeout-ms 20000 "$@" \
		>"$scratch/kept.json" 2>"$scratch/kept.log" </dev/null &
	kept_pid=$!
	kept_round=1
	at_end stop $kept_pid
	wait_until 20 "all connections are answered" grep -qx "round 1" "$scratch/kept.log"
}

# next_round: until every connection was answered something that it asked after now.
next_round() {
	kept_round=$((kept_round + 1))
	kill -USR1 "$kept_pid"
	wait_until 30 "all connections are answered again" \
		grep -qx "round $kept_round" "$scratch/kept.log"
}

# kept KEY: of what became of them, once the client was stopped.
kept() {
	jq -r ".$1" "$scratch/kept.json"
}

# end_of_traffic WHAT: no connection may have broken; prints the longest stall.
end_of_traffic() {
	stop "$kept_pid"
	is "$1: connections that had opened" "$(kept opened)" "$(kept connections)"
	is "$1: connections that broke, of $(kept connections)" "$(kept broken)" 0
	is "$1: answers other than 200, of $(kept responses)" "$(kept not_200)" 0
	note "$1: longest stall $(kept longest_stall_ms) ms, $(kept responses) answers"
	[[ $(kept broken) == 0 ]] || explain_broken
}

# How they broke, and whether paths had moved meanwhile that no test moved.
explain_broken() {
	note "$(kept 'ends | tojson') $(kept 'tls | tojson')"
	while read -r session; do
		note "bfd: $session"
	done < <(router show bfd sessions | tail -n +3)
}

# sent_by BALANCER: packets to backends.
sent_by() {
	lbctl "$1" -j status | jq '[.services[].backends[].sent_packets] | add'
}

# Each balancer has some of the connections, or a fault of one would prove nothing.
require_both_carry() {
	local balancer sent
	declare -A sent_before
	for balancer in "${BALANCERS[@]}"; do
		sent_before[$balancer]=$(sent_by "$balancer")
	done
	next_round
	for balancer in "${BALANCERS[@]}"; do
		sent=$(($(sent_by "$balancer") - sent_before[$balancer]))
		compare "$balancer carries some of the connections" $sent '>' 0
	done
}

# --- new connections -----------------------------------------------------------

arrivals_pid=''

# arrive [OPTION]...: a new one every 50 ms, each a line of arrivals.json when it has ended.
arrive() {
	become user arrivals --name "$SITE" --ca "$PKI/ca.pem" --path /static/style.css \
		--interval-ms 50 --timeout-ms 5000 "$@" >"$scratch/arrivals.json" </dev/null &
	arrivals_pid=$!
	at_end stop $arrivals_pid
	wait_until 10 "new connections are answered" arrived 3
}

# arrivals QUERY: over the array of all.
arrivals() {
	jq -rs "$1" "$scratch/arrivals.json"
}

# arrived N [CONDITION]: at least N were answered.
arrived() {
	(($(arrivals "map(select(.end == \"done\" and (${2:-true}))) | length") >= $1))
}

# turned_away TIME: how many failed that had begun later, in ms since 1970.
turned_away() {
	arrivals "map(select(.end != \"done\" and .at_ms > $1)) | length"
}
