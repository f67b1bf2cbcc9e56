#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 240
# web1, app1, the router of app1, db2 and tls2 are killed and brought back, one by one, with a
# hundred connections asking for pages, files and the database: what a tier with a partner loses,
# the tier in front of it makes good.
source "$(dirname -- "$0")/../lib.sh"

# told WHAT: what the clients saw of it.
told() {
	note "$1: $(kept responses) answers, longest stall $(kept longest_stall_ms) ms;" \
		"failed before an answer began: $(kept failed), torn: $(kept torn)," \
		"connections lost: $(kept broken)"
}

# without NODE DAEMON: killed, two rounds, back again, two rounds.
without() {
	keep --path / --path /api/products --path /p/thud --interval-ms 200
	slay "$1" "$2"
	next_round
	next_round
	revive "$1" "$2"
	next_round
	sleep 1
	next_round
	stop "$kept_pid"
	told "$2 of $1 killed"
}

require_well
for fault in "web1 web" "app1 app" "app1 mysql" "db2 mariadbd"; do
	# shellcheck disable=SC2086 # words
	without $fault
	is "$fault: GETs that failed before an answer began, of $(kept requests)" \
		"$(kept failed)" 0
	require_well
done

without tls2 tlsproxy
compare "tls2: connections that were on it" "$(kept tls.tls2.connections)" '>' 0
is "tls2: they are lost with it, and no other" "$(kept broken)" "$(kept tls.tls2.connections)"
is "tls2: answers other than 200" "$(kept not_200)" 0
require_well
