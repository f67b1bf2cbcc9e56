# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # stdout, stderr, code, config: of the tests
# A gateway between a client and a server, for tests of lbctl: each in a
# namespace of its own, the client on the gateway's "wan", the server on "lan".
#
#   source tests/lib/lbctl_net.sh; net_up; ...; the trap takes everything down.

# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh

build=$PWD/${BUILD:-build}
[[ ${BUILD:-build} != /* ]] || build=$BUILD
net_name=t-lbctl-$$
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-lbctl.XXXXXX")
export SLUICE_PIN_ROOT=$net_dir/bpf
unset SLUICE_NODE
net_children=()
config=$net_dir/site.yaml
stdout='' stderr='' code=0

# --- lbctl ---------------------------------------------------------------------

on() {
	local node=$1
	shift
	ip netns exec "$net_name-$node" "$@"
}

# lbctl WORD...: on the gateway, as node gw; sets stdout, stderr and code.
lbctl() {
	on gw "$build/lbctl" --node gw "$@" >"$net_dir/stdout" 2>"$net_dir/stderr"
	code=$?
	stdout=$(<"$net_dir/stdout")
	stderr=$(<"$net_dir/stderr")
	return $code
}

# done_by TEXT WORD...: lbctl with these words succeeds and has nothing to complain of.
done_by() {
	local text=$1
	shift
	lbctl "$@"
	is "$text" "$code $stderr" "0 "
}

# refused TEXT CODE PATTERN WORD...: exit code, one line (or $lines), and nothing in force changed.
refused() {
	local text=$1 expected=$2 pattern=$3 before
	shift 3
	before=$(in_force)
	lbctl "$@"
	is "$text: exit code" "$code" "$expected"
	like "$text: what is said" "$stderr" "$pattern"
	is "$text: lines" "$(wc -l <"$net_dir/stderr")" "${lines:-1}"
	is "$text: nothing changed" "$(in_force)" "$before"
}

# The configuration and the programs of the gateway. (A failed attachment takes the
# configuration there and back again: the generation is another.)
in_force() {
	on gw "$build/lbctl" --node gw show config 2>&1
	on gw "$build/lbctl" --node gw -j status 2>&1 |
		jq -c '[.interfaces[]? | [.interface, .roles, .program_id]]' 2>&1
}

# query JQ WORD...: of lbctl's JSON.
query() {
	local filter=$1
	shift
	on gw "$build/lbctl" --node gw -j "$@" | jq -r "$filter"
}

# --- the network ---------------------------------------------------------------

# net_link NODE INTERFACE ADDRESS4 ADDRESS6 INTERFACE-OF-THE-GATEWAY ADDRESS4 ADDRESS6
net_link() {
	ip netns add "$net_name-$1"
	ip -n "$net_name-$1" link set lo up
	ip link add "$2" netns "$net_name-$1" type veth peer name "$5" netns "$net_name-gw"
	net_interface "$1" "$2" "$3" "$4"
	net_interface gw "$5" "$6" "$7"
	ip -n "$net_name-$1" route add default via "${6%/*}"
	ip -n "$net_name-$1" -6 route add default via "${7%/*}"
}

# Without GRO, a veth drops what XDP on its peer redirects or sends.
net_interface() {
	on "$1" ethtool -K "$2" tx off gro on >/dev/null
	ip -n "$net_name-$1" addr add "$3" dev "$2"
	ip -n "$net_name-$1" addr add "$4" dev "$2" nodad
	ip -n "$net_name-$1" link set "$2" up
}

net_up() {
	trap net_down EXIT
	trap 'exit 130' INT TERM HUP
	# In this namespace, for `ip netns exec` would take its own mount along.
	mkdir -p "$SLUICE_PIN_ROOT" && mount -t bpf bpffs "$SLUICE_PIN_ROOT"
	ip netns add "$net_name-gw"
	ip -n "$net_name-gw" link set lo up
	net_link client eth0 198.51.100.7/24 2001:db8:51::7/64 \
		wan 198.51.100.1/24 2001:db8:51::1/64
	net_link server eth0 10.10.1.21/24 fd00:10:1::21/64 lan 10.10.1.1/24 fd00:10:1::1/64
	net_neighbours client wan 198.51.100.7 2001:db8:51::7
	net_neighbours server lan 10.10.1.21 fd00:10:1::21
}

# The gateway knows the link addresses of both, as an agent would see to.
net_neighbours() {
	local link address

	link=$(on "$1" ip -j link show eth0 | jq -r '.[].address')
	for address in "$3" "$4"; do
		ip -n "$net_name-gw" neigh replace "$address" lladdr "$link" dev "$2" nud permanent
	done
}

net_down() {
	local pid node

	for pid in "${net_children[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	for node in gw gw2 client server; do
		ip netns del "$net_name-$node" 2>/dev/null
	done
	umount "$SLUICE_PIN_ROOT"
	rm -rf "$net_dir"
}

# The exit code of the script.
net_result() {
	exit $net_failed
}

# start NODE COMMAND...: in the background, until the test ends.
start() {
	local node=$1
	shift
	ip netns exec "$net_name-$node" "$@" </dev/null >"$net_dir/log" 2>&1 &
	net_children+=($!)
}

# reaches FAMILY: an echo request of the client is answered by the server.
reaches() {
	if (($1 == 4)); then
		on client ping -q -c 1 -W 1 10.10.1.21
	else
		on client ping -q -c 1 -W 1 fd00:10:1::21
	fi
}

# gateway_write POLICY-RULES: a cluster file with gw as a gateway on wan and lan.
gateway_write() {
	cat >"$config" <<-YAML
		sluice: 1
		cluster: test
		limits: {flows: 1024}
		policies:
		  edge:
		    default: drop
		    rules:
		      - {name: web, in: wan, to: [10.10.1.21, "fd00:10:1::21"], proto: tcp,
		         port: 80, action: accept}
		      $1
		nodes:
		  gw:
		    interfaces:
		      wan: {network: wan, address: [198.51.100.1/24, "2001:db8:51::1/64"],
		            roles: [firewall, forward], policy: edge}
		      lan: {network: lan, address: [10.10.1.1/24, "fd00:10:1::1/64"],
		            roles: [firewall, forward], policy: edge}
	YAML
}
