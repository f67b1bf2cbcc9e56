#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 300
#
# SYN cookies in front of backends that end connections themselves: every forwarding mode,
# both families, large transfers, the ACK at another balancer than the SYN, and a flood.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/agent_net.sh
source tests/lib/agent_net.sh

backends='backends: {be1: {}, be2: {}}'

backend="roles: [decap]" announce="by-ip" cluster_write <<-YAML
	services:
	  by-ip: {vips: ["$vip4:80", "[$vip6]:80"], syn-cookies: always, $backends}
	  by-link: {vips: ["$vip4:81", "[$vip6]:81"], forward: dsr, syn-cookies: always, $backends}
	  by-udp: {vips: ["$vip4:82", "[$vip6]:82"], forward: gue, syn-cookies: always, $backends}
	  pressed: {vips: ["$vip4:83"], syn-cookies: 50/s, $backends}
	  calm: {vips: ["$vip4:84"], syn-cookies: 50/s, $backends}
YAML

# servers_start BACKEND: at the VIPs; they tell what they get by its length and hash.
servers_start() {
	local vip port

	for vip in "$vip4" "$vip6"; do
		ip -n "$net_name-$1" addr add "$vip" dev lo
	done
	for port in 80 81 82 83 84; do
		start "http-$1-$port" "$1" python3 tests/e2e/tools/sums.py "$port"
	done
}

# fetch URL [OPTION...]: the client's.
fetch() {
	on fw1 curl -sS --max-time 20 "${@:2}" "$1"
}

# cookies SERVICE NODE FIELD
cookies() {
	on "$2" "$build/lbctl" --node "$2" -j status |
		jq ".services[] | select(.service == \"$1\") | .cookies_$3"
}

accepted() {
	local node sum=0

	for node in be1 be2; do
		sum=$((sum + $(on "$node" "$build/lbctl" --node "$node" -j status |
			jq .syn_cookies.accepted)))
	done
	echo "$sum"
}

upload_is_whole() {
	is_same "$(fetch "$1" --data-binary "@$net_dir/large")" "$large_sum"
}

is_same() {
	[ "$1" = "$2" ] || { echo "# \"$1\", expected \"$2\"" && return 1; }
}

download_is_whole() {
	is_same "$(fetch "$1/$large_bytes" | md5sum | cut -d ' ' -f 1)" "$zeros_sum"
}

# Packets to the VIPs go to this balancer from now on.
route_to() {
	ip -n "$net_name-fw1" route replace "$vip4" via "10.10.1.$1"
	ip -n "$net_name-fw1" -6 route replace "$vip6" via "fd00:10:1::$1"
}

# GRO would join packets that the balancers sent, and their checksums would be lost to XDP
# behind the switch: a program on its ports lets them through as well.
pass_on_switch() {
	local node

	for node in fw1 lb1 lb2 be1 be2; do
		on sw ethtool -K "$node" gro off >/dev/null
		ip -n "$net_name-sw" link set "$node" xdp obj "$build/vm/fabric/pass.bpf.o" sec xdp
	done
}

net_up
pass_on_switch || not_ok "a program on each port of the switch"
large_bytes=1000000
head -c "$large_bytes" /dev/urandom >"$net_dir/large"
large_sum=$(md5sum <"$net_dir/large" | cut -d ' ' -f 1)
zeros_sum=$(head -c "$large_bytes" /dev/zero | md5sum | cut -d ' ' -f 1)
servers_start be1
servers_start be2
apply lb1 lb2 be1 be2 || not_ok "the configuration is applied"
agent_start lb1
agent_start lb2
route_to 11
check "a server answers" within 10 fetch "http://$vip4:80/1" -o /dev/null

for port in 80 81 82; do
	for host in "$vip4" "[$vip6]"; do
		check "port $port of $host: an upload of $large_bytes octets is whole" \
			upload_is_whole "http://$host:$port"
		check "port $port of $host: a download, too" \
			download_is_whole "http://$host:$port"
	done
done

half_open() {
	local node

	for node in be1 be2; do
		on "$node" ss -Htan state syn-recv
	done | wc -l
}

all_cookies() {
	is_same "$(cookies "$1" lb1 sent)" "$(cookies "$1" lb1 valid)"
}
for service in by-ip by-link by-udp; do
	check "$service: each cookie came back, and was valid" all_cookies "$service"
done
between "connections that the backends took" "$(accepted)" 13 20

# The SYN goes to one balancer, what follows to the other.
two_ways() {
	on fw1 sysctl -qw net.ipv4.conf.all.rp_filter=0
	on fw1 nft -f - <<-NFT
		table ip two {
			chain out {
				type route hook output priority mangle
				ip daddr $vip4 tcp flags & (syn | ack) == ack meta mark set 2
			}
		}
	NFT
	ip -n "$net_name-fw1" rule add fwmark 2 table 2
	ip -n "$net_name-fw1" route add "$vip4" via 10.10.1.12 table 2
}
two_ways || not_ok "two ways"
before=$(cookies by-ip lb2 valid)
check "the ACK arrives at another balancer than the SYN: all is whole" \
	upload_is_whole "http://$vip4:80"
is "which knew the cookie" "$(($(cookies by-ip lb2 valid) - before))" 1
on fw1 nft delete table ip two

# A flood, and clients meanwhile: of the service itself, and of another.
crowd() {
	local failed=0

	for _ in $(seq 12); do
		fetch "http://$vip4:$1/1000" --max-time 10 -o /dev/null || failed=$((failed + 1))
	done
	echo "$failed"
}
is "a calm service gets no cookies" "$(crowd 83) $(cookies pressed lb1 sent)" "0 0"
start flood fw1 python3 tests/e2e/tools/synflood.py "$vip4" 83 25 2000
pressed() {
	[ "$(cookies pressed lb1 sent)" -gt 500 ]
}
check "a service under a flood gives cookies" within 10 pressed
is "clients of it that fail" "$(crowd 83)" 0
is "clients of another service that fail" "$(crowd 84)" 0
is "which gave no cookies" "$(cookies calm lb1 sent)" 0
below "half-open connections at the backends, of thousands of SYNs" "$(half_open)" 700
below "connections that the balancer remembers" "$(on lb1 "$build/lbctl" --node lb1 -j doctor |
	jq -r '.findings[].finding' | sed -n 's/connections, IPv4: \([0-9]*\) of.*/\1/p')" 900
stop flood
metrics lb1 | grep -q '^sluice_syn_cookies_total{service="pressed",result="sent"} [1-9]' ||
	not_ok "metrics tell of cookies"
like "trace tells of the cookie" \
	"$(on lb1 "$build/lbctl" --node lb1 trace tcp 198.51.100.9:1234 "$vip4:80" dev eth0 \
		flags syn)" \
	'answered with a SYN cookie'

# Another key, on the backends first: connections go on while it comes into force.
openssl rand -hex 32 >"$net_dir/key"
check "a new key is applied" apply be1 be2
is "balancers with the old key go on" "$(crowd 80)" 0
check "and everywhere" apply lb1 lb2
is "with the new key, too" "$(crowd 80)" 0

exit $net_failed
