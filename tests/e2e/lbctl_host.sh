#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# lbctl host: what a gateway and the host of a backend need of their kernel is put
# right, nothing else is touched, and reset takes all of it back.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

settings() {
	on "$1" sysctl -a 2>/dev/null | grep -E '^net\.ipv[46]\.(conf|fib_multipath)' | sort
	on "$1" ip -o addr show dev lo
	on "$1" ip -o link show | sed 's/.* mtu \([0-9]*\).*/mtu \1/'
	on "$1" nft list tables
}

setting() {
	on "$1" sysctl -n "$2"
}

# lbctl_on NODE WORD...
lbctl_on() {
	local node=$1
	shift
	on "$node" "$build/lbctl" --node "$node" "$@" >"$net_dir/stdout" 2>"$net_dir/stderr"
}

# Of what a gateway's own kernel forwards nothing arrives.
leaks() {
	on client ping -q -c 1 -W 1 10.10.1.21
}

# answers ADDRESS: the gateway does, when the client asks it on wan.
answers() {
	on client ping -q -c 1 -W 1 "$1"
}

net_up
gateway_write ""
cat >>"$config" <<-YAML
	  client:
	    interfaces:
	      eth0: {network: wan, address: [198.51.100.7/24, "2001:db8:51::7/64"], mtu: 1600,
	            roles: [balancer]}
	  server:
	    interfaces:
	      eth0: {network: lan, address: [10.10.1.21/24, "fd00:10:1::21/64"], mtu: 1600,
	            roles: [decap]}
	services:
	  www: {vips: ["192.0.2.10:80", "[2001:db8:2::10]:80"], proto: tcp, forward: ipip,
	        backends: {server: {}}}
YAML
ip -n "$net_name-gw" link add mgmt type veth peer name other netns "$net_name-client"
ip -n "$net_name-gw" link set mgmt up

# --- a gateway ---------------------------------------------------------------------

before=$(settings gw)
lbctl host check file "$config"
is "check finds errors" "$code" 2
is "and changes nothing" "$(settings gw)" "$before"
done_by "setup" host setup file "$config"
like "setup says what it changed" "$stdout" 'changed +no forward-drop backstop'
is "forwarding is on" \
	"$(setting gw net.ipv4.conf.wan.forwarding)$(setting gw net.ipv6.conf.lan.forwarding)" 11
is "on no other interface" \
	"$(setting gw net.ipv4.conf.mgmt.forwarding)$(setting gw net.ipv6.conf.mgmt.forwarding)" 00
is "nor are router advertisements off there" "$(setting gw net.ipv6.conf.mgmt.accept_ra)" 1
check "the backstop stops what the kernel would forward" not leaks
like "and counts it" "$(on gw nft list table inet sluice_backstop)" 'packets [1-9]'
check "the gateway answers outside for its outside address" answers 198.51.100.1
check "and not for its inside address" not answers 10.10.1.1
lbctl host check file "$config"
is "then check is content" "$code" 0
on gw nft flush chain inet sluice_backstop input
lbctl host check file "$config"
is "inside addresses open to the outside are an error" "$code" 2
done_by "which setup mends" host setup file "$config"
done_by "setup is idempotent" host setup file "$config"
like "and then has nothing to do" "$stdout" 'nothing to put right'
on gw nft add rule inet sluice_backstop forward accept
lbctl host check file "$config"
is "a backstop with a hole is an error" "$code" 2
done_by "which setup mends" host setup file "$config"
check "so that nothing leaks" not leaks

done_by "apply" apply -f "$config"
refused "reset while something is attached" 2 'Sluice is still attached' host reset
done_by "detach" detach dev wan
done_by "detach" detach dev lan
check "after detach the backstop still stands" on gw nft list table inet sluice_backstop
check "and nothing leaks" not leaks
done_by "reset" host reset
is "puts everything back" "$(settings gw)" "$before"

# --- the host of a backend ---------------------------------------------------------------

before=$(settings server)
on server sysctl -qw net.ipv4.conf.all.rp_filter=1
check "setup of a backend" lbctl_on server host setup file "$config"
is "the VIPs are on lo" \
	"$(on server ip -o addr show dev lo | grep -cE '192.0.2.10/32|2001:db8:2::10/128')" 2
is "no ARP is answered for them" "$(setting server net.ipv4.conf.eth0.arp_ignore)" 1
is "nor is one asked as them" "$(setting server net.ipv4.conf.eth0.arp_announce)" 2
is "the reverse path filter is loose" "$(setting server net.ipv4.conf.eth0.rp_filter)" 2
is "and as it was elsewhere" "$(setting server net.ipv4.conf.all.rp_filter)" 1
is "the MTU is that of the file" "$(on server ip -j link show eth0 | jq '.[].mtu')" 1600
is "and nothing forwards" "$(setting server net.ipv4.conf.eth0.forwarding)" 0
check "check is content" lbctl_on server host check file "$config"
on server ip addr del 192.0.2.10/32 dev lo
check "a VIP that is missing is an error" not lbctl_on server host check file "$config"
like "with its fix" "$(<"$net_dir/stdout")" \
	'error +VIP 192.0.2.10 is not on lo.* ip address add 192.0.2.10 dev lo'
on server ip addr add 192.0.2.10/32 dev lo
printf 'sysctl net/ipv4/conf/lo/arp_ignore 2' >>"$net_dir/server.host"
check "reset" lbctl_on server host reset
is "a line cut short in the journal is no change" "$(setting server net.ipv4.conf.lo.arp_ignore)" 0
on server sysctl -qw net.ipv4.conf.all.rp_filter=0
is "puts everything back there" "$(settings server)" "$before"

# --- a balancer ------------------------------------------------------------------------------

check "setup of a balancer" lbctl_on client host setup file "$config"
check "has a backstop" on client nft list table inet sluice_backstop
is "and forwards" "$(setting client net.ipv4.conf.eth0.forwarding)" 1
lbctl_on client -j host setup dev other role balancer
mtu_of_other='.findings[] | select(.finding | contains("MTU of other")).severity'
is "an MTU without room for tunnels is a warning" "$(jq -r "$mtu_of_other" "$net_dir/stdout")" \
	warning
refused "a node that is not in the file" 1 'node "nobody" is not in the file' \
	--node nobody host setup file "$config"

net_result
