#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# lbctl trace says why: by name, step by step, and leaves no trace itself.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# traced JQ WORD...: of the trace of a packet; its exit code is 0 whatever the verdict.
traced() {
	local filter=$1
	shift
	lbctl -j trace "$@"
	echo "$code $(jq -r "$filter" <<<"$stdout")"
}

step() {
	printf '.steps[] | select(.step == "%s").detail' "$1"
}

# Everything that a packet could change.
state() {
	query '.interfaces, .drops' status
	query . drops
	bpftool -j map dump pinned "$SLUICE_PIN_ROOT/gw/sluice_flows" | jq length
	bpftool -j map dump pinned "$SLUICE_PIN_ROOT/gw/sluice_misses" | jq length
}

net_up
gateway_write '- {name: ping, in: wan, proto: icmp, action: accept}'
done_by "host setup" host setup file "$config"
done_by "apply" apply -f "$config"
on client ping -q -c 1 -W 1 10.10.1.21 >/dev/null
# Neighbour discovery and the like would count in between.
for node in client server; do
	on $node sysctl -qw net.ipv6.conf.all.disable_ipv6=1
done
ip -n "$net_name-client" neigh replace 198.51.100.1 dev eth0 nud permanent \
	lladdr "$(on gw ip -j link show wan | jq -r '.[].address')"
before=$(state)

is "an accepted packet" "$(traced .outcome tcp 198.51.100.7:1234 10.10.1.21:80)" "0 redirect"
is "names policy and rule" "$(traced "$(step rule)" tcp 198.51.100.7 10.10.1.21:80)" \
	'0 policy "edge", rule "web": accept'
is "names the interface out" "$(traced "$(step route)" tcp 198.51.100.7 10.10.1.21:80)" \
	'0 forwarded, out by lan'
is "comes in where the route back goes out" "$(traced .interface tcp 198.51.100.7 10.10.1.21:80)" \
	"0 wan"
is "or where it is said to" "$(traced .interface tcp 198.51.100.7 10.10.1.21:80 dev lan)" "0 lan"
is "a refused packet" "$(traced .outcome tcp 198.51.100.7 10.10.1.21:22)" "0 policy-default"
like "says by which default" "$(traced "$(step default)" tcp 198.51.100.7 10.10.1.21:22)" \
	'0 policy "edge": none of [0-9]+ compiled rules matched, default drop'
is "IPv6 is no different" "$(traced .outcome tcp 2001:db8:51::7 '[fd00:10:1::21]:80')" "0 redirect"
is "UDP" "$(traced .verdict udp 198.51.100.7 10.10.1.21:80)" "0 drop"
is "ICMP of either family: IPv4" "$(traced .verdict icmp 198.51.100.7 10.10.1.21)" "0 redirect"
is "ICMP of either family: IPv6" "$(traced .verdict icmp 2001:db8:51::7 fd00:10:1::21)" "0 redirect"
is "a protocol by number" "$(traced .verdict 47 198.51.100.7 10.10.1.21)" "0 drop"
is "a stray ACK opens no flow" "$(traced .outcome tcp 198.51.100.7 10.10.1.21:80 flags ack)" \
	"0 no-flow"
is "flags that no TCP sends" "$(traced .outcome tcp 198.51.100.7 10.10.1.21:80 flags syn,fin)" \
	"0 tcp-flags"
is "for the gateway itself" "$(traced .outcome icmp 198.51.100.7 198.51.100.1)" "0 pass-local"
is "no counter, flow or miss has changed" "$(state)" "$before"

lbctl fw block 198.51.100.7
is "a blocked source" "$(traced "$(step block)" tcp 198.51.100.7 10.10.1.21:80)" \
	"0 source is in the block set (1 prefixes)"

refused "no port" 1 'DST "10.10.1.21": expected a port with it' trace tcp 198.51.100.7 10.10.1.21
refused "two families" 1 'expected addresses of one family' trace udp 198.51.100.7 '[fd00::1]:53'
refused "flags of UDP" 1 'flags: expected PROTO tcp with it' \
	trace udp 198.51.100.7 10.10.1.21:53 flags syn
refused "an interface without Sluice" 1 \
	'dev "lo": expected an interface that Sluice is attached to' \
	trace icmp 198.51.100.7 10.10.1.21 dev lo
refused "a source without a route" 1 'no route to 203.0.113.1 tells where it comes in' \
	trace icmp 203.0.113.1 10.10.1.21

net_result
