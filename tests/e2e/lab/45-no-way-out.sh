#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Inner nodes have no way to the internet, nor to tiers that they have no business with, also when
# their owner adds routes.
source "$(dirname -- "$0")/../lib.sh"

capture user user eth0 "inbound and (port 4003 or net 10.10.0.0/16 or net fd00:10::/32)"
capture edge fabric edge "port 4003"

become user ncat -lk 4003 >/dev/null 2>&1 </dev/null &
at_end stop_client $!
wait_until 5 "the user listens" eval 'on user ss -Hltn sport = 4003 | grep -q .'

# tries NODE GATEWAY...: towards the user, by gateways that its owner sets himself.
tries() {
	local node=$1 gateway to from
	for gateway in "${@:2}"; do
		to=$USER4 from=${addresses[0]}
		[[ $gateway != *:* ]] || to=$USER6 from=${addresses[1]}
		on "$node" ip route add "$to" via "$gateway" || give_up "$node: a route by $gateway"
		succeeds "$node by $gateway: no connection to the user" \
			not on "$node" timeout 0.4 bash -c "exec 3<>/dev/tcp/$to/4003"
		on "$node" inject -c 3 ip "$from" "$to" udp 4003 53
		on "$node" ip route del "$to" via "$gateway"
	done
}

# tries_of NODE GATEWAY...
tries_of() {
	local addresses
	mapfile -t addresses < <(cluster ".nodes.$1.interfaces.eth0.address[] | sub(\"/.*\"; \"\")")
	tries "$@"
}

tries_of web1 10.10.2.1 fd00:10:2::1 10.10.2.2 fd00:10:2::2
tries_of app1 10.10.3.1 fd00:10:3::1 10.10.3.2 fd00:10:3::2
tries_of db1 10.10.4.1 fd00:10:4::1
tries_of mon 10.10.5.1 fd00:10:5::1
is "what of it the user saw" "$(captured user)" ""
is "what of it was on the wire of the balancers" "$(captured edge)" ""
