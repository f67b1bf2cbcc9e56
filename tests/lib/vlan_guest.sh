#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Run in a virtual machine, by tests/e2e/vlan_devices.sh: a gateway between a client on VLAN
# 10 and a server on VLAN 20 in VLAN 100, with the kernel's own VLAN devices.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail

build=$PWD/${BUILD:-build}
net_dir=$(mktemp -d)
export SLUICE_PIN_ROOT=/run/sluice/bpf
# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
agent=''

on() {
	local node=$1
	shift
	ip netns exec "$node" "$@"
}

lbctl() {
	on gw "$build/lbctl" --node gw "$@"
}

# vlan NODE DEVICE LOWER ID PROTOCOL
vlan() {
	ip -n "$1" link add link "$3" name "$2" type vlan id "$4" protocol "$5" &&
		ip -n "$1" link set "$2" up
}

net_up() {
	modprobe 8021q
	mkdir -p "$SLUICE_PIN_ROOT" && mount -t bpf bpf "$SLUICE_PIN_ROOT"
	for node in gw client server; do
		ip netns add "$node" && ip -n "$node" link set lo up
	done
	ip link add wan netns gw type veth peer name eth0 netns client
	ip link add lan netns gw type veth peer name eth0 netns server
	for end in gw:wan gw:lan client:eth0 server:eth0; do
		# Tags stand in the frame, checksums are whole, and what XDP sends is taken.
		on "${end%:*}" ethtool -K "${end#*:}" rxvlan off txvlan off \
			tx-vlan-stag-hw-insert off tx off gro on >/dev/null
		ip -n "${end%:*}" link set "${end#*:}" up
	done
	vlan gw wan.10 wan 10 802.1Q && vlan client v10 eth0 10 802.1Q
	vlan gw lan.100 lan 100 802.1ad && vlan gw lan.100.20 lan.100 20 802.1Q
	vlan server s100 eth0 100 802.1ad && vlan server v20 s100 20 802.1Q
	ip -n gw addr add 10.1.0.1/24 dev wan.10
	ip -n gw addr add 10.2.0.1/24 dev lan.100.20
	ip -n client addr add 10.1.0.7/24 dev v10
	ip -n server addr add 10.2.0.7/24 dev v20
	ip -n client route add default via 10.1.0.1
	ip -n server route add default via 10.2.0.1
}

redirected() {
	lbctl -j status | jq '[.interfaces[].redirect_packets] | add'
}

# The entry for the VLAN device with this index.
is_known() {
	bpftool -j map dump pinned "$SLUICE_PIN_ROOT/gw/sluice_vlan_out" |
		jq -e --argjson index "$1" 'any(.[]; .formatted.key == $index)'
}

within() {
	for ((i = 0; i < $1 * 10; i++)); do
		"${@:2}" && return
		sleep 0.1
	done
	return 1
}

net_up
trap '[ -z "$agent" ] || kill "$agent"' EXIT
check "the stack passes frames on its VLANs" on client ping -c 1 -W 5 10.1.0.1
check "the inner network answers" on gw ping -c 1 -W 5 10.2.0.7
for dev in wan lan; do
	check "forwarding is set up on $dev and its VLANs" lbctl host setup dev $dev role forward
	check "attached to $dev" lbctl attach dev $dev role forward --force
done
check "the stack's own frames pass with their tags" on client ping -c 2 -W 5 10.1.0.1
on gw ping -c 1 -W 5 10.2.0.7 >/dev/null
check "from one tag to two, and back" on client ping -c 5 -i 0.2 -W 5 10.2.0.7
seen=$(redirected)
check "it was XDP that forwarded: $seen" [ "$seen" -ge 8 ]
trace=$(lbctl trace icmp 10.1.0.7 10.2.0.7 dev wan vlan 10 2>&1)
has "trace reads a tag" "$trace" "came in on VLAN 10"
has "trace tells the tags that go on" "$trace" "out by lan on VLAN 802.1ad 100"
check "a VLAN without a device is the stack's" \
	grep -q pass-not-ip <<<"$(lbctl trace icmp 10.1.0.7 10.2.0.7 dev wan vlan 11)"
check "a list of VLANs counts" lbctl attach dev wan vlans 7,20-29 --force
check "what is not on it is dropped" not on client ping -c 1 -W 1 10.2.0.7
check "it is told" grep -q 'vlans: \[7, 20-29\]' <<<"$(lbctl show config)"
check "back to the devices" lbctl attach dev wan vlans devices --force
check "and so it works again" on client ping -c 1 -W 5 10.2.0.7

on gw "$build/sluice-agent" --node gw >"$net_dir/agent" 2>&1 &
agent=$!
within 20 grep -q event=configured "$net_dir/agent"
vlan gw wan.30 wan 30 802.1Q
index=$(on gw cat /sys/class/net/wan.30/ifindex)
check "the agent learns of a new device" within 5 is_known "$index"
ip -n gw link del wan.30
check "and that it is gone" within 5 not is_known "$index"
