#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# bpftool in a node shows programs and maps by names that mean something, and values by their
# members: BTF is there.
source "$(dirname -- "$0")/../lib.sh"

# map_names: of the program in $scratch/program.
map_names() {
	local id
	for id in $(jq -r '.map_ids[]' "$scratch/program"); do
		bpftool -j map show id "$id" | jq -r .name
	done | sort | paste -sd ' '
}

# of_counter QUERY: the ledger's first value, as bpftool prints it.
of_counter() {
	jq -c "first | .formatted.values[0].value // .values[0].value | $1" "$scratch/ledger"
}

for node in fw1 lb1 tls1; do
	for interface in $(interfaces_of "$node"); do
		id=$(on "$node" bpftool -j net show dev "$interface" | jq -r '.[0].xdp[0].id')
		is "$node $interface: the program by bpftool net" "$id" \
			"$(ledger "$node" "$interface" program_id)"
		bpftool -j prog show id "$id" >"$scratch/program"
		is "$node $interface: its name" "$(jq -r .name "$scratch/program")" sluice_xdp
		like "$node $interface: its BTF" "$(jq -r .btf_id "$scratch/program")" '^[0-9]+$'
		like "$node $interface: its maps" "$(map_names)" 'sluice_control .*sluice_ledger'
	done
	like "$node: the pins" "$(echo "$RUN/bpf/$node"/*)" \
		'sluice_backends .*sluice_vips'
	bpftool -j map dump pinned "$RUN/bpf/$node/sluice_ledger" >"$scratch/ledger"
	is "$node: members of the ledger" "$(of_counter keys)" '["outcome","rx"]'
	is "$node: members of a counter" "$(of_counter '.rx | keys')" '["bytes","packets"]'
done
