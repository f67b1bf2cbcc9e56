# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2015,SC2153
# Namespaces, switches, links, addresses and routes. One namespace a node; one
# more holds a bridge per network, the switches. Commands go to ip in batches.

FABRIC=sluice-fabric

# The largest MTU of a network's interfaces: what its switch must carry.
network_mtu() {
	local network=$1 mtu=1500 node if of own
	while read -r node if of own; do
		[[ $of != "$network" ]] || ((own <= mtu)) || mtu=$own
	done < <(printf '%s\n' "${INTERFACES[@]}")
	printf '%s\n' "$mtu"
}

# A MAC that tells whose it is: 02:00 and the IPv4 address.
interface_mac() {
	local address octets
	address=${ADDRESSES["$1 $2"]%%/*}
	IFS=. read -ra octets <<<"$address"
	printf '02:00:%02x:%02x:%02x:%02x\n' "${octets[@]}"
}

# Addresses are usable at once, for nobody else can have them, and outlive a link that goes down.
namespace_prepare() {
	in_node "$1" sh -c 'cd /proc/sys/net/ipv6/conf &&
		echo 0 >default/accept_dad && echo 1 >default/keep_addr_on_down &&
		echo 1 >all/keep_addr_on_down'
}

namespaces_create() {
	printf 'netns add sluice-%s\n' fabric "${HERE[@]}" | ip -batch - &&
		in_node fabric sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' &&
		for_all namespace_prepare "${HERE[@]}" || die "cannot make the namespaces"
}

# The devices by which a network goes on in other machines, "NETWORK DEVICE".
declare -a JOINS

# joined_alone NODE INTERFACE NETWORK: prints the device that is that interface itself: the network
# goes on elsewhere by one device, and has no other interface here, so it needs no switch.
joined_alone() {
	local network device found=''
	while read -r network device; do
		[[ $network != "$3" ]] || found+=" $device"
	done < <(printf '%s\n' ${JOINS[@]+"${JOINS[@]}"})
	# shellcheck disable=SC2086 # words are what is wanted
	set -- $3 $found
	(($# == 2)) && (($(interfaces_here | awk -v of="$1" '$3 == of' | wc -l) == 1)) &&
		printf '%s\n' "$2"
}

# The devices of this machine that are interfaces or ports of switches now, with their MTU and MAC.
devices_join() {
	local node if network own device
	while read -r node if network own; do
		device=$(joined_alone "$node" "$if" "$network") || continue
		((own > 0)) || own=1500
		ip link set "$device" mtu "$own" address "$(interface_mac "$node" "$if")" &&
			ip link set "$device" netns "sluice-$node" name "$if" || return
	done < <(interfaces_here)
	while read -r network device; do
		[[ -n $device && -e /sys/class/net/$device ]] || continue
		ip link set "$device" mtu "$(network_mtu "$network")" &&
			ip link set "$device" netns $FABRIC &&
			ip -n $FABRIC link set "$device" master "$network" up || return
	done < <(printf '%s\n' ${JOINS[@]+"${JOINS[@]}"})
}

fabric_commands() {
	local node if network own mtu
	declare -A mtus
	echo "link set lo up"
	while read -r node if network own; do
		! joined_alone "$node" "$if" "$network" >/dev/null || continue
		if [[ -z ${mtus[$network]-} ]]; then
			mtus[$network]=$(network_mtu "$network")
			echo "link add $network type bridge stp_state 0 forward_delay 0" \
				"mcast_snooping 0"
			echo "link set $network mtu ${mtus[$network]} up"
		fi
		mtu=${mtus[$network]}
		((own > 0)) || own=1500
		echo "link add $node-$if mtu $mtu type veth peer name $if mtu $own" \
			"address $(interface_mac "$node" "$if") netns sluice-$node"
		echo "link set $node-$if master $network up"
	done < <(interfaces_here)
}

# A veth receives what XDP sends only while it runs a program (vm/fabric/pass.bpf.c). Checksums
# must be written where frames leave the switch, for XDP does not know of unfinished ones.
fabric_ports() {
	local object=$1 node if network own
	while read -r node if network own; do
		[[ -e /sys/class/net/$node-$if ]] || continue
		ip link set "$node-$if" xdpdrv obj "$object" sec xdp || return
		ethtool -K "$node-$if" tx off || return
	done
}

fabric_create() {
	fabric_commands | ip -netns $FABRIC -batch - || die "cannot raise the switches"
	devices_join || die "cannot join the devices: ${JOINS[*]}"
	interfaces_here |
		in_node fabric bash -c "$(declare -f fabric_ports); fabric_ports \"\$1\"" - \
			"$BUILD/vm/fabric/pass.bpf.o" >/dev/null ||
		die "cannot set up the switch ports"
}

node_commands() {
	local node=$1 of if network mtu address to via
	echo "link set lo up"
	while read -r of if network mtu; do
		[[ $of == "$node" ]] || continue
		for address in ${ADDRESSES["$node $if"]}; do
			echo "address add $address dev $if $([[ $address != *:* ]] || echo nodad)"
		done
		echo "link set $if up"
	done < <(printf '%s\n' "${INTERFACES[@]}")
	((${#ROUTES[@]} == 0)) || while read -r of to via mtu; do
		[[ $of == "$node" ]] || continue
		[[ $to != default || $via != *:* ]] || to=::/0
		echo "route add $to via $via $([[ $mtu == 0 ]] || echo "mtu $mtu")"
	done < <(printf '%s\n' "${ROUTES[@]}")
}

# A local socket leaves its checksum to the device; XDP on the way would see, and send on, the
# unfinished one.
node_offloads() {
	local if
	for if in "$@"; do
		ethtool -K "$if" tx off || return
	done
}

node_create() {
	local node=$1 of if network mtu ifs=()
	node_commands "$node" | ip -netns "sluice-$node" -batch - ||
		die "$node: cannot set addresses"
	while read -r of if network mtu; do
		[[ $of != "$node" ]] || ifs+=("$if")
	done < <(printf '%s\n' "${INTERFACES[@]}")
	in_node "$node" bash -c "$(declare -f node_offloads); node_offloads \"\$@\"" - "${ifs[@]}" \
		>/dev/null || die "$node: cannot turn checksum offload off"
}

topology_create() {
	namespaces_create
	fabric_create
	for_all node_create "${HERE[@]}" || exit 2
}

topology_destroy() {
	local ns
	for ns in $(lab_namespaces); do
		ip netns delete "$ns"
	done
}
