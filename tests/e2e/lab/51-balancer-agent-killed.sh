#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# lb1's agent is killed with -9: packets flow on, on both balancers, and lb1 stays announced.
source "$(dirname -- "$0")/../lib.sh"

require_well
keep
slay lb1 agent
require_both_carry
wait_until 10 "lb1 stays announced" paths_are 2
ok "lb1 stays announced"
revive lb1 agent
wait_until 20 "the agent answers again" metrics_of lb1
next_round
end_of_traffic "lb1's agent killed and started"
require_well
