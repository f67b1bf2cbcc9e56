#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Inner nodes have no way to the internet, not even when their owner adds routes.
source "$(dirname -- "$0")/../lib.sh"

capture user user eth0 -Q in "(port 4003 or net 10.10.0.0/16 or net fd00:10::/32)"
capture edge fabric edge "port 4003"

user_listens() {
	on user ss -Hltn 'sport = 4003' | grep -q .
}
become user ncat -lk 4003 >/dev/null 2>&1 </dev/null &
at_end stop $!
wait_until 5 "the user listens" user_listens

# tries NODE GATEWAY INTERFACE: towards the user, by a gateway that its owner sets.
tries() {
	local family to
	for family in 4 6; do
		to=$(address user $family)
		on "$1" ip "-$family" route add "$to" via "$(address "$2" $family "$3")" ||
			give_up "$1: a route by $2"
		succeeds "IPv$family, $1 by $2: no connection to the user" \
			not on "$1" timeout 0.4 bash -c "exec 3<>/dev/tcp/$to/4003"
		on "$1" inject -c 3 ip "$(address "$1" $family)" "$to" udp 4003 53
		on "$1" ip "-$family" route del "$to"
	done
}

tries web1 fw2 web
tries web1 fw3 web
tries app1 fw3 app
tries app1 fw4 app
tries db1 fw4 db
tries mon fw2 mon
neighbour=$(address resolver 4)
succeeds "a neighbour of the user reaches it" \
	on resolver timeout 0.4 bash -c "exec 3<>/dev/tcp/$USER4/4003"
on lb1 inject ip "$(address lb1 4)" "$(address tls1 4)" udp 4004 4003
wait_until 5 "a packet of lb1 is seen" grep -q '\.4004 > ' "$scratch/edge.packets"
is "what else the user saw" "$(captured user | grep -v " $neighbour\.")" ""
is "what else was on the wire of the balancers" "$(captured edge | grep -v '\.4004[: ]')" ""
