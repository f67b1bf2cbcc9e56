#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# bpftool in a node shows programs and maps by names that mean something, and values by their
# members: BTF is there.
source "$(dirname -- "$0")/../lib.sh"

for node in fw1 lb1 tls1; do
	for interface in $(interfaces_of "$node"); do
		id=$(on "$node" bpftool -j net show dev "$interface" | jq -r '.[0].xdp[0].id')
		is "$node $interface: bpftool net shows the program that lbctl names" "$id" "$(ledger "$node" "$interface" program_id)"
		bpftool -j prog show id "$id" >"$scratch/prog"
		is "$node $interface: its name" "$(jq -r .name "$scratch/prog")" sluice_xdp
		like "$node $interface: it has BTF" "$(jq -r .btf_id "$scratch/prog")" '^[0-9]+$'
		names=$(for map in $(jq -r '.map_ids[]' "$scratch/prog"); do
			bpftool -j map show id "$map" | jq -r .name
		done | sort | paste -sd ' ')
		like "$node $interface: its maps have names" "$names" 'sluice_control .*sluice_ledger'
	done
	bpftool -j map dump pinned "$RUN/bpf/$node/sluice_ledger" 2>/dev/null |
		jq -c '.[0] | .formatted.values[0].value // .values[0].value' >"$scratch/ledger"
	is "$node: the ledger's members have names" "$(jq -c 'keys' "$scratch/ledger")" '["outcome","rx"]'
	is "$node: and those of a counter" "$(jq -c '.rx | keys' "$scratch/ledger")" '["bytes","packets"]'
	like "$node: maps are pinned by name" "$(ls "$RUN/bpf/$node" | paste -sd ' ')" 'sluice_backends .*sluice_vips'
done
