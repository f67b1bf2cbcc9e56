#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# --confirm: a policy that locks the operator out is turned back in time by the kernel itself,
# with every process of lbctl killed; and so are programs that were put on or taken off.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# now_ms: of a clock that nobody sets.
now_ms() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

# back_after: milliseconds since $armed until the server is reached again; 9999: not at all.
back_after() {
	while (($(now_ms) - armed < 12000)); do
		if on client ping -q -c 1 -W 0.2 10.10.1.21 >/dev/null 2>&1; then
			echo $(($(now_ms) - armed))
			return
		fi
	done
	echo 9999
}

state_of() {
	query ".generations[] | select(.generation == $1) | .state" show generations
}

newest() {
	query '.generations[-1].generation' show generations
}

net_up
gateway_write '- {name: ping, in: wan, proto: icmp, action: accept}'
cp "$config" "$net_dir/open.yaml"
gateway_write ''
cp "$config" "$net_dir/closed.yaml"
lbctl host setup file "$net_dir/open.yaml"
done_by "apply the policy that lets the operator in" apply -f "$net_dir/open.yaml"
check "the operator gets in" reaches 4

# --- not confirmed ------------------------------------------------------------------

done_by "apply one that does not, for 6 seconds" apply -f "$net_dir/closed.yaml" --confirm 6
armed=$(now_ms)
like "it says how long it waits" "$stdout" 'confirm within seconds [1-6]'
is "it is pending" "$(state_of "$(newest)")" pending
check "the operator is locked out" not on client ping -q -c 1 -W 0.3 10.10.1.21
refused "another change while it waits" 2 \
	'generation [0-9]+ waits for a confirmation, for [1-6] s yet' \
	fw rule add edge more proto udp port 54 action accept
took=$(back_after)
check "and in again within a second of the time ($took ms)" test "$took" -le 7000
lbctl diff "$net_dir/open.yaml"
is "what was in force is" "$code $stdout" "0 no changes"
undone=$(newest)
lbctl confirm
like "confirming comes too late" "$code $stderr" '^2 .*nothing waits for a confirmation'
is "the generation is undone" "$(state_of "$undone")" undone
check "what a boot restores lets the operator in" \
	grep -q 'name: ping' "$net_dir/state/gw/boot.yaml"
check "the programs are plain ones again" not on gw bpftool prog show name sluice_guard
check "the operator is still in" reaches 4

# --- killed -------------------------------------------------------------------------------

# Everything that lbctl is dies as soon as the operator is out.
setsid ip netns exec "$net_name-gw" "$build/lbctl" --node gw apply -f "$net_dir/closed.yaml" \
	--confirm 2 >/dev/null 2>&1 &
victim=$!
while on client ping -q -c 1 -W 0.2 10.10.1.21 >/dev/null 2>&1; do :; done
armed=$(now_ms)
kill -9 "$victim"
wait "$victim" 2>/dev/null
took=$(back_after)
check "after kill -9 of lbctl, in again within a second of the time ($took ms)" \
	test "$took" -le 3000
done_by "the next change is as always" fw rule add edge more proto udp port 54 action accept
check "the operator is still in" reaches 4
lbctl fw rule del edge more

# --- confirmed ---------------------------------------------------------------------------

done_by "apply for 5 seconds" apply -f "$net_dir/closed.yaml" --confirm 5
check "what a boot restores is not that yet" \
	grep -q 'name: ping' "$net_dir/state/gw/boot.yaml"
done_by "confirm" confirm
check "then it is" not grep -q 'name: ping' "$net_dir/state/gw/boot.yaml"
sleep 5
check "and stays when the time is over" not on client ping -q -c 1 -W 0.3 10.10.1.21
lbctl diff "$net_dir/closed.yaml"
is "as diff says" "$code" 0
check "without a guard" not on gw bpftool prog show name sluice_guard

# --- turned back by hand ------------------------------------------------------------------

done_by "a rule by hand, for a time" fw rule add edge ping in wan proto icmp action accept \
	--confirm 60
check "lets the operator in" reaches 4
done_by "rollback" rollback
check "turns it back at once" not on client ping -q -c 1 -W 0.3 10.10.1.21
done_by "and changes are made again" apply -f "$net_dir/open.yaml"

# --- programs -----------------------------------------------------------------------------

done_by "detach wan for a time" detach dev wan --confirm 4
check "without its program nothing is forwarded" not on client ping -q -c 1 -W 0.3 10.10.1.21
armed=$(now_ms)
took=$(back_after)
check "then the program is back ($took ms)" test "$took" -le 5000
lbctl diff "$net_dir/open.yaml"
is "as diff says" "$code $stdout" "0 no changes"

lbctl detach dev wan
lbctl detach dev lan
ip netns exec "$net_name-gw" sysctl -qw net.ipv4.conf.{wan,lan}.forwarding=1
on gw nft delete table inet sluice_backstop
check "without Sluice the kernel forwards" reaches 4
done_by "attach a program that locks the operator out" \
	attach dev wan role firewall policy edge --force
lbctl fw rule del edge ping
check "it does" not on client ping -q -c 1 -W 0.3 10.10.1.21
lbctl detach dev wan
done_by "the same for a time" attach dev wan role firewall policy edge --force --confirm 3
armed=$(now_ms)
check "locks out" not on client ping -q -c 1 -W 0.3 10.10.1.21
took=$(back_after)
check "then everything passes, as before ($took ms)" test "$took" -le 4000
is "and nothing is attached, as status says" "$(query '.interfaces[]?.program_id' status)" ""

refused "a time that is none" 1 'expected seconds, from 1 to 3600' detach dev wan --confirm 0
net_result
