#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Next hops are kept resolved by the kernel on behalf of the agent, with or
# without it; those that packets missed are learnt, and forgotten if nobody answers.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/agent_net.sh
source tests/lib/agent_net.sh

entry() {
	on lb1 ip "$(family "$1")" neigh show to "$1" dev eth0
}

is_managed() {
	entry "$1" | grep -q 'lladdr .* managed '
}

is_absent() {
	[ -z "$(entry "$1")" ]
}

# miss ADDRESS: as if a packet had found no link address for it.
miss() {
	local ifindex
	ifindex=$(on lb1 cat /sys/class/net/eth0/ifindex)
	# shellcheck disable=SC2046,SC2086 # one word per byte is meant
	bpftool map update pinned "$SLUICE_PIN_ROOT/lb1/sluice_misses" \
		key hex 00 00 00 00 00 00 00 00 00 00 ff ff \
		$(printf '%02x ' ${1//./ }) $(printf '%02x 00 00 00' "$ifindex") \
		value hex 03 00 00 00 00 00 00 00
}

net_up
cluster_write <<-YAML
	services:
	  www:
	    vips: ["$vip4:443", "[$vip6]:443"]
	    proto: tcp
	    forward: ipip
	    backends: {be1: {}, be2: {}}
	    check: {type: tcp, via: direct, port: 7, interval: 300ms, timeout: 280ms}
YAML
on be2 ip addr add 10.10.1.77/24 dev eth0
on be2 ip addr add 10.10.1.78/24 dev eth0
mac=$(on be2 cat /sys/class/net/eth0/address)
on lb1 ip neigh replace 10.10.1.21 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
apply lb1 || not_ok "the configuration is applied"
agent_start lb1

for address in 10.10.1.22 fd00:10:1::21 fd00:10:1::22; do
	check "a backend is kept resolved: $address" within 10 is_managed "$address"
done
for address in 10.10.1.1 fd00:10:1::1 10.10.1.12; do
	check "so is a gateway, or a node: $address" within 10 is_managed "$address"
done
entry 10.10.1.21 | grep -q '02:00:00:00:00:01 PERMANENT'
check "what the operator entered is left alone" [ $? -eq 0 ]

check "nothing was asked for yet" is_absent 10.10.1.77
miss 10.10.1.77
check "a next hop that packets missed is resolved at once" within 1 is_managed 10.10.1.77
check "the lost packets are counted" within 2 metric lb1 sluice_neighbour_misses_total 3

miss 10.10.1.200
check "one that does not exist is asked for" within 1 metric lb1 sluice_neighbours 10
check "and forgotten" within 30 is_absent 10.10.1.200

on lb1 ip route add 203.0.113.0/24 via 10.10.1.78
check "a new route's gateway is resolved" within 10 is_managed 10.10.1.78

agent_stop lb1 KILL
on be2 ip link set eth0 address 02:00:00:00:00:99
check "without the agent, the kernel follows a changed link address" within 60 \
	on lb1 sh -c 'ip neigh show to 10.10.1.22 | grep -q 02:00:00:00:00:99'
on be2 ip link set eth0 address "$mac"
agent_start lb1
check "a new agent knows the learnt ones again" within 10 metric lb1 sluice_neighbours 10
exit "$net_failed"
