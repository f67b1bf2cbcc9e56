#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The program of every node is replaced under traffic, one node after the other: no connection
# breaks, and no frame comes past the ledger meanwhile.
source "$(dirname -- "$0")/../lib.sh"

programs() {
	lbctl "$1" -j status | jq -r '.interfaces[].program_id'
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
	succeeds "$node: lbctl apply" lbctl "$node" apply -f "$CLUSTER"
	is "$node: programs that are still the old ones" "$(old_programs "$node")" ""
	is "$node: frames that came past the ledger" "$(distances_moved "$node")" "$moved"
	next_round
done
programs lb1 >"$scratch/programs"
succeeds "lb1: lbctl attach" lbctl lb1 attach dev eth0 role balancer
is "lb1: programs that are still the old ones" "$(old_programs lb1)" ""
succeeds "lb1: it is as the file says" lbctl lb1 diff "$CLUSTER"
next_round
end_of_traffic "every program replaced"
