#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The lab is as it should be before anything is done to it; and the counting begins against which
# the ledger is held at the end.
source "$(dirname -- "$0")/../lib.sh"

is "daemons that do not run" "$("$ROOT/vm/lab" status | grep 'not there')" ""
require_well
ok "both balancers announce the VIPs, and both find both proxies up"
succeeds "failures after XDP's decision are counted" failures_start
succeeds "the ledger's distance to the drivers' counters is noted" ledger_baseline
