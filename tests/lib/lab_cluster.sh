# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154
# For the tests in the lab: who is who in it, as the cluster file says, and how the
# balancers, the routes and the proxies are at the moment.

GATEWAYS=(fw1 fw2 fw3 fw4)
BALANCERS=(lb1 lb2)
PROXIES=(tls1 tls2)
WEBS=(web1 web2)
APPS=(app1 app2)
DATABASES=(db1 db2 db3)
DATA_PLANES=("${GATEWAYS[@]}" "${BALANCERS[@]}" "${PROXIES[@]}")

# cluster QUERY: of the cluster file, by jq.
cluster() {
	[[ -s $scratch/cluster.json ]] ||
		"$BUILD/lbctl" -j show config file "$CLUSTER" >"$scratch/cluster.json" || return
	jq -r "$1" "$scratch/cluster.json"
}

# of_family 4|6: those of the addresses on standard input.
of_family() {
	if (($1 == 4)); then grep -v :; else grep :; fi
}

# address NODE 4|6 [INTERFACE]: its first one.
address() {
	cluster ".nodes.$1.interfaces.${3:-eth0}.address[]" | of_family "$2" |
		sed -n '1s/\/.*//p'
}

# vip 4|6: the service's address.
vip() {
	cluster '.services.www.vips[] | sub(":[0-9]*$"; "")' | of_family "$1" |
		head -n 1 | tr -d '[]'
}

# inner_addresses 4|6: of all interfaces that are not in the internet.
inner_addresses() {
	cluster '.nodes[].interfaces[] | select(.network != "internet").address[]' |
		of_family "$1" | sed 's/\/.*//'
}

VIP4=$(vip 4) VIP6=$(vip 6)
USER4=$(address user 4) USER6=$(address user 6)

# from_to 4|6: "USER VIP", as lbctl and inject want them.
from_to() {
	if (($1 == 4)); then echo "$USER4 $VIP4"; else echo "$USER6 $VIP6"; fi
}

metrics_of() {
	on "$1" curl -sf --max-time 2 "http://$(cluster ".nodes.$1.agent.metrics")/metrics"
}

# backends_up BALANCER: those that it gives new connections to.
backends_up() {
	lbctl "$1" -j status | jq -r '
		.services[].backends[] | select(.health == "up" and .state == "up").backend' | sort
}

# backends_are PROXY...: both balancers have just these up.
backends_are() {
	local balancer
	for balancer in "${BALANCERS[@]}"; do
		[[ $(backends_up "$balancer" | paste -sd ' ') == "$*" ]] || return
	done
}

# paths 4|6: the balancers that fw1's kernel would send packets to the VIP to, by their addresses.
paths() {
	on fw1 ip "-$1" -j route show "$(vip "$1")" |
		jq -r '.[] | (.nexthops // [.])[].gateway // empty' | sort
}

# paths_are N: of either family.
paths_are() {
	[[ $(paths 4 | wc -l) == "$1" && $(paths 6 | wc -l) == "$1" ]]
}

router() {
	on fw1 birdc -s "$STATE/fw1/bird.ctl" "$@"
}

# announced_well N: by so many balancers, for either VIP.
announced_well() {
	local vip routes
	for vip in "$VIP4" "$VIP6"; do
		routes=$(router show route for "$vip" all) || return
		(($(grep -c 'BGP.local_pref: 100' <<<"$routes") == $1)) || return
	done
}

bfd_is_up() {
	local sessions
	sessions=$(router show bfd sessions) || return
	(($(grep -c ' Up ' <<<"$sessions") == 2 * ${#BALANCERS[@]}))
}

lab_is_well() {
	paths_are ${#BALANCERS[@]} && announced_well ${#BALANCERS[@]} && bfd_is_up &&
		backends_are "${PROXIES[@]}"
}

# Where a fault begins, and where it must end again.
require_well() {
	wait_until 20 "both balancers announce, and both proxies are up" lab_is_well
}
