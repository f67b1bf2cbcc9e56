#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Clients that are slow on purpose, that send what is no HTTP, that leave: each
# is cut off by a deadline or refused, and counted, while others are served.
set -uo pipefail
# shellcheck source=tests/lib/web_net.sh
source tests/lib/web_net.sh

# connections: that the workers have open now.
connections() {
	curl -s "http://$metrics_at/metrics" |
		awk '/^sluice_worker_connections\{/ { sum += $2 } END { print sum + 0 }'
}

# shellcheck disable=SC2317 # called by name
are_many() {
	[ "$(connections)" -ge 50 ]
}

# shellcheck disable=SC2317 # called by name
are_none() {
	[ "$(connections)" = 0 ]
}

# attack NAME OPTION...: 50 connections of slowhttptest are there, others are served, and all
# 50 are closed within 12 seconds.
attack() {
	local name=$1
	shift
	slowhttptest -c 50 -r 100 -l 30 -p 3 "$@" >/dev/null 2>&1 &
	net_pids[attack]=$!
	check "$name: 50 connections" within 5 are_many
	is "$name: others are served" "$(for _ in 1 2 3 4 5; do
		status /small.bin
		echo
	done | sort | uniq -c | xargs)" "5 200"
	check "$name: all are closed in time" within 12 are_none
	stop attack
}

head -c 100 /dev/urandom >"$site/small.bin"
head -c 20000000 /dev/urandom >"$site/huge.bin"
chmod -R a+rX "$site"
sites="
  - hosts: '*'
    root: $site
    routes: [{path: /sum, proxy: app}]
  - hosts: app
    routes: [{path: /, proxy: app}]"
web_config <<-YAML
	$upstream
	head-timeout: 3s
	body-timeout: 3s
	idle-timeout: 3s
	connections: 500
YAML
app_start app1
web_start

attack "slow heads" -H -i 1 -u "http://$at/small.bin"
attack "slow bodies" -B -i 1 -s 100000 -u "http://$at/sum"
attack "slow readers" -X -n 1 -w 1 -y 2 -z 1 -k 1 -u "http://$at/huge.bin"
like "they were counted" "$(metric sluice_web_http_timeouts_total)" '^[1-9][0-9]'

# --- who sends what nobody wants ---------------------------------------------------

# slow_bytes PATH: how many come to a client with little room that sends part of a large body.
slow_bytes() {
	python3 - "$at" "$1" <<-'PYTHON'
		import socket, sys, time
		client = socket.socket()
		client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
		client.connect((sys.argv[1], 80))
		client.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
		               % sys.argv[2].encode() + bytes(70000))
		total = -1
		while total < 0 or piece:
		    piece = client.recv(20000)
		    total = max(total, 0) + len(piece)
		    time.sleep(0.03)
		print(total)
	PYTHON
}

head -c 3000000 "$site/huge.bin" >"$site/large.bin"
chmod a+r "$site/large.bin"
like "a slow client gets all of a file, although it has more to send" \
	"$(slow_bytes /large.bin)" '^3000[0-9]{3}$'

# --- garbage --------------------------------------------------------------------

# refused REASON STATUS: standard input is answered so, and counted under that reason.
refused() {
	local seen before
	before=$(metric "sluice_web_http_refused_total{reason=\"$1\"}")
	seen=$(raw | head -n 1 | tr -d '\r')
	like "$1 is refused" "$seen" "^HTTP/1.1 $2 "
	is "$1 is counted" "$(metric "sluice_web_http_refused_total{reason=\"$1\"}")" \
		"$((before + 1))"
}

head -c 5000 /dev/urandom | tr -d '\n' | sed 's/^/\x01/' | refused method 400
printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' | refused method 400
printf 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n' | refused target 400
printf 'GET / HTTP/1.1\nHost: a\n\n' | refused line_end 400
printf 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n' | refused host_twice 400
printf 'GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n' | refused field_name_blank 400
printf 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n' |
	refused length_and_coding 400
printf 'POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' |
	refused chunk_size 400
{
	printf 'GET / HTTP/1.1\r\nHost: a\r\n'
	for i in $(seq 200); do printf 'X-%s: y\r\n' "$i"; done
} | refused fields_many 431
{
	printf 'GET / HTTP/1.1\r\nHost: a\r\nX: '
	head -c 30000 /dev/zero | tr '\0' x
} | refused head_long 431

# --- clients that leave ---------------------------------------------------------

for _ in $(seq 50); do
	timeout 0.05 curl -s --limit-rate 10k -o /dev/null "http://$at/huge.bin"
	timeout 0.05 curl -s -o /dev/null -H 'Host: app' "http://$at/slow/1"
done
is "it serves as before" "$(status /small.bin)" 200
check "no connection is left" within 10 are_none
is "no worker has ended" "$(metric sluice_worker_crashes_total)" 0
below "and memory is small" "$(rss)" "$memory_max"
