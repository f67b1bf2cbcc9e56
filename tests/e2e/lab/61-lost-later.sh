#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# A frame that XDP sent on and the device then lost is a redirect in the ledger: the tracepoints
# know the loss. Shown with the cable between fw1 and the balancers out, and link addresses that fw1
# need not ask for.
source "$(dirname -- "$0")/../lib.sh"

frames=10

lost() {
	failures_seen |
		awk '$1 == "xdp_devmap_xmit" && $2 == "fw1" { sum += $NF } END { print sum + 0 }'
}

# pin_neighbours: those that fw1 sends the VIP's packets to.
pin_neighbours() {
	local balancer
	for balancer in "${BALANCERS[@]}"; do
		on fw1 ip neigh replace "$(address "$balancer" 4)" dev edge nud permanent \
			lladdr "$(on "$balancer" cat /sys/class/net/eth0/address)"
	done
}

# The agent resolves them again.
unpin_neighbours() {
	local balancer
	for balancer in "${BALANCERS[@]}"; do
		on fw1 ip neigh del "$(address "$balancer" 4)" dev edge
	done
}

cable() {
	"$ROOT/vm/lab" cable fw1 edge "$1" >/dev/null
}

failures_start
require_well
at_end unpin_neighbours
at_end cable up
pin_neighbours
cable down
redirected=$(ledger fw1 wan redirect_packets) before=$(lost)
on user inject -c $frames ip "$USER4" "$VIP4" tcp 4005 443 S
is "frames that the ledger counts as redirected" \
	$(($(ledger fw1 wan redirect_packets) - redirected)) $frames
is "frames that the tracepoint counts as lost" $(($(lost) - before)) $frames
is "frames that came past the ledger" "$(distances_moved fw1)" ""
cable up
unpin_neighbours
require_well
