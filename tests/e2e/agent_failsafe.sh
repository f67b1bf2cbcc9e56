#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# An agent may be killed, restarted, or left without its peers, its key or its
# data plane: what is in force stays in force, and nothing forged is believed.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/agent_net.sh
source tests/lib/agent_net.sh

settled() {
	health lb1 www be1 up && health lb1 www be2 down && is_announced lb1 "$vip4" 100
}

refused_more_than() {
	local count
	count=$(metrics lb2 | sed -n "s/^sluice_view_refused_total{reason=\"$1\"} //p")
	[ "${count:-0}" -gt "$2" ]
}

# Takes one of lb1's datagrams to lb2 and sends it twice again, the second time changed.
replay() {
	on lb2 python3 - <<-'PYTHON'
		import socket, time
		raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
		raw.settimeout(5)
		while True:
		    packet = raw.recv(65535)
		    if packet[12:16] == bytes([10, 10, 1, 11]) and packet[28:31] == b"SLV":
		        break
		time.sleep(0.5)
		out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		changed = bytearray(packet[28:])
		changed[-40] ^= 1
		for payload in packet[28:], bytes(changed), b"nonsense":
		    out.sendto(payload, ("10.10.1.12", 9103))
	PYTHON
}

exits_with() {
	local expected=$1 code=0
	shift
	"$@" 2>>"$net_dir/exits.log" || code=$?
	[ "$code" -eq "$expected" ]
}

agent_ends() {
	kill -TERM "${net_pids[agent-lb1]}"
	exits_with 0 wait "${net_pids[agent-lb1]}"
}

notified() {
	NOTIFY_SOCKET=$net_dir/notify WATCHDOG_USEC=400000 start agent-lb1 lb1 \
		"$build/sluice-agent" --node lb1
	timeout 5 python3 - "$net_dir/notify" <<-'PYTHON'
		import socket, sys
		server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		server.bind(sys.argv[1])
		wanted = [b"WATCHDOG=1", b"WATCHDOG=1"]
		while wanted:
		    wanted.remove(server.recv(100))
	PYTHON
}

net_up
cluster_write <<-YAML
	services:
	  www:
	    vips: ["$vip4:443"]
	    proto: tcp
	    forward: ipip
	    backends: {be1: {}, be2: {}}
	    check: {type: tcp, via: direct, port: 7, interval: 300ms, timeout: 280ms}
YAML
start server-be1 be1 python3 -m http.server 7
apply lb1 lb2 || not_ok "the configuration is applied"
agent_start lb1
agent_start lb2
check "a backend without server goes down" within 10 settled

check "a second agent of a node is refused" exits_with 2 on lb1 "$build/sluice-agent" --node lb1
check "and so is an option cut short" exits_with 1 on lb1 "$build/sluice-agent" --nod lb1
agent_stop lb1 KILL
check "a killed agent leaves health and announcement" during 2 settled
start server-be2 be2 python3 -m http.server 7
check "even when the truth changes" during 1 settled
stop server-be2
agent_start lb1
check "an agent that starts takes over what is in force" during 3 settled

check "no word of a peer, and the own view decides" within 5 metric lb1 sluice_view_peers 1
agent_stop lb2 KILL
check "a silent peer counts no more after a second" within 5 metric lb1 sluice_view_peers 0
check "and changes nothing" settled
agent_start lb2
check "it counts again when it speaks" within 5 metric lb1 sluice_view_peers 1

check "a datagram of a peer is seen, and sent again" replay
check "a datagram sent again is refused" within 2 refused_more_than replay 0
check "a changed one as well" within 2 refused_more_than signature 0
check "and what is none" within 2 refused_more_than malformed 0
check "the peer is still heard" metric lb2 sluice_view_peers 1

agent_stop lb2
mv "$net_dir/key" "$net_dir/key.away"
agent_start lb2
check "without the key the exchange is off" during 2 metric lb2 sluice_view_peers 0
check "and the log says so" grep -q 'event=off reason="key .*No such file' "$net_dir/agent-lb2.log"
openssl rand -hex 32 >"$net_dir/key"
check "another key is not ours" within 5 refused_more_than signature 0
check "and its owner is not heard" metric lb2 sluice_view_peers 0
agent_stop lb2
mv "$net_dir/key.away" "$net_dir/key"
agent_start lb2
check "with the key they are heard again" within 5 metric lb2 sluice_view_peers 1

rm -r "${SLUICE_PIN_ROOT:?}/lb1"
check "an agent whose data plane is gone says so" within 5 metric lb1 sluice_configured 0
apply lb1
check "and takes up the new one" within 5 metric lb1 sluice_configured 1
check "with its own view of it" within 10 settled

check "SIGTERM ends it well" agent_ends
unset "net_pids[agent-lb1]"
check "and withdraws nothing" settled
check "the service manager hears that it lives" notified
exit "$net_failed"
