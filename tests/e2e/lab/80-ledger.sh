#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# After all that happened before, the ledger balances exactly, on every interface of every node; the
# drivers counted the same by themselves; and what was lost later than XDP's decision is listed.
source "$(dirname -- "$0")/../lib.sh"

failures_start
[[ -f $DISTANCES ]] || ledger_baseline

# balance NODE INTERFACE: rx minus all outcomes, when nothing is under way.
balance() {
	on "$1" instant "$1" "$2" | jq '.ledger | .rx - .pass - .tx - .redirect - .drop'
}

# What drops and status of one moment differ by: drops without a reason.
unexplained() {
	jq -s --arg name "$1" '
		([.[0].interfaces[] | select(.interface == $name).drop_packets] | add) -
		([.[1].drops[] | select(.interface == $name).packets] | add // 0)' \
		<(lbctl "$node" -j status) <(lbctl "$node" -j drops)
}

all_explained() {
	[[ $(unexplained "$1") == 0 ]]
}

internal() {
	lbctl "$1" -j drops | jq '[.drops[] | select(.reason == "internal").packets] | add // 0'
}

fetch get "https://$SITE/"
for node in "${DATA_PLANES[@]}"; do
	for interface in $(interfaces_of "$node"); do
		frames=$(ledger "$node" "$interface" rx_packets)
		is "$node $interface: frames without an outcome, of $frames" \
			"$(balance "$node" "$interface")" 0
		wait_until 5 "$node $interface: drops have reasons" all_explained "$interface"
		ok "$node $interface: all drops have reasons"
	done
	is "$node: the drivers' counts moved from the ledger" "$(distances_moved "$node")" ""
	is "$node: drops for an internal reason" "$(internal "$node")" 0
done

mapfile -t failed < <(failures_seen)
for failure in "${failed[@]}"; do
	note "after XDP's decision: $failure"
done
# A redirect that failed at once is one in the ledger and none in the driver's count.
is "redirects that failed at once, and exceptions" \
	"$(printf '%s\n' "${failed[@]}" | grep -E '^xdp_(redirect_err|exception)')" ""
