#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# The processes of a daemon, shown on the web server: what they may do, and that
# clients notice nothing of deaths, reloads, rotated logs, and little of its end.
set -uo pipefail

[ -n "${DAEMON_ISOLATED:-}" ] ||
	DAEMON_ISOLATED=1 exec unshare --net --mount-proc --fork --pid --kill-child "$0" "$@"

build=$PWD/${BUILD:-build}
dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-daemon.XXXXXX")
failed=0
master=''
url=http://127.0.0.1:8080
metrics=http://127.0.0.1:9101/metrics

ok() {
	echo "ok - $1"
}

not_ok() {
	echo "not ok - $1${2:+: $(head -c 600 <<<"$2" | paste -sd ' ')}"
	failed=1
}

# is TEXT SEEN EXPECTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "seen \"$2\", expected \"$3\""; fi
}

# check TEXT COMMAND...
check() {
	local what=$1 seen
	shift
	if seen=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$seen"; fi
}

# within SECONDS COMMAND...: until it succeeds.
within() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.02
	done
}

finish() {
	[ -z "$master" ] || kill -KILL "$master" 2>/dev/null
	rm -rf "$dir"
	exit "$failed"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# --- the daemon ------------------------------------------------------------------

# configure [MORE]: its file; one site of files.
configure() {
	cat >"$dir/web.yaml" <<-YAML
		node: web1
		listen: [127.0.0.1:8080]
		metrics: 127.0.0.1:9101
		access-log: $dir/access.log
		sites: [{hosts: ["*"], routes: [{path: /, files: $dir/files}]}]
		${1:-workers: 2}
	YAML
}

start() {
	"$build/sluice-web" --config "$dir/web.yaml" 2>"$dir/log" &
	master=$!
	within 5 serves 1 || {
		not_ok "the daemon starts" "$(cat "$dir/log")"
		exit 1
	}
}

# serves GENERATION
serves() {
	grep -q "event=serving generation=$1 " "$dir/log"
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
	touch "$dir/traffic"
	while [ -e "$dir/traffic" ]; do
		curl -s -o "$dir/body" -w '%{http_code} %{exitcode}\n' "$url/small"
	done >"$dir/single" &
	clients=($!)
	while [ -e "$dir/traffic" ]; do
		curl -s -o /dev/null -w '%{http_code} %{exitcode}\n' "$url/small?[1-50]"
	done >"$dir/kept" &
	clients+=($!)
	sleep 0.3
}

# traffic_end TEXT
traffic_end() {
	local all
	sleep 0.3
	rm "$dir/traffic"
	wait "${clients[@]}"
	all=$(cat "$dir/single" "$dir/kept")
	is "$1: of $(wc -l <<<"$all") GETs none fails" "$(grep -vc '^200 0' <<<"$all")" 0
	sort <<<"$all" | uniq -c | sed 's/^/# /'
}

ip link set lo up
mkdir "$dir/files"
chmod 755 "$dir" "$dir/files"
echo small >"$dir/files/small"
head -c 50000000 /dev/urandom >"$dir/files/large"
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
check "a wrong file is told" within 5 grep -q 'unknown key "wrokers" (did you mean' "$dir/log"
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
asked=$(wc -l <"$dir/access.log")
: >"$dir/access.log"
traffic_start
for i in 1 2 3; do
	mv "$dir/access.log" "$dir/access.log.$i"
	kill -USR1 "$master"
	check "log $i is opened anew" within 5 test -e "$dir/access.log"
	sleep 0.3
done
traffic_end "logs were rotated"
lines() {
	cat "$dir"/access.log* | wc -l
}
all_logged() {
	[ "$(lines)" -eq "$(cat "$dir/single" "$dir/kept" | wc -l)" ]
}
check "every request is in one of the logs" within 3 all_logged
echo "# $(lines) lines"
check "each line is JSON" sh -c "cat '$dir'/access.log* | jq -e . >/dev/null"
check "there were lines before" test "$asked" -gt 100

# --- the end ---------------------------------------------------------------------------

curl -s --limit-rate 20M -o "$dir/got" "$url/large" &
client=$!
sleep 0.3
kill -TERM "$master"
sleep 0.2
curl -s --max-time 2 "$url/small" >/dev/null
is "while it ends, new connections are refused" $? 7
is "and the monitor says so" "$(curl -s http://127.0.0.1:9101/healthz)" draining
wait "$client"
is "a download that runs is finished" $? 0
check "and is whole" cmp "$dir/files/large" "$dir/got"
wait "$master"
is "then the daemon ends, with 0" $? 0
master=''
