#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 240
#
# Forwarding mode nat with real traffic: requests go through one balancer, replies come back
# through the other, which has never seen the request; ports differ; both families, TCP and UDP.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# --- a second balancer beside the first: the server's way back -----------------------------

# second_link NODE INTERFACE-OF-GW2 PREFIX4 PREFIX6 HOST: of the node's eth1, at .HOST and ::HOST.
second_link() {
	local link

	ip link add eth1 netns "$net_name-$1" type veth peer name "$2" netns "$net_name-gw2"
	net_interface "$1" eth1 "$3.$5/24" "$4::$5/64"
	net_interface gw2 "$2" "$3.1/24" "$4::1/64"
	link=$(on "$1" ip -j link show eth1 | jq -r '.[].address')
	ip -n "$net_name-gw2" neigh replace "$3.$5" lladdr "$link" dev "$2" nud permanent
	ip -n "$net_name-gw2" neigh replace "$4::$5" lladdr "$link" dev "$2" nud permanent
}

second_up() {
	ip netns add "$net_name-gw2"
	ip -n "$net_name-gw2" link set lo up
	second_link client wan 198.51.101 2001:db8:52 7
	second_link server lan 10.10.2 fd00:10:2 21
	ip -n "$net_name-gw2" route add 198.51.100.0/24 via 198.51.101.7
	ip -n "$net_name-gw2" route add 2001:db8:51::/64 via 2001:db8:52::7
	ip -n "$net_name-server" route replace default via 10.10.2.1
	ip -n "$net_name-server" -6 route replace default via fd00:10:2::1
}

lbctl2() {
	on gw2 "$build/lbctl" --node gw2 "$@"
}

cluster_write() {
	cat >"$config" <<-YAML
		sluice: 1
		cluster: test
		limits: {flows: 1024}
		services:
		  www:
		    vips: ["192.0.2.10:443", "[2001:db8:2::10]:443"]
		    forward: nat
		    backends: {server: {port: 8443}}
		  echo:
		    vips: ["192.0.2.10:53", "[2001:db8:2::10]:53"]
		    proto: udp
		    forward: nat
		    backends: {server: {port: 5353}}
		  closed:
		    vips: ["192.0.2.10:54", "[2001:db8:2::10]:54"]
		    proto: udp
		    forward: nat
		    backends: {server: {port: 5454}}
		nodes:
		  gw:
		    interfaces:
		      wan: {network: wan, address: [198.51.100.1/24, "2001:db8:51::1/64"],
		            roles: [balancer]}
		      lan: {network: lan, address: [10.10.1.1/24, "fd00:10:1::1/64"],
		            roles: [balancer]}
		  gw2:
		    interfaces:
		      wan: {network: wan2, address: [198.51.101.1/24, "2001:db8:52::1/64"],
		            roles: [balancer]}
		      lan: {network: lan2, address: [10.10.2.1/24, "fd00:10:2::1/64"],
		            roles: [balancer]}
		  server:
		    interfaces:
		      eth0: {network: lan, address: [10.10.1.21/24, "fd00:10:1::21/64"]}
	YAML
}

# --- traffic --------------------------------------------------------------------------------

servers_start() {
	head -c 300000 /dev/urandom >"$net_dir/big"
	start server python3 -m http.server --bind 10.10.1.21 --directory "$net_dir" 8443
	start server python3 -m http.server --bind fd00:10:1::21 --directory "$net_dir" 8443
	start server python3 -c 'if True:
		import select, socket
		servers = []
		for at in "10.10.1.21", "fd00:10:1::21":
		    family = socket.AF_INET6 if ":" in at else socket.AF_INET
		    servers.append(socket.socket(family, socket.SOCK_DGRAM))
		    servers[-1].bind((at, 5353))
		while True:
		    for server in select.select(servers, [], [])[0]:
		        server.sendto(*server.recvfrom(65536))'
}

