#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The program of every node is replaced under traffic, one node after the other: no connection
# breaks, no frame passes by, the flow table is kept.
source "$(dirname -- "$0")/../lib.sh"

programs() {
	lbctl "$1" -j status | jq -r '.interfaces[].program_id' | paste -sd ' '
}

require_well
keep
for node in "${DATA_PLANES[@]}"; do
	moved=$(distances_moved "$node")
	before=$(programs "$node")
	succeeds "$node: lbctl apply" lbctl "$node" apply -f "$CLUSTER"
	for interface in $(interfaces_of "$node"); do
		roles=$(cluster ".nodes.$node.interfaces.$interface.roles | join(\",\")")
		policy=$(cluster ".nodes.$node.interfaces.$interface.policy // empty")
		# shellcheck disable=SC2086 # words
		lbctl "$node" attach dev "$interface" role "$roles" ${policy:+policy $policy} >/dev/null ||
			not_ok "$node: attach dev $interface"
	done
	compare "$node: new programs ($(programs "$node"))" "$([[ $(programs "$node") != "$before" ]] && echo 1)" == 1
	is "$node: frames that came past the ledger" "$(distances_moved "$node")" "$moved"
	lbctl "$node" apply -f "$CLUSTER" >/dev/null
	is "$node: as the file says" "$(lbctl "$node" diff "$CLUSTER" >/dev/null; echo $?)" 0
	next_round
done
end_of_traffic "every program replaced"
