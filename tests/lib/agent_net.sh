# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # vip4, vip6: of the tests
# A small network for tests of sluice-agent: a router (fw1), two balancers (lb1,
# lb2) and two backends (be1, be2) on one switch, each in a namespace of its own.
#
#   source tests/lib/agent_net.sh; net_up; ...; the trap takes everything down.

# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
# shellcheck source=tests/lib/processes.sh
source tests/lib/processes.sh

build=$PWD/${BUILD:-build}
net_name=t-agent-$$
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-agent.XXXXXX")
export SLUICE_PIN_ROOT=$net_dir/bpf
net_nodes=(fw1 lb1 lb2 be1 be2)
declare -A net_host=([fw1]=1 [lb1]=11 [lb2]=12 [be1]=21 [be2]=22)

# The services of a test; the nodes stay the same.
cluster_file=$net_dir/cluster.yaml
vip4=192.0.2.10
vip6=2001:db8:2::10

on() {
	local node=$1
	shift
	ip netns exec "$net_name-$node" "$@"
}

# start NAME NODE COMMAND...: in the background, its output in a log.
start() {
	local name=$1 node=$2
	shift 2
	# Not by on(): a shell in between would get the signals.
	ip netns exec "$net_name-$node" "$@" </dev/null >>"$net_dir/$name.log" 2>&1 &
	net_pids[$name]=$!
}

# --- the network ------------------------------------------------------------------

net_link() {
	local node=$1 host=${net_host[$1]} ns=$net_name-$1

	ip netns add "$ns"
	ip -n "$ns" link set lo up
	ip link add eth0 netns "$ns" type veth peer name "$node" netns "$net_name-sw"
	ip -n "$net_name-sw" link set "$node" master br0 up
	# Without GRO on its peer, a veth drops what XDP redirects or sends.
	on sw ethtool -K "$node" gro on >/dev/null
	on "$node" ethtool -K eth0 tx off >/dev/null
	on "$node" sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	ip -n "$ns" addr add "10.10.1.$host/24" dev eth0
	ip -n "$ns" addr add "fd00:10:1::$host/64" dev eth0 nodad
	ip -n "$ns" link set eth0 up
}

net_up() {
	local node

	trap net_down EXIT
	# In this namespace, for `ip netns exec` would take its own mount along.
	mkdir -p "$SLUICE_PIN_ROOT" && mount -t bpf bpffs "$SLUICE_PIN_ROOT"
	ip netns add "$net_name-sw"
	ip -n "$net_name-sw" link add br0 type bridge
	ip -n "$net_name-sw" link set br0 up
	for node in "${net_nodes[@]}"; do
		net_link "$node"
	done
	for node in lb1 lb2; do
		ip -n "$net_name-$node" route add default via 10.10.1.1
		ip -n "$net_name-$node" -6 route add default via fd00:10:1::1
	done
	openssl rand -hex 32 >"$net_dir/key"
	chmod 600 "$net_dir/key"
}

net_down() {
	local name node

	for name in "${!net_pids[@]}"; do
		stop "$name"
	done
	[ "$net_failed" -eq 0 ] || net_show_logs
	for node in "${net_nodes[@]}" sw; do
		ip netns del "$net_name-$node" 2>/dev/null
	done
	umount "$SLUICE_PIN_ROOT"
	rm -rf "$net_dir"
}

net_show_logs() {
	local log

	for log in "$net_dir"/*.log; do
		[ ! -s "$log" ] || { echo "--- $(basename "$log")" && tail -n 60 "$log"; }
	done
}

# --- configuration ----------------------------------------------------------------

# cluster_write <SERVICES: the text of the services comes from standard input. Backends
# are be1 and be2; $announce lists the services that the balancers announce, $router
# and $backend say what the interfaces of fw1 and of the backends are for.
cluster_write() {
	cat - >"$net_dir/services"
	{
		echo "sluice: 1"
		echo "cluster: test"
		echo "key: $net_dir/key"
		echo "limits: {flows: 1024}"
		cat "$net_dir/services"
		echo "nodes:"
		cluster_node fw1 "${router:-}" "metrics: \"10.10.1.1:9101\""
		cluster_node lb1 "roles: [balancer]" "$(cluster_balancer 11)"
		cluster_node lb2 "roles: [balancer]" "$(cluster_balancer 12)"
		cluster_node be1 "${backend:-}" "metrics: \"10.10.1.21:9101\""
		cluster_node be2 "${backend:-}" ""
	} >"$cluster_file"
}

cluster_balancer() {
	echo "metrics: \"10.10.1.$1:9101\", exchange: \"10.10.1.$1:9103\"," \
		"announce: [${announce:-www}]"
}

cluster_node() {
	local host=${net_host[$1]}

	echo "  $1:"
	echo "    interfaces:"
	echo "      eth0: {network: edge, address: [10.10.1.$host/24, \"fd00:10:1::$host/64\"]" \
		"${2:+, $2}}"
	[ -z "$3" ] || echo "    agent: {$3}"
}

lbctl() {
	local node=$1
	shift
	on "$node" "$build/lbctl" --node "$node" "$@" >>"$net_dir/lbctl.log" 2>&1
}

# apply NODE...: makes them what the cluster file says.
apply() {
	local node

	for node in "$@"; do
		lbctl "$node" host setup file "$cluster_file" || return
		lbctl "$node" apply -f "$cluster_file" || return
	done
}

agent_start() {
	start "agent-$1" "$1" "$build/sluice-agent" --node "$1"
	within 5 metrics "$1"
}

agent_stop() {
	stop "agent-$1" "${2:-TERM}"
}

# --- what an observer sees --------------------------------------------------------

metrics() {
	on "$1" curl -sf --max-time 2 "http://10.10.1.${net_host[$1]}:9101/metrics"
}

# metric NODE 'NAME{LABELS}' VALUE: it has that value.
metric() {
	metrics "$1" | grep -xF "$2 $3" >/dev/null
}

family() {
	if [[ $1 == *:* ]]; then echo -6; else echo -4; fi
}

# The metric of the route that announces a VIP on a node, or nothing.
announced() {
	ip -n "$net_name-$1" "$(family "$2")" route show table 200 "$2" |
		sed -n 's/.* metric \([0-9]*\).*/\1/p'
}

is_announced() {
	[ "$(announced "$1" "$2")" = "$3" ]
}


# health NODE SERVICE BACKEND up|down: in NODE's data plane, as lbctl reads it.
health() {
	on "$1" "$build/lbctl" --node "$1" -j status |
		jq -e --arg service "$2" --arg backend "$3" --arg health "$4" \
			'.services[] | select(.service == $service) | .backends[] |
			 select(.backend == $backend) | .health == $health' >/dev/null
}

# health_both SERVICE BACKEND up|down: on both balancers.
health_both() {
	health lb1 "$@" && health lb2 "$@"
}

# share NODE SERVICE PERCENT: of new flows, what each of the service's backends gets there.
share() {
	on "$1" "$build/lbctl" --node "$1" -j status |
		jq -e --arg service "$2" --argjson share "$3" \
			'[.services[] | select(.service == $service) | .backends[] |
			  .share_percent == $share] | all' >/dev/null
}

share_both() {
	share lb1 "$@" && share lb2 "$@"
}
