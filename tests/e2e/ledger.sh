# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# The ledger of each data plane, held against what it does not count itself: the device's counters
# and the tracepoints of failures that come after the program's decision.
#
# The device counted frames before the program was there; so it is the distance between the two that
# must not change. It is kept with the lab's state, from test to test.

DISTANCES=$STATE/e2e-distances
FAILURES=$RUN/bpf/e2e-failures

# instant NODE INTERFACE: both, as JSON.
instant() {
	on "$1" instant "$1" "$2"
}

# distance NODE INTERFACE: device minus ledger. The driver does not count what passes.
distance() {
	instant "$1" "$2" | jq -r --arg name "$1 $2" '"\($name)" + (
		["rx", "tx", "redirect", "drop"] as $kinds | .device as $d | .ledger as $l
		| [$kinds[] | " \(.) \($d[.] - $l[.])"] | add) + " failed \(.device_failed)"'
}

interfaces_of() {
	lbctl "$1" -j status | jq -r '.interfaces[].interface'
}

# ledger_baseline [NODE]...: from now on the distances are expected to stay.
ledger_baseline() {
	local node interface line
	(($# > 0)) || set -- "${DATA_PLANES[@]}"
	for node in "$@"; do
		for interface in $(interfaces_of "$node"); do
			line=$(distance "$node" "$interface") || return
			[[ ! -f $DISTANCES ]] || sed -i "/^$node $interface /d" "$DISTANCES"
			printf '%s\n' "$line" >>"$DISTANCES"
		done
	done
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

# failures_seen: "EVENT NODE INTERFACE error N frames N", one line for each kind.
failures_seen() {
	local netns event ifindex error action frames node
	"$TOOLS/failures" show "$FAILURES" |
		jq -r '.[] | "\(.netns) \(.event) \(.ifindex) \(.error) \(.action) \(.frames)"' |
		while read -r netns event ifindex error action frames; do
			node=$(find /run/netns -inum "$netns" -printf '%f' 2>/dev/null)
			[[ $node == sluice-* ]] || continue
			node=${node#sluice-}
			printf '%s %s %s error %s action %s frames %s\n' "$event" "$node" \
				"$(on "$node" ip -o link | awk -F': ' -v i="$ifindex" '$1 == i { sub(/@.*/, "", $2); print $2 }')" \
				"$error" "$action" "$frames"
		done
}
