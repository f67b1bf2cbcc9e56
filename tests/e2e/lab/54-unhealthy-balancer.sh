#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# A balancer that is not well is left by fw1. When both are not well, neither path is withdrawn: a
# doubtful path is better than none.
#
# "Not well" here: IPv6 forwarding is off, without which it cannot balance IPv6. Its IPv4 works.
source "$(dirname -- "$0")/../lib.sh"

forwarding() {
	on "$1" sysctl -qw "net.ipv6.conf.eth0.forwarding=$2"
}

carries_nothing() {
	local before
	before=$(sent_by "$1")
	next_round
	(($(sent_by "$1") == before))
}

require_well
keep
require_both_carry
at_end forwarding lb1 1
at_end forwarding lb2 1
forwarding lb1 0
wait_until 5 "fw1 leaves lb1" paths_are 1
for family in 4 6; do
	is "IPv$family: the path that is left" "$(paths $family)" "$(address lb2 $family)"
	succeeds "IPv$family: a new connection" fetch new "-$family" "https://$SITE/"
done
wait_until 10 "lb1 balances nothing any more" carries_nothing lb1
ok "lb1 balances nothing any more"
next_round
end_of_traffic "lb1 not well"

keep --ipv4
forwarding lb2 0
wait_until 5 "nobody announces well" announced_well 0
wait_until 10 "fw1 has both paths again" paths_are 2
ok "with both not well, both paths are kept"
next_round
succeeds "IPv4: a new connection" fetch new -4 "https://$SITE/"
forwarding lb1 1
forwarding lb2 1
wait_until 20 "both are well again" lab_is_well
next_round
end_of_traffic "both not well, and well again"
