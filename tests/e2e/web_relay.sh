#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 150
#
# The web server in front of application servers: what it tells them, what it
# streams, what it does when they are slow, gone or broken, and that neither a
# reload nor a crash of a worker costs a request.
set -uo pipefail
# shellcheck source=tests/lib/web_net.sh
source tests/lib/web_net.sh

sites="
  - hosts: '*'
    root: $site
    routes: [{path: /app/, files: $site}, {path: /static/, files: $site}]
  - hosts: app
    routes: [{path: /, proxy: app}]"

app() {
	get "$@" -H 'Host: app'
}

app_status() {
	app "$@" -o /dev/null -w '%{http_code}'
}

web_config <<-YAML
	$upstream
	trusted: [127.0.0.99/32]
YAML
head -c 100000 /dev/urandom >"$site/file.bin"
chmod -R a+rX "$site"
app_start app1
app_start app2
web_start

# --- fields ---------------------------------------------------------------------

seen=$(app /headers --interface 127.0.0.98 -H 'X-Forwarded-For: 1.1.1.1' \
	-H 'X-Forwarded-Proto: https' -H 'X-Request-ID: forged' -H 'X-Sluice-TLS: forged' \
	-H 'X-Sluice-Web: forged' -H 'Connection: X-Hop' -H 'X-Hop: 1' -H 'X-Custom: kept')
is "a client's address is told" "$(field X-Forwarded-For <<<"$seen")" 127.0.0.98
is "and its protocol" "$(field X-Forwarded-Proto <<<"$seen")" http
is "and the node" "$(field X-Sluice-Web <<<"$seen")" web1
like "and an id" "$(field X-Request-ID <<<"$seen")" '^[0-9a-f]{32}$'
unlike "nothing is forged, nothing passes that ends here" "$seen" 'forged|1\.1\.1\.1|X-Hop'
is "other fields pass" "$(field X-Custom <<<"$seen")" kept
seen=$(app /headers --interface 127.0.0.99 -H 'X-Forwarded-For: 192.0.2.7' \
	-H 'X-Forwarded-Proto: https' -H 'X-Request-ID: given' -H 'X-Sluice-TLS: tls1')
is "a trusted proxy's word is passed on" \
	"$(field X-Forwarded-For <<<"$seen") $(field X-Forwarded-Proto <<<"$seen") $(
		field X-Request-ID <<<"$seen") $(field X-Sluice-TLS <<<"$seen")" \
	"192.0.2.7 https given tls1"
unlike "but an id that is markup is replaced" "$(get /nothing --interface 127.0.0.99 \
	-H 'X-Request-ID: <b>x</b>')" '<b>x'
is "both servers are used" "$(for _ in 1 2 3 4; do
	app /name
	echo
done | sort -u | xargs)" "app1 app2"

# --- streams --------------------------------------------------------------------

head -c 50000000 /dev/urandom >"$net_dir/upload"
is "an upload arrives whole" "$(app /sum -T "$net_dir/upload" -X POST | tail -n 1)" \
	"50000000 $(sha256sum <"$net_dir/upload" | cut -d ' ' -f 1)"
expected=$(app /bytes/30000000 | sha256sum)
is "a slow client gets all of it" \
	"$(app /bytes/30000000 --limit-rate 20M | sha256sum)" "$expected"
is "in chunks too" "$(app /chunked/30000000 | sha256sum)" "$expected"
below "and the worker's memory stays small" "$(rss)" "$memory_max"
is "an HTTP/1.0 client gets chunks without framing" "$(app /chunked/1000 -0 | wc -c)" 1000

# --- servers that fail ----------------------------------------------------------

is "a server that is silent: 504" "$(app_status /slow/5)" 504
is "one that hangs up: 502" "$(app_status /drop)" 502
is "one that talks nonsense: 502" "$(app_status /garbage)" 502
like "with a page" "$(app /drop)" '<h1><span>502</span> Bad Gateway</h1>'
like "or JSON" "$(app /drop -H 'Accept: application/json')" '"status":502'
app /cut >/dev/null 2>&1
like "one that breaks off breaks off here" "$?" '^(18|56)$'

stop app1 KILL
is "a dead server is not noticed" "$(for _ in $(seq 40); do
	app_status /name
	echo
done | sort | uniq -c | xargs)" "40 200"
stop app2 KILL
is "without any: 503" "$(app_status /name)" 503
like "with a page" "$(app /name)" '<h1><span>503</span> Service Unavailable</h1>'
is "files are served all the same" "$(status /file.bin)" 200
app_start app1
# shellcheck disable=SC2317 # called by name
app_is_well() {
	[ "$(app_status /name)" = 200 ]
}
check "and it is used again when it returns" within 3 app_is_well
app_start app2
like "the log says who answered" \
	"$(logged 'select(.target == "/name" and .status == 200) | .server' | sort -u | xargs)" app1

# --- reload and crash under load ------------------------------------------------

# load SECONDS: GETs of a file and of the application on 8 connections; prints what failed.
load() {
	python3 tests/e2e/tools/load.py "$at" 80 8 "$1" a /file.bin app /name
}

load 6 >"$net_dir/load" &
load_pid=$!
sleep 1
for _ in 1 2 3; do
	kill -HUP "${net_pids[web]}"
	sleep 1
done
wait "$load_pid"
like "no request fails while it is reloaded three times" "$(cat "$net_dir/load")" \
	'^[0-9]{3,} requests, 0 failed$'
is "three reloads went well" \
	"$(metric 'sluice_worker_reloads_total{result="ok"}')" 3

echo "sites: nonsense" >"$net_dir/web.yaml"
kill -HUP "${net_pids[web]}"
# shellcheck disable=SC2317 # called by name
reload_failed() {
	[ "$(metric 'sluice_worker_reloads_total{result="failed"}')" = 1 ]
}
check "a wrong file is counted" within 3 reload_failed
is "and it is served as before" "$(status /file.bin)" 200

exec 7< <(printf 'GET %s HTTP/1.1\r\nHost: %s\r\n\r\n' /healthz a /slow/1 app |
	timeout 10 ncat --no-shutdown $at 80 2>/dev/null)
IFS= read -r -t 5 -u 7 answered
started=$(now_ms)
kill -TERM "${net_pids[web]}"
wait "${net_pids[web]}"
is "it ends in order" $? 0
unset "net_pids[web]"
below "as soon as what ran is done" $(($(now_ms) - started)) 3000
is "which was answered" "${answered%$'\r'} $(grep -c '^HTTP/1.1 200' <&7)" "HTTP/1.1 200 OK 1"
