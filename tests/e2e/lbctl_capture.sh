#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 60
#
# lbctl capture writes what tcpdump reads: real packets as they came and went, with their
# fate in words; not to a terminal. lbctl rates says what happens each second.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

file=$net_dir/captured.pcapng

# captured FILTER...: lines of tcpdump, without times.
captured() {
	tcpdump -tnr "$file" "$@" 2>/dev/null
}

net_up
gateway_write '- {name: ping, in: wan, proto: icmp, action: accept}'
done_by "host setup" host setup file "$config"
done_by "apply" apply -f "$config"
on client ping -q -c 1 -W 1 10.10.1.21 >/dev/null

on gw "$build/lbctl" --node gw capture icmp 198.51.100.7 count 4 seconds 20 \
	>"$file" 2>"$file.said" &
capture_pid=$!
sleep 0.5
on client ping -q -c 2 -i 0.2 -s 100 -W 1 10.10.1.21 >/dev/null
wait "$capture_pid"
is "ends after the packets asked for" "$?" 0
is "counts what it captured" "$(cat "$file.said")" "4 packets captured, 0 lost"
is "tcpdump reads both directions, each as it came and as it left" \
	"$(captured | grep -c 'ICMP echo')" 8
is "the request comes in" "$(captured 'icmp[0] == 8' | head -n 1 | grep -o 'IP .*seq')" \
	"$(printf 'IP 198.51.100.7 > 10.10.1.21: ICMP echo request, id %s, seq' \
		"$(captured 'icmp[0] == 8' | sed -n '1s/.*id \([0-9]*\),.*/\1/p')")"
is "it goes on with one hop less" "$(captured -v 'icmp[0] == 8' | grep -o 'ttl [0-9]*' | head -n 2 |
	tr '\n' ' ')" "ttl 64 ttl 63 "
is "its comment says what became of it, and by which rule" \
	"$(grep -ao 'redirect (sent out of another interface) rule ping' "$file" | wc -l)" 8
is "interfaces have their names" "$(grep -aoE 'wan|lan' "$file" | sort -u | tr '\n' ' ')" "lan wan "

script -qec "ip netns exec $net_name-gw $build/lbctl --node gw capture" /dev/null \
	>"$file.said" </dev/null
like "a terminal is refused" "$(tr -d '\r' <"$file.said")" \
	'.*standard output is a terminal, expected a file or a pipe.*'

on gw "$build/lbctl" --node gw capture outcome policy-default count 1 seconds 20 \
	>"$file" 2>/dev/null &
capture_pid=$!
sleep 0.3
refused "only one looks at a time" 2 'process [0-9]+ looks at the packets of this node already' \
	capture seconds 1
on client nc -z -w 1 10.10.1.21 22
wait "$capture_pid"
is "drops are seen by their reason" "$(captured | grep -c '10.10.1.21.22: Flags \[S\]')" 1

on client ping -q -c 25 -i 0.1 -W 1 10.10.1.21 >/dev/null &
pings_pid=$!
sleep 0.2
rates=$(on gw "$build/lbctl" --node gw -j rates)
like "rates: ten pings a second come in, and none is dropped" \
	"$(jq -c '.interfaces[] | select(.interface == "wan") | [.rx_pps, .redirect_pps]' \
		<<<"$rates") $(jq -c .drops <<<"$rates")" \
	'\[(9|1[0-3]),(9|1[01])\] .*'
wait "$pings_pid"

net_result
