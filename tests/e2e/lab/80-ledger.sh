#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# After all that happened before, the ledger balances exactly, on every interface of every node; the
# drivers counted the same by themselves; and what was lost later than XDP's decision is listed.
source "$(dirname -- "$0")/../lib.sh"

failures_start
[[ -f $DISTANCES ]] || ledger_baseline
fetch get "https://$SITE/"

# balance NODE INTERFACE: of its ledger, when nothing is under way.
balance() {
	instant "$1" "$2" | jq -c '.ledger | .rx - .pass - .tx - .redirect - .drop'
}

# unexplained NODE INTERFACE: drops minus those that have a reason.
unexplained() {
	lbctl "$1" -j drops >"$scratch/drops"
	jq --arg name "$2" --argjson all "$(ledger "$1" "$2" drop_packets)" \
		'$all - ([.drops[] | select(.interface == $name).packets] | add // 0)' "$scratch/drops"
}

for node in "${DATA_PLANES[@]}"; do
	for interface in $(interfaces_of "$node"); do
		is "$node $interface: rx minus pass, tx, redirect and drops, of $(ledger "$node" "$interface" rx_packets)" \
			"$(balance "$node" "$interface")" 0
		wait_until 5 "$node $interface: every drop has a reason" eval "((\$(unexplained $node $interface) == 0))"
	done
	is "$node: the drivers counted the same since the beginning" "$(distances_moved "$node")" ""
	is "$node: drops for an internal reason" "$(jq '[.drops[] | select(.reason == "internal")] | length' "$scratch/drops")" 0
done

while read -r failure; do
	note "failed after XDP's decision: $failure"
done < <(failures_seen)
# Redirects that failed at once are in the ledger as redirects, and in the driver's count are not.
is "redirects that failed at once" "$(failures_seen | grep -c ^xdp_redirect_err)" 0
is "exceptions" "$(failures_seen | grep -c ^xdp_exception)" 0
