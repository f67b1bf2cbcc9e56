#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The program of every node is replaced under traffic, one node after the other: no connection
# breaks, and no frame comes past the ledger meanwhile.
source "$(dirname -- "$0")/../lib.sh"

programs() {
	lbctl "$1" -j status | jq -r '.interfaces[].program_id'
}

attached() {
	lbctl "$1" -j status | jq -r '.interfaces[] | select(.program_id).interface'
}

# old_programs NODE: those of $scratch/programs that are still attached.
old_programs() {
	programs "$1" | grep -Fx -f "$scratch/programs"
}

require_well
keep
for node in "${DATA_PLANES[@]}"; do
	moved=$(distances_moved "$node")
	programs "$node" >"$scratch/programs"
	for interface in $(attached "$node"); do
		succeeds "$node: lbctl attach dev $interface" lbctl "$node" attach dev "$interface"
	done
	is "$node: programs that are still the old ones" "$(old_programs "$node")" ""
	is "$node: frames that came past the ledger" "$(distances_moved "$node")" "$moved"
	next_round
done
programs lb1 >"$scratch/programs"
succeeds "lb1: lbctl apply" lbctl lb1 apply -f "$CLUSTER"
is "lb1: which loads no program again" "$(programs lb1)" "$(<"$scratch/programs")"
succeeds "lb1: it is as the file says" lbctl lb1 diff "$CLUSTER"
next_round
end_of_traffic "every program replaced"
