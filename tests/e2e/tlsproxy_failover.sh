#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Web servers die under the TLS proxy and return; certificates, configurations
# and workers are replaced under it: no request whose answer had not begun fails.
set -uo pipefail
# shellcheck source=tests/lib/tlsproxy_net.sh
source tests/lib/tlsproxy_net.sh

# traffic_start: GETs, one connection each and many on one, until traffic_end.
traffic_start() {
	touch "$net_dir/traffic"
	while [ -e "$net_dir/traffic" ]; do
		get /name -o /dev/null -w '%{http_code} %{errormsg}\n' 2>/dev/null
	done >"$net_dir/single" &
	net_pids[single]=$!
	while [ -e "$net_dir/traffic" ]; do
		get '/name?[1-50]' -o /dev/null -w '%{http_code} %{errormsg}\n' 2>/dev/null
	done >"$net_dir/kept" &
	net_pids[kept]=$!
	sleep 0.3
}

# traffic_end DESCRIPTION
traffic_end() {
	local all
	sleep 0.3
	rm "$net_dir/traffic"
	wait "${net_pids[single]}" "${net_pids[kept]}"
	unset 'net_pids[single]' 'net_pids[kept]'
	all=$(cat "$net_dir/single" "$net_dir/kept")
	is "$1: of $(wc -l <<<"$all") GETs none fails" "$(grep -vc '^200' <<<"$all")" 0
	grep -v '^200' <<<"$all" | sort | uniq -c | sed 's/^/# /'
}

# answered_by: the servers that answer a few requests.
answered_by() {
	get '/name?[1-8]' -w '\n' | sort -u | xargs
}

answers() {
	[ "$(answered_by)" = "$1" ]
}

serial() {
	session -no_ticket </dev/null | openssl x509 -noout -serial
}

# serves GENERATION
serves() {
	grep -q "event=serving generation=$1 " "$net_dir/log"
}

# all_up: each worker, and the monitor.
all_up() {
	local up
	up=$(curl -s http://127.0.0.1:9100/metrics | grep -c '^sluice_worker_up{.* 1$')
	[ "$up" -eq $(($(metric sluice_worker_wanted) + 1)) ]
}

net_up
proxy_config <<<"$certificates"
proxy_start

# --- web servers --------------------------------------------------------------------

is "both servers answer" "$(answered_by)" "web1 web2"
traffic_start
stop web1 KILL
check "the other one answers" within 3 answers web2
web_start web1
check "the first one answers again when it returns" within 3 answers "web1 web2"
traffic_end "a server died and returned"
check "requests were tried again" \
	test "$(metric 'sluice_upstream_retried_total{upstream="web",server="web2"}')" -ge 1

stop web1 KILL
stop web2 KILL
is "without any server the answer is 503" "$(status /name)" 503
like "with a time to come back" "$(get /name -D -)" 'Retry-After: 5'
web_start web1
web_start web2
check "and then all is well again" within 3 answers "web1 web2"

stop web2 KILL
ncat -lk 127.0.0.2 80 >/dev/null &
net_pids[web2]=$!
check "a server that is silent is left" within 5 answers web1
stop web2
web_start web2
check "until it speaks" within 3 answers "web1 web2"

# --- certificates and configurations ------------------------------------------------------

old=$(serial)
traffic_start
certificate site www.example.net
for generation in 2 3 4; do
	kill -HUP "${net_pids[proxy]}"
	check "generation $generation serves" within 5 serves $generation
done
unlike "a new certificate is served" "$(serial)" "$old"
traffic_end "three reloads"

openssl ecparam -genkey -name prime256v1 -noout -out "$net_dir/site.key"
new=$(serial)
kill -HUP "${net_pids[proxy]}"
check "a key that does not fit is reported" within 3 \
	grep -q 'site.key: the private key is not that of the certificate' "$net_dir/log"
is "and the old certificate is still served" "$(serial)" "$new"
certificate site www.example.net

# --- workers ------------------------------------------------------------------------------

for _ in 1 2 3; do
	kill -KILL "$(pgrep -P "${net_pids[proxy]}" | head -n 1)"
	sleep 0.3
done
check "children that are killed are replaced" within 5 all_up
is "and serve" "$(status /name)" 200

get /slow/1 -o "$net_dir/late" &
late=$!
sleep 0.3
stop proxy
wait $late
is "a request that runs is finished before the end" "$(cat "$net_dir/late")" late
