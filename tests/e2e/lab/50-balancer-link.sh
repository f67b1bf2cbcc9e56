#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# lb1's cable is pulled and put back: no connection breaks, neither when its flows move to lb2 nor
# when they come back.
source "$(dirname -- "$0")/../lib.sh"

cable() {
	"$ROOT/vm/lab" cable lb1 eth0 "$1" >/dev/null
}

require_well
keep
require_both_carry
at_end cable up
cable down
wait_until 5 "fw1 sends everything to lb2" paths_are 1
next_round
carried=$(sent_by lb1)
next_round
is "packets that lb1 balances without a cable" $(($(sent_by lb1) - carried)) 0
cable up
wait_until 20 "fw1 sends to both again" paths_are 2
next_round
require_both_carry
end_of_traffic "lb1's link down and up"
require_well
