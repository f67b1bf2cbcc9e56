# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # for the tests
# A TLS proxy (192.0.2.10) before two web servers (web1, web2), all in one network
# namespace that ends with the test; clients have the address 192.0.2.1.
#
#   source tests/lib/tlsproxy_net.sh
#   net_up; proxy_config <<<"more: keys"; proxy_start; ...; the trap ends everything.

if [ -z "${TLSPROXY_NET:-}" ]; then
	TLSPROXY_NET=1 exec unshare --net --mount-proc --fork --pid --kill-child "$0" "$@"
fi

# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
# shellcheck source=tests/lib/processes.sh
source tests/lib/processes.sh

build=$PWD/${BUILD:-build}
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-tlsproxy.XXXXXX")
vip=192.0.2.10
export ASAN_OPTIONS=quarantine_size_mb=1 # where a sanitized proxy is measured

# --- the network ---------------------------------------------------------------

# certificate NAME HOSTS...: NAME.crt and NAME.key; signed by ca.crt.
certificate() {
	local name=$1 kind=(ec -pkeyopt ec_paramgen_curve:P-256) names
	shift
	[ "$name" != rsa ] || kind=(rsa:2048)
	names=$(printf ',DNS:%s' "$@")
	openssl req -x509 -CA "$net_dir/ca.crt" -CAkey "$net_dir/ca.key" -days 2 \
		-newkey "${kind[@]}" -noenc -subj "/CN=$name" \
		-addext "subjectAltName=${names:1}" -addext 'basicConstraints=critical,CA:false' \
		-keyout "$net_dir/$name.key" -out "$net_dir/$name.crt" 2>/dev/null
}

ticket_key() {
	openssl rand 80 | base64 -w 0
	echo
}

web_start() {
	local name=$1
	python3 tests/e2e/tools/origin.py "$name" "127.0.0.${name#web}" 80 &
	net_pids[$name]=$!
	within 5 ncat -z "127.0.0.${name#web}" 80
}

net_up() {
	ip link set lo up
	ip address add 192.0.2.1/32 dev lo
	ip address add $vip/32 dev lo
	ip address add 192.0.2.11/32 dev lo
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=ca \
		-keyout "$net_dir/ca.key" -out "$net_dir/ca.crt" 2>/dev/null
	certificate site www.example.net example.net
	ticket_key >"$net_dir/tickets"
	web_start web1
	web_start web2
}

net_down() {
	local name
	for name in "${!net_pids[@]}"; do
		stop "$name"
	done
	if [ -e "$net_dir/log" ] && grep -E 'runtime error|Sanitizer' "$net_dir/log" >&2; then
		not_ok "sanitizers find no fault"
	fi
	rm -rf "$net_dir"
	exit "$net_failed"
}
trap net_down EXIT
trap 'exit 130' INT TERM HUP

# --- the proxy -----------------------------------------------------------------

# proxy_config: its file, with more keys from standard input that come before.
proxy_config() {
	{
		cat
		cat <<-YAML
			node: tls1
			workers: 2
			drain: 5s
			metrics: "127.0.0.1:9100"
			access-log: $net_dir/access.log
			listen:
			  - {address: "$vip:443", tls: true}
			  - {address: "$vip:80", redirect: true}
			upstream:
			  servers: {web1: 127.0.0.1:80, web2: 127.0.0.2:80}
			  response-timeout: 2s
			  check: {path: /name, interval: 200ms, timeout: 1s}
		YAML
	} >"$net_dir/proxy.yaml"
}

certificates='certificates: [{chain: DIR/site.crt, key: DIR/site.key}]'
certificates=${certificates//DIR/$net_dir}

proxy_is_well() {
	curl -sf --max-time 2 "http://127.0.0.1:9100/healthz"
}

proxy_start() {
	"$build/sluice-tlsproxy" --config "$net_dir/proxy.yaml" 2>>"$net_dir/log" &
	net_pids[proxy]=$!
	within 5 proxy_is_well || {
		not_ok "the proxy starts" "$(cat "$net_dir/log")"
		exit 1
	}
}

proxy_stop() {
	stop proxy
}

# --- clients -------------------------------------------------------------------

# get PATH [CURL-OPTION]...: over TLS, the certificate verified.
get() {
	local path=$1
	shift
	curl -sS --max-time 30 --cacert "$net_dir/ca.crt" --interface 192.0.2.1 \
		--resolve "www.example.net:443:$vip" "https://www.example.net$path" "$@"
}

# status PATH [CURL-OPTION]...
status() {
	get "$@" -o /dev/null -w '%{http_code}'
}

# session [OPTION]...: an openssl client; standard input goes to the server. It goes to
# the address $at and asks for the host $host ("": for none).
at=$vip
host=www.example.net
session() {
	local name=(-noservername)
	[ -z "$host" ] || name=(-servername "$host")
	timeout 10 openssl s_client -connect "$at:443" "${name[@]}" \
		-CAfile "$net_dir/ca.crt" "$@" 2>&1
}

# raw [SECONDS]: bytes over TLS as they are, until the server closes or time is over.
raw() {
	{
		cat
		sleep "${1:-2}"
	} | timeout "${1:-2}" openssl s_client -connect "$vip:443" -servername www.example.net \
		-quiet -no_ign_eof 2>/dev/null
}

# metric NAME: one sample's value.
metric() {
	curl -s --max-time 5 http://127.0.0.1:9100/metrics |
		awk -v name="$1" '$1 == name { print $2 }'
}

# logged EXPRESSION: the access log through jq, once what was written lately is in it.
logged() {
	sleep 0.7
	jq -r "$1" "$net_dir/access.log"
}
