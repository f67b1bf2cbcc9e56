#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# Backends are checked by TCP, HTTP and TLS; what one balancer sees, both put in
# force; a balancer that sees nothing at all is not believed.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/agent_net.sh
source tests/lib/agent_net.sh

backends='backends: {be1: {}, be2: {}}'
timing='interval: 400ms, timeout: 380ms, rise: 2, fall: 2'

write_config() {
	announce="by-tcp, by-http, by-tls" cluster_write <<-YAML
		services:
		  by-tcp:
		    {vips: ["$vip4:1001"], proto: tcp, forward: ipip, $backends,
		     check: {type: tcp, via: direct, port: 7, $timing}}
		  by-http:
		    {vips: ["$vip4:1002"], proto: tcp, forward: ipip, $backends,
		     check: {type: http, via: direct, port: 80, path: ${1:-/up},
			     name: www.example.com, $timing}}
		  by-tls:
		    {vips: ["$vip4:1003"], proto: tcp, forward: ipip, $backends,
		     check: {type: tls, via: direct, port: 443, name: www.example.com, $timing}}
	YAML
}

servers_start() {
	tcp_start "$1"
	start "http-$1" "$1" python3 -m http.server --directory "$net_dir/www" 80
	tls_start "$1"
}

# A long queue: on a busy machine the kernel answers before the server does.
tcp_start() {
	start "tcp-$1" "$1" python3 -c 'if True:
		import socket
		server = socket.create_server(("", 7), backlog=512)
		while True:
		    server.accept()[0].close()'
}

# Not openssl s_server: it waits for one client at a time, and a client may have lost its link.
tls_start() {
	start "tls-$1" "$1" python3 "$net_dir/tls.py" "$net_dir/cert.pem" "$net_dir/cert.key"
}

# up_on NODE [SERVICE]: as NODE's data plane has them, every backend of it, or of all.
up_on() {
	on "$1" "$build/lbctl" --node "$1" -j status |
		jq -e --arg service "${2:-}" '[.services[] |
			select($service == "" or .service == $service) |
			.backends[].health == "up"] | all'
}

# soon COMMAND...: the promise is 2 s; a busy test machine gets more, and says so.
soon() {
	local started
	started=$(date +%s%N)
	within 10 "$@" || return
	echo "# after $((($(date +%s%N) - started) / 1000000)) ms"
}

all_up() {
	up_on lb1 "${1:-}" && up_on lb2 "${1:-}"
}

mkdir "$net_dir/www" && touch "$net_dir/www/up"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=nobody -keyout "$net_dir/cert.key" -out "$net_dir/cert.pem" 2>/dev/null
cat >"$net_dir/tls.py" <<-'PYTHON'
	import http.server, ssl, sys
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(*sys.argv[1:])
	server = http.server.ThreadingHTTPServer(("", 443), http.server.BaseHTTPRequestHandler)
	server.socket = context.wrap_socket(
	    server.socket, server_side=True, do_handshake_on_connect=False)
	server.serve_forever()
PYTHON
net_up
write_config
servers_start be1
servers_start be2
apply lb1 lb2 || not_ok "the configuration is applied"
agent_start lb1
agent_start lb2

check "backends that answer are up" within 10 all_up
check "they stay up" during 2 all_up by-tcp

# be2 comes back from maintenance, on one balancer a moment later than on the other.
for lb in lb1 lb2; do
	on $lb "$build/lbctl" --node $lb vip set "$vip4:1001" slow-start 4s
	on $lb "$build/lbctl" --node $lb backend drain by-tcp be2
done
starts_slowly() {
	on "$1" "$build/lbctl" --node "$1" -j status |
		jq -e '.services[] | select(.service == "by-tcp") | .backends[1].share_percent |
			. > 0 and . < 50' >/dev/null
}
ratio() {
	metrics "$1" |
		sed -n 's/^sluice_backend_share_ratio{service="by-tcp",backend="be2"} //p'
}
caught_up() {
	local share
	share=$(ratio lb2)
	[ "$share" != 0.1 ] && [ "$share" = "$(ratio lb1)" ]
}
on lb1 "$build/lbctl" --node lb1 backend undrain by-tcp be2
check "a backend that is undrained starts slowly" starts_slowly lb1
sleep 2
on lb2 "$build/lbctl" --node lb2 backend undrain by-tcp be2
check "a balancer that comes late takes up its share where the other is" within 1 caught_up
check "and it gets all of its share in the end" within 10 share_both by-tcp 50

kill -STOP "${net_pids[http-be2]}"
check "a backend whose HTTP server hangs is down soon" soon health_both by-http be2 down
check "its other services are not touched" health_both by-tls be2 up
kill -CONT "${net_pids[http-be2]}"
check "it is up again when it answers" within 10 health_both by-http be2 up

stop tls-be2
check "a backend without its TLS server is down soon" soon health_both by-tls be2 down
start tls-be2 be2 python3 -m http.server 443
check "a server that speaks no TLS does not make it up" during 2 health_both by-tls be2 down
stop tls-be2
tls_start be2
check "it is up again with TLS" within 10 health_both by-tls be2 up

# Only lb1 loses its way to be2; lb2 must follow.
on be2 ip route add prohibit 10.10.1.11
check "what one balancer sees down, both have down" soon health_both by-tcp be2 down
on lb2 curl -s -o /dev/null http://10.10.1.22:80/up || not_ok "lb2 still reaches be2"
on be2 ip route del prohibit 10.10.1.11
check "and up again, both" within 10 health_both by-tcp be2 up

# lb1 loses its way to every backend, not to lb2.
on lb1 ip route add prohibit 10.10.1.21
on lb1 ip route add prohibit 10.10.1.22
check "a balancer that sees nothing is not believed, not for a moment" during 3 all_up by-tcp
check "and announces itself as unwell" within 10 is_announced lb1 "$vip4" 1000
check "the other one goes on" is_announced lb2 "$vip4" 100
on lb1 ip route del prohibit 10.10.1.21
on lb1 ip route del prohibit 10.10.1.22
check "its way back blames nobody" during 2 all_up by-tcp
check "it is well again" within 10 is_announced lb1 "$vip4" 100

# lb1's link goes and comes, at different moments of its checks.
flaps() {
	local pause

	for pause in 0.9 1.3 1.7; do
		ip -n "$net_name-sw" link set lb1 down
		sleep "$pause"
		ip -n "$net_name-sw" link set lb1 up
		sleep 1.5
	done
}
flaps &
check "a link that flaps costs the other balancer nothing" during 10 up_on lb2 by-tcp
wait $!
check "and the balancer is well again" within 10 is_announced lb1 "$vip4" 100

# Nobody sees a backend.
for name in tcp-be1 tcp-be2; do stop "$name"; done
check "when no balancer sees a backend, panic is said" \
	within 10 metric lb1 'sluice_health_panic{service="by-tcp"}' 1
check "and every backend serves, as none is better" during 1 share_both by-tcp 50
check "and it is announced as unwell, not withdrawn" within 10 is_announced lb2 "$vip4" 1000
for be in be1 be2; do tcp_start "$be"; done
check "panic ends" within 10 metric lb1 'sluice_health_panic{service="by-tcp"}' 0

# A path that is not there: a new configuration is followed by itself.
write_config /missing
apply lb1 lb2 || not_ok "the second configuration is applied"
check "a changed check is followed" within 10 metric lb1 'sluice_health_panic{service="by-http"}' 1
check "by the other balancer as well" \
	within 10 metric lb2 'sluice_health_panic{service="by-http"}' 1
exit "$net_failed"
