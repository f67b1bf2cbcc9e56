#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# `lbctl apply` is killed with -9 in the middle, twenty times under traffic, on every node in turn:
# no connection breaks, nothing half applied is left, and the next apply works.
source "$(dirname -- "$0")/../lib.sh"

kills=20

# in_force NODE: which of the two files it is, whole; nothing if it is neither.
in_force() {
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

# A replaced program brings its stages under another digit: one set of them for each interface.
pins() {
	find "$RUN/bpf" -mindepth 2 | sed 's|\(/sluice_stages_[0-9]*\)_[0-9]$|\1|' | sort
}

# Something to apply: the file with one more rule.
extra='- {name: extra, in: wan, to: vip, proto: tcp, port: 8443, action: drop}'
sed "s/^      - {name: web-in, /      $extra\n&/" "$CLUSTER" >"$scratch/other.yaml"
succeeds "the other file is valid" lbctl fw1 check "$scratch/other.yaml"
is "the file in force" "$(in_force fw1)" "$CLUSTER"

# How long it takes here and now: the kills are spread over it.
started=$(now_ms)
lbctl fw1 apply -f "$CLUSTER" >/dev/null || give_up "lbctl apply"
takes=$(($(now_ms) - started))
note "lbctl apply takes $takes ms"

require_well
pins >"$scratch/pins"
at_end restore
keep
killed=0
for ((i = 0; i < kills; i++)); do
	node=${DATA_PLANES[i % ${#DATA_PLANES[@]}]}
	file=$scratch/other.yaml
	((i % 2 == 0)) || file=$CLUSTER
	become "$node" lbctl apply -f "$file" >/dev/null 2>&1 &
	sleep "$(printf '%d.%03d' $((takes * i / kills / 1000)) $((takes * i / kills % 1000)))"
	kill -KILL $! 2>/dev/null && killed=$((killed + 1))
	wait $! 2>/dev/null
	[[ -n $(in_force "$node") ]] ||
		not_ok "$node: one file is in force, whole" "$(lbctl "$node" diff "$CLUSTER")"
done
compare "applies that were killed in the middle" $killed '>=' $((kills / 2))
next_round
for node in "${DATA_PLANES[@]}"; do
	succeeds "$node: the next apply works" lbctl "$node" apply -f "$CLUSTER"
	is "$node: the file in force" "$(in_force "$node")" "$CLUSTER"
done
is "pins that came or went" "$(diff "$scratch/pins" <(pins))" ""
next_round
end_of_traffic "lbctl apply killed $kills times"
