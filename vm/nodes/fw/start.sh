# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# BIRD on the first firewall, the router in front of the balancers: takes the VIPs by BGP and
# spreads flows over those who announce them.
[[ $node == fw1 ]] || return 0
mapfile -t balancers < <(nodes_of lb)
ROUTER_ID=$(address_on "$node" edge 4)
LOCAL4=$ROUTER_ID LOCAL6=$(address_on "$node" edge 6)
PEER1_4=$(address_on "${balancers[0]}" edge 4) PEER1_6=$(address_on "${balancers[0]}" edge 6)
PEER2_4=$(address_on "${balancers[1]}" edge 4) PEER2_6=$(address_on "${balancers[1]}" edge 6)
VIP4=$(vip_addresses 4) VIP6=$(vip_addresses 6)
render "$ROOT/vm/bird/router.conf.in" >"$state/bird.conf"
chown bird "$state"

daemon "$node" bird root bird -f -u bird -g bird -c "$state/bird.conf" -s "$state/bird.ctl"

# Both balancers announce both addresses, and say that they are well.
announced() {
	local vip routes
	for vip in "$VIP4" "$VIP6"; do
		routes=$(birdc -s "$state/bird.ctl" show route for "$vip" all)
		[[ $(grep -c 'BGP.local_pref: 100' <<<"$routes") == "$(present_of lb)" ]] || return
	done
}

node_ready() {
	wait_for 30 "$node: the VIPs from ${balancers[*]} (birdc -s $state/bird.ctl)" announced
}
