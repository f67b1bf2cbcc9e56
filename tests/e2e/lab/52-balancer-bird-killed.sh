#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# BIRD on lb1 is killed with -9: fw1 leaves lb1, and comes back when it runs again. No connection
# breaks.
source "$(dirname -- "$0")/../lib.sh"

require_well
keep
require_both_carry
slay lb1 bird
wait_until 5 "fw1 leaves lb1" paths_are 1
next_round
revive lb1 bird
wait_until 20 "fw1 sends to both again" paths_are 2
next_round
require_both_carry
end_of_traffic "lb1's BIRD killed and started"
require_well
