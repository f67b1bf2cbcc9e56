#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# The flows of a firewall and of a balancer: shown, found by what they are, counted, killed.
# A connection whose flow is killed is cut by a strict firewall, and others notice nothing.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# flows WORD...: "client state" of those that the words say, sorted.
flows() {
	query '.flows[] | "\(.client) \(.state)"' flows show "$@" | sort | paste -sd';'
}

count() {
	query .matched flows count "$@"
}

# talk PORT FILE: a connection from that port, which says hello now and whenever FILE changes hands.
talk() {
	start client python3 -c "
import os, socket, time
s = socket.create_connection(('10.10.1.21', 80), source_address=('198.51.100.7', $1))
s.settimeout(2)
n = 0
while True:
    s.sendall(b'hello')
    if s.recv(5) != b'hello': break
    n += 1
    open('$2.new', 'w').write(str(n))
    os.rename('$2.new', '$2')
    time.sleep(0.1)"
	within 5 test -s "$2"
}

# goes_on FILE: the connection still talks.
goes_on() {
	local before
	before=$(<"$1")
	sleep 0.5
	[[ $(<"$1") != "$before" ]]
}

net_up
start server python3 -c "
import socket, threading
def echo(c):
    while c.sendall(c.recv(5) or exit()) is None: pass
s = socket.create_server(('', 80))
while True: threading.Thread(target=echo, args=s.accept()[:1], daemon=True).start()"
within 5 on server bash -c ': </dev/tcp/127.0.0.1/80'
gateway_write ''
done_by "host setup" host setup file "$config"
lbctl apply -f "$config" || not_ok "apply: $stderr"
is "no flows yet" "$(count table firewall)" 0
talk 5001 "$net_dir/one"
talk 5002 "$net_dir/two"

is "all flows" "$(flows)" "198.51.100.7:5001 established;198.51.100.7:5002 established"
is "what is said of one" \
	"$(query '.flows[] | [.proto, .server, .rule, .table, .left_s > 7000] | @csv' \
		flows show port 5001)" '"tcp","10.10.1.21:80","web","firewall",true'
for words in "client 198.51.100.0/24" "server 10.10.1.21" "addr 10.10.1.0/24" "port 80" \
	"port 5001-5002" "proto tcp" "state established" "table firewall"; do
	# shellcheck disable=SC2086 # words
	is "found by $words" "$(count $words)" 2
done
for words in "client 10.10.1.21" "addr 203.0.113.0/24" "port 81" "proto udp" "state opening" \
	"table balancer"; do
	# shellcheck disable=SC2086 # words
	is "not by $words" "$(count $words)" 0
done
is "no more than asked for" "$(query '[.matched, .shown] | @csv' flows show limit 1)" "2,1"
like "as text" "$(on gw "$build/lbctl" --node gw flows show port 5001)" \
	'flows 1 .*tcp +198.51.100.7:5001 +10.10.1.21:80 +established'
is "counted by state" "$(query '.states[] | select(.state == "established").flows' flows count)" 2

refused "to kill without saying what" 1 'expected which flows, or "all"' flows kill
refused "a state that is none" 1 'state "openin": expected one of opening.*did you mean "opening"' \
	flows count state openin
is "kill one" "$(query .killed flows kill port 5001)" 1
is "it is gone" "$(flows)" "198.51.100.7:5002 established"
sleep 1
check "its connection is cut" not goes_on "$net_dir/one"
check "the other goes on" goes_on "$net_dir/two"
like "as packets of no flow" "$(query '[.drops[].reason] | join(" ")' drops)" 'no-flow'

# --- a balancer ------------------------------------------------------------------

for interface in wan lan; do
	done_by "detach $interface" detach dev "$interface"
done
cat >"$net_dir/changes" <<-TEXT
	vip add 192.0.2.10:80 name www
	vip add [2001:db8:2::10]:80 name www
	vip add 192.0.2.11:8000-8099 name www
	backend add www one address 10.10.1.21,fd00:10:1::21
TEXT
done_by "services" batch "$net_dir/changes"
done_by "host setup of a balancer" host setup dev wan role balancer
lbctl attach dev wan role balancer
is "attach" "$code $stderr" "0 "
for to in 192.0.2.10/80 2001:db8:2::10/80 192.0.2.11/8042; do
	on client timeout 0.3 bash -c ": </dev/tcp/$to"
done 2>/dev/null
is "its flows, those of IPv6 and of a range of ports as well" \
	"$(query '.flows[] | "\(.server) \(.service) \(.backend) \(.state)"' \
		flows show table balancer | sort | paste -sd';')" \
	"192.0.2.10:80 www one opening;192.0.2.11:8042 www one opening;[2001:db8:2::10]:80 www one opening"
is "whose clients they know" \
	"$(query '.flows[].client' flows show table balancer | sed 's/:[0-9]*$//' | sort |
		paste -sd' ')" "198.51.100.7 198.51.100.7 [2001:db8:51::7]"
for words in "vip 192.0.2.10:80" "vip 192.0.2.11:8000-8099" "client 2001:db8:51::7" "server 192.0.2.11"; do
	# shellcheck disable=SC2086 # words
	is "found by $words" "$(count table balancer $words)" 1
done
is "found by backend" "$(count table balancer backend one)" 3
is "found by the address of the backend" "$(count backend 10.10.1.21)" 3
is "found by service" "$(count service www)" 3
is "kill those of a VIP" "$(query .killed flows kill vip 192.0.2.11:8000-8099)" 1
is "they are gone" "$(count service www)" 2
on client timeout 0.3 bash -c ": </dev/tcp/192.0.2.11/8042" 2>/dev/null
is "its next packet makes it a flow again" "$(count service www)" 3
is "kill all" "$(lbctl flows kill all && count)" 0

net_result
