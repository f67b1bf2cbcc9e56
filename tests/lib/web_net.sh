# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # for the tests
# A web server (127.0.0.10:80) with a directory of files, and application servers
# app1, app2 (127.0.0.1 and .2, port 8080) behind it, in a network namespace that
# ends with the test.
#
#   source tests/lib/web_net.sh
#   web_config <<<"more: keys"; web_start; ...; the trap ends everything.

if [ -z "${WEB_NET:-}" ]; then
	WEB_NET=1 exec unshare --net --mount-proc --fork --pid --kill-child "$0" "$@"
fi
# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
# shellcheck source=tests/lib/processes.sh
source tests/lib/processes.sh

build=$PWD/${BUILD:-build}
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-web.XXXXXX")
site=$net_dir/site
at=127.0.0.10
metrics_at=127.0.0.10:9102

net_down() {
	local name said
	for name in "${!net_pids[@]}"; do
		stop "$name"
	done
	said=$(grep -A 20 'Sanitizer\|runtime error' "$net_dir/log")
	[ -z "$said" ] || not_ok "the daemon ran clean" "$said"
	rm -rf "$net_dir"
	exit "$net_failed"
}
trap net_down EXIT
trap 'exit 130' INT TERM HUP

app_start() {
	local name=$1
	python3 tests/e2e/tools/origin.py "$name" "127.0.0.${name#app}" 8080 &
	net_pids[$name]=$!
	within 5 ncat -z "127.0.0.${name#app}" 8080
}

# web_config: its file, with more keys from standard input that come before.
sites="[{hosts: '*', root: $site}]"
web_config() {
	{
		cat
		cat <<-YAML
			node: web1
			workers: 2
			drain: 5s
			user: nobody
			listen: $at:80
			metrics: "$metrics_at"
			access-log: $net_dir/access.log
			sites: $sites
		YAML
	} >"$net_dir/web.yaml"
}

upstream='upstreams:
  app:
    servers: {app1: 127.0.0.1:8080, app2: 127.0.0.2:8080}
    response-timeout: 2s
    check: {path: /name, interval: 200ms, timeout: 1s}'

web_is_well() {
	curl -sf --max-time 2 "http://$at/healthz"
}

web_start() {
	"$build/sluice-web" --config "$net_dir/web.yaml" 2>>"$net_dir/log" &
	net_pids[web]=$!
	within 5 web_is_well || {
		not_ok "the web server starts" "$(cat "$net_dir/log")"
		exit 1
	}
}

# get PATH [CURL-OPTION]...: the path goes as it is.
get() {
	local path=$1
	shift
	curl -sS --max-time 30 --path-as-is "http://$at$path" "$@"
}

status() {
	get "$@" -o /dev/null -w '%{http_code}'
}

head_of() {
	get "$@" -o /dev/null -D - | tr -d '\r'
}

# field NAME: out of a head on standard input; all of that name.
field() {
	tr -d '\r' | sed -n "s/^$1: //Ip"
}

# raw: bytes as they are, until the server closes.
raw() {
	timeout 10 ncat "$at" 80
}

metric() {
	curl -s --max-time 5 "http://$metrics_at/metrics" |
		awk -v name="$1" '$1 == name { print $2 }'
}

# logged EXPRESSION: the access log through jq, once what was written lately is in it.
logged() {
	sleep 0.7
	jq -r "$1" "$net_dir/access.log"
}

# What a worker may take, in KiB; with a sanitizer it takes more.
memory_max=20000
! grep -qa __asan_init "$build/sluice-web" || memory_max=200000

# rss: the largest resident memory of a worker, in KiB.
rss() {
	ps --ppid "${net_pids[web]}" -o rss= | sort -n | tail -n 1
}

ip link set lo up
chmod 755 "$net_dir"
mkdir "$site"
: >"$net_dir/log"