# ask SOURCE VIP PORT BYTES: an echo of that many, or the error that the socket is told.
ask() {
	on client python3 -c 'if True:
		import socket, sys
		source, vip = sys.argv[1:3]
		port, count = map(int, sys.argv[3:])
		client = socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET,
		                       socket.SOCK_DGRAM)
		client.bind((source, 0))
		client.connect((vip, port))
		client.settimeout(3)
		try:
		    client.send(b"x" * count)
		    print(len(client.recv(65536)))
		except OSError as error:
		    print(type(error).__name__)' "$@"
}

# got SOURCE URL: whether the file is whole.
got() {
	on client curl -s -m 10 --interface "$1" "$2/big" | cmp - "$net_dir/big" 2>&1
}

detail() {
	printf '.steps[] | select(.step == "%s").detail' "$1"
}

net_up
second_up
cluster_write
for node in gw gw2; do
	on $node "$build/lbctl" --node $node host setup file "$config" >/dev/null 2>&1 ||
		not_ok "host setup of $node"
	on $node "$build/lbctl" --node $node apply -f "$config" >/dev/null ||
		not_ok "apply on $node"
done
servers_start
for _ in {1..50}; do
	on server ss -Hltn | grep -c :8443 | grep -q 2 && break
	sleep 0.1
done

is "TCP" "$(got 198.51.100.7 http://192.0.2.10:443)" ""
is "TCP in IPv6" "$(got 2001:db8:51::7 'http://[2001:db8:2::10]:443')" ""
is "UDP" "$(ask 198.51.100.7 192.0.2.10 53 100)" 100
is "UDP in IPv6" "$(ask 2001:db8:51::7 2001:db8:2::10 53 100)" 100
is "UDP in fragments" "$(ask 198.51.100.7 192.0.2.10 53 4000)" 4000
is "UDP in IPv6 in fragments" "$(ask 2001:db8:51::7 2001:db8:2::10 53 4000)" 4000
is "the backend's ICMP error reaches the client's socket" \
	"$(ask 198.51.100.7 192.0.2.10 54 100)" ConnectionRefusedError
is "in IPv6 too" "$(ask 2001:db8:51::7 2001:db8:2::10 54 100)" ConnectionRefusedError
is "the second balancer has seen no request, and no connection" \
	"$(lbctl2 -j vip show -s | jq '[.vips[].sent_packets] | add')" 0

# --- what lbctl says of it ------------------------------------------------------------------

is "trace: the request" "$(query "$(detail nat)" trace tcp 198.51.100.7:1234 192.0.2.10:443)" \
	'the destination becomes "server", port 8443'
is "trace: the reply" \
	"$(query "$(detail nat-reply)" trace tcp 10.10.1.21:8443 198.51.100.7:1234 dev lan)" \
	'the source becomes the VIP of "www", port 443'
is "the file is what is in force" "$(lbctl diff "$config"; echo $code)" 0
done_by "vip add" vip add 192.0.2.11:80 name more forward nat
done_by "backend add with a port" backend add more 10.10.1.31:8080
done_by "backend set" backend set more 10.10.1.31 port 8081
is "is shown" "$(query '.backends[] | "\(.address[0]) \(.port)"' backend show more)" \
	"10.10.1.31 8081"
refused "what would not tell its replies apart" 1 'VIP "192.0.2.12:80" and of VIP "192.0.2.11:80"' \
	vip add 192.0.2.12:80 name more
refused "a range of ports" 1 'expected one address and one port, for forward nat' \
	vip set 192.0.2.11:80-90 name ranges forward nat

# --- an interface that replies come in by, and that would not know them -----------------------

sed -i '/lan: {network: lan,/,/roles/s/roles: \[balancer\]/roles: [forward]/' "$config"
lbctl host setup file "$config"
done_by "apply without a role" apply -f "$config"
like "doctor misses it" "$(query '.findings[] | select(.severity == "warning").finding' doctor)" \
	'replies of "server" \(service "www", nat\) come in by lan, which has no role balancer'

net_result
