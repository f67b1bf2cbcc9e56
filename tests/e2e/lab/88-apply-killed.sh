#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# `lbctl apply` is killed with -9 in the middle, twenty times under traffic, on every node in turn:
# no connection breaks, nothing half applied is left, and the next apply works.
source "$(dirname -- "$0")/../lib.sh"

# The file with one more rule, so that there is something to apply.
sed 's/^      - {name: web-in, /      - {name: extra, in: wan, to: vip, proto: tcp, port: 8443, action: drop}\n&/' "$CLUSTER" >"$scratch/other.yaml"
succeeds "the other file is valid and different" not cmp -s "$CLUSTER" "$scratch/other.yaml"
lbctl fw1 check "$scratch/other.yaml" >/dev/null || give_up "lbctl check"

# state NODE: which of the two files is in force, whole.
state() {
	local file
	for file in "$CLUSTER" "$scratch/other.yaml"; do
		! lbctl "$1" diff "$file" >/dev/null 2>&1 || echo "$file"
	done
}
restore() {
	local node
	for node in "${DATA_PLANES[@]}"; do
		lbctl "$node" apply -f "$CLUSTER" >/dev/null
	done
}

require_well
pins=$(find "$RUN/bpf" -mindepth 2 | sort)
keep
at_end restore
killed=0
for ((i = 0; i < 20; i++)); do
	node=${DATA_PLANES[i % ${#DATA_PLANES[@]}]}
	file=$scratch/other.yaml
	((i % 2 == 0)) || file=$CLUSTER
	become "$node" lbctl apply -f "$file" >/dev/null 2>&1 &
	sleep "0.$(printf '%03d' $((RANDOM % 250)))"
	kill -KILL $! 2>/dev/null && killed=$((killed + 1))
	wait $! 2>/dev/null
	[[ -n $(state "$node") ]] || not_ok "$node: the old or the new configuration, whole" "$(lbctl "$node" diff "$CLUSTER")"
done
compare "applies that were killed in the middle" $killed '>=' 10
next_round
for node in "${DATA_PLANES[@]}"; do
	succeeds "$node: the next apply works" lbctl "$node" apply -f "$CLUSTER"
	is "$node: in force now" "$(state "$node")" "$CLUSTER"
done
is "pins are those from before" "$(find "$RUN/bpf" -mindepth 2 | sort)" "$pins"
next_round
end_of_traffic "lbctl apply killed 20 times"
