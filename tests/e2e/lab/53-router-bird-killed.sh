#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# BIRD on fw1, the router, is killed with -9: its routes stay in the kernel, packets flow on, and
# starting it again takes none of them away.
source "$(dirname -- "$0")/../lib.sh"

require_well
keep
slay fw1 bird
require_both_carry
wait_until 10 "both paths stay" paths_are 2
ok "both paths stay in the kernel"
revive fw1 bird
wait_until 20 "both announcements are known again" announced_well 2
next_round
require_both_carry
end_of_traffic "fw1's BIRD killed and started"
require_well
