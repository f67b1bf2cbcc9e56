#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Inner nodes have no way to the internet, nor to tiers that they have no business with, also when
# their owner adds routes.
source "$(dirname -- "$0")/../lib.sh"

capture user user eth0 "inbound and (port 4003 or net 10.10.0.0/16 or net fd00:10::/32)"
capture edge fabric edge "port 4003"

# An address that the user has, and one that nobody answers for.
become user ncat -lk 4003 >/dev/null 2>&1 </dev/null &
at_end stop_client $!
wait_until 5 "the user listens" eval 'on user ss -Hltn sport = 4003 | grep -q .'

# tries NODE GATEWAY4 GATEWAY6: towards the user, by its own routes and by its neighbour gateways.
tries() {
	local node=$1 gateway
	for gateway in "${@:2}"; do
		local to=$USER4
		[[ $gateway != *:* ]] || to=$USER6
		on "$node" ip route add "$to" via "$gateway" || give_up "$node: a route by $gateway"
		succeeds "$node by $gateway: no connection to the user" \
			not on "$node" timeout 0.5 bash -c "exec 3<>/dev/tcp/$to/4003"
		on "$node" inject -c 3 ip "$(cluster ".nodes.$node.interfaces.eth0.address[0] | sub(\"/.*\"; \"\")")" \
			$USER4 udp 4003 53
		on "$node" ip route del "$to" via "$gateway"
	done
}

tries web1 10.10.2.1 fd00:10:2::1 10.10.2.2 fd00:10:2::2
tries app1 10.10.3.1 fd00:10:3::1 10.10.3.2 fd00:10:3::2
tries db1 10.10.4.1 fd00:10:4::1
tries mon 10.10.5.1 fd00:10:5::1
is "what of it the user saw" "$(captured user)" ""
is "what of it was on the wire of the balancers" "$(captured edge)" ""
