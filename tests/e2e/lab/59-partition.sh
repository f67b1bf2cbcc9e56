#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Only lb1 loses its way to tls2. The balancers must not differ: both leave tls2 for new
# connections within 2 s, and both come back when the way is there again.
source "$(dirname -- "$0")/../lib.sh"

part() {
	on fabric nft -f - <<-'EOT'
		add table bridge partition
		add chain bridge partition between { type filter hook forward priority 0; }
		add rule bridge partition between iifname "lb1-eth0" oifname "tls2-eth0" drop
		add rule bridge partition between iifname "tls2-eth0" oifname "lb1-eth0" drop
	EOT
}

mend() {
	on fabric nft delete table bridge partition 2>/dev/null
}

require_well
arrive
keep
at_end mend
fault=$(now_ms)
part || give_up "the switch drops frames between lb1 and tls2"
wait_until 5 "both balancers leave tls2" backends_are tls1
note "both balancers left tls2 after $(($(now_ms) - fault)) ms"
ok "both balancers leave tls2, also the one that reaches it"
wait_until 10 "new connections go on" arrived 10 ".at_ms > $(now_ms)"
mend
wait_until 10 "both balancers come back to tls2" backends_are tls1 tls2
ok "both balancers come back to tls2"
wait_until 10 "tls2 gets new connections" arrived 3 ".tls == \"tls2\" and .at_ms > $(now_ms)"
next_round
stop "$arrivals_pid"
stop "$kept_pid"
is "new connections that failed and began over 2 s after the fault" \
	"$(turned_away $((fault + 2000)))" 0
is "connections of tls1 that broke, of $(kept tls.tls1.connections)" "$(kept tls.tls1.broken)" 0
note "connections of tls2 that broke: $(kept tls.tls2.broken) of $(kept tls.tls2.connections)"
require_well
