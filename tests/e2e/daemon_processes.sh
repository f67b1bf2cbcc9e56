#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# The processes of a daemon, shown on the web server: what they may do, and that
# clients notice nothing of deaths, reloads, rotated logs, and little of its end.
set -uo pipefail

[ -n "${DAEMON_ISOLATED:-}" ] ||
	DAEMON_ISOLATED=1 exec unshare --net --mount-proc --fork --pid --kill-child "$0" "$@"

# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh

build=$PWD/${BUILD:-build}
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-daemon.XXXXXX")
master=''
url=http://127.0.0.1:8080
metrics=http://127.0.0.1:9101/metrics

finish() {
	[ -z "$master" ] || kill -KILL "$master" 2>/dev/null
	rm -rf "$net_dir"
	exit "$net_failed"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# --- the daemon ------------------------------------------------------------------

# configure [MORE]: its file; one site of files.
configure() {
	cat >"$net_dir/web.yaml" <<-YAML
		node: web1
		listen: [127.0.0.1:8080]
		metrics: 127.0.0.1:9101
		access-log: $net_dir/access.log
		sites: [{hosts: ["*"], routes: [{path: /, files: $net_dir/files}]}]
		${1:-workers: 2}
	YAML
}

start() {
	"$build/sluice-web" --config "$net_dir/web.yaml" 2>"$net_dir/log" &
	master=$!
	within 5 serves 1 || {
		not_ok "the daemon starts" "$(cat "$net_dir/log")"
		exit 1
	}
}

# serves GENERATION
serves() {
	grep -q "event=serving generation=$1 " "$net_dir/log"
}

# reload GENERATION [MORE]: with another file; waits until it is served.
reload() {
	configure "${@:2}"
	kill -HUP "$master"
	within 5 serves "$1"
}

workers() {
	pgrep -P "$master" -f . | while read -r pid; do
		[[ $(cat "/proc/$pid/comm") != *": w"* ]] || echo "$pid"
	done
}

metric() {
	curl -s --max-time 2 "$metrics" | sed -n "s/^$1 //p"
}

# --- clients ---------------------------------------------------------------------

# traffic_start: GETs, one connection each and many on one, until traffic_end.
traffic_start() {
	touch "$net_dir/traffic"
	while [ -e "$net_dir/traffic" ]; do
		curl -s -o "$net_dir/body" -w '%{http_code} %{exitcode}\n' "$url/small"
	done >"$net_dir/single" &
	clients=($!)
	while [ -e "$net_dir/traffic" ]; do
		curl -s -o /dev/null -w '%{http_code} %{exitcode}\n' "$url/small?[1-50]"
	done >"$net_dir/kept" &
	clients+=($!)
	sleep 0.3
}

# traffic_end TEXT
traffic_end() {
	local all
	sleep 0.3
	rm "$net_dir/traffic"
	wait "${clients[@]}"
	all=$(cat "$net_dir/single" "$net_dir/kept")
	is "$1: of $(wc -l <<<"$all") GETs none fails" "$(grep -vc '^200 0' <<<"$all")" 0
	sort <<<"$all" | uniq -c | sed 's/^/# /'
}

ip link set lo up
mkdir "$net_dir/files"
chmod 755 "$net_dir" "$net_dir/files"
echo small >"$net_dir/files/small"
head -c 50000000 /dev/urandom >"$net_dir/files/large"
configure
start

# --- what they may do --------------------------------------------------------------

is "the monitor answers that all is well" "$(curl -s http://127.0.0.1:9101/healthz)" ok
is "there are two workers" "$(workers | wc -l)" 2
for pid in $(workers); do
	is "a worker runs as nobody" \
		"$(awk '$1 == "Uid:" { print $2, $3, $4, $5 }' "/proc/$pid/status")" \
		"$(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)"
	is "without capabilities" "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$pid/status")" \
		0000000000000000
done

# --- deaths and reloads --------------------------------------------------------------

traffic_start
for generation in 2 3 4 5 6 7; do
	check "generation $generation serves" \
		reload "$generation" "workers: $((generation % 3 + 1))"
done
configure "wrokers: 2"
kill -HUP "$master"
check "a wrong file is told" within 5 grep -q 'unknown key "wrokers" (did you mean' "$net_dir/log"
check "and counted" test "$(metric sluice_worker_last_reload_ok)" = 0
traffic_end "configurations followed each other"

configure
before=$(metric sluice_worker_restarts_total)
for pid in $(workers); do
	kill -SEGV "$pid"
done
check "after all workers have died, the next request is answered" \
	curl -sf --max-time 5 -o /dev/null "$url/small"
check "they were replaced" within 5 test "$(metric sluice_worker_restarts_total)" -gt "$before"

# --- the access log --------------------------------------------------------------------

sleep 1 # until what was asked so far is written
asked=$(wc -l <"$net_dir/access.log")
: >"$net_dir/access.log"
traffic_start
for i in 1 2 3; do
	mv "$net_dir/access.log" "$net_dir/access.log.$i"
	kill -USR1 "$master"
	check "log $i is opened anew" within 5 test -e "$net_dir/access.log"
	sleep 0.3
done
traffic_end "logs were rotated"
lines() {
	cat "$net_dir"/access.log* | wc -l
}
all_logged() {
	[ "$(lines)" -eq "$(cat "$net_dir/single" "$net_dir/kept" | wc -l)" ]
}
check "every request is in one of the logs" within 3 all_logged
echo "# $(lines) lines"
check "each line is JSON" sh -c "cat '$net_dir'/access.log* | jq -e . >/dev/null"
check "there were lines before" test "$asked" -gt 100

# --- the end ---------------------------------------------------------------------------

curl -s --limit-rate 20M -o "$net_dir/got" "$url/large" &
client=$!
sleep 0.3
kill -TERM "$master"
sleep 0.2
curl -s --max-time 2 "$url/small" >/dev/null
is "while it ends, new connections are refused" $? 7
is "and the monitor says so" "$(curl -s http://127.0.0.1:9101/healthz)" draining
wait "$client"
is "a download that runs is finished" $? 0
check "and is whole" cmp "$net_dir/files/large" "$net_dir/got"
wait "$master"
is "then the daemon ends, with 0" $? 0
master=''
