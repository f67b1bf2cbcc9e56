# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# For the tests in the lab: the ledger of each data plane, and what it is held against because it
# does not count it itself: the drivers' counters, and the tracepoints of failures that come after
# the program's decision.
#
# A driver counted frames before the program was there; so it is the distance between the two that
# must not change. It is kept with the lab's state, from test to test.

DISTANCES=$STATE/e2e-distances
FAILURES=$RUN/bpf/e2e-failures

# ledger NODE INTERFACE KEY: of `lbctl status`.
ledger() {
	lbctl "$1" -j status |
		jq -r --arg name "$2" ".interfaces[] | select(.interface == \$name).$3"
}

# dropped NODE INTERFACE REASON
dropped() {
	lbctl "$1" -j drops | jq -r --arg name "$2" --arg reason "$3" \
		'[.drops[] | select(.interface == $name and .reason == $reason).packets] | add // 0'
}

# matched NODE RULE: packets that a rule judged.
matched() {
	lbctl "$1" -j drops |
		jq -r --arg rule "$2" '[.rules[] | select(.rule == $rule).packets] | add // 0'
}

interfaces_of() {
	lbctl "$1" -j status | jq -r '.interfaces[].interface'
}

# distance NODE INTERFACE: driver minus ledger, and what the driver gave up itself. What passes, it
# does not count.
distance() {
	on "$1" instant "$1" "$2" | jq -r --arg name "$1 $2" '
		.device as $device | .ledger as $ledger | .device_failed as $failed
		| ["rx", "tx", "redirect", "drop"]
		| map(" \(.) \($device[.] - $ledger[.])")
		| $name + add + " failed \($failed)"' || echo unknown
}

# ledger_baseline [NODE]...: from now on the distances are expected to stay.
ledger_baseline() {
	local node interface
	(($# > 0)) || set -- "${DATA_PLANES[@]}"
	for node in "$@"; do
		[[ ! -f $DISTANCES ]] || sed -i "/^$node /d" "$DISTANCES"
		for interface in $(interfaces_of "$node"); do
			distance "$node" "$interface" >>"$DISTANCES"
		done
	done
	not grep unknown "$DISTANCES"
}

# distances_moved NODE: those of its interfaces that are not as noted.
distances_moved() {
	local interface noted now
	for interface in $(interfaces_of "$1"); do
		noted=$(grep "^$1 $interface " "$DISTANCES")
		now=$(distance "$1" "$interface")
		[[ $noted == "$now" ]] || printf 'was "%s", is "%s"\n' "$noted" "$now"
	done
}

failures_start() {
	[[ -e $FAILURES ]] || "$TOOLS/failures" start "$FAILURES"
}

# interface_name NODE IFINDEX
interface_name() {
	on "$1" ip -j link | jq -r ".[] | select(.ifindex == $2).ifname"
}

# node_of_netns INODE: nothing if it is none of the lab's.
node_of_netns() {
	stat -c '%i %n' /run/netns/sluice-* | sed -n "s|^$1 /run/netns/sluice-||p"
}

# failures_seen: "EVENT NODE INTERFACE error N action N frames N", one line for each kind.
failures_seen() {
	local netns event ifindex rest node
	"$TOOLS/failures" show "$FAILURES" | jq -r '.[] | "\(.netns) \(.event) \(.ifindex)" +
		" error \(.error) action \(.action) frames \(.frames)"' |
		while read -r netns event ifindex rest; do
			node=$(node_of_netns "$netns")
			[[ -z $node ]] ||
				echo "$event $node $(interface_name "$node" "$ifindex") $rest"
		done
}
