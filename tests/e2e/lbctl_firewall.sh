#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# A gateway made by commands alone: policies, rules and the block set, seen by a
# client behind it; every packet is counted, and by the rule that judged it.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# answered PORT: the server's greeting comes through.
answered() {
	on client timeout 2 bash -c "exec 3<>/dev/tcp/10.10.1.21/$1 && head -n 1 <&3" |
		grep -qx hello
}

rule_packets() {
	query "[.rules[] | select(.rule == \"$1\").packets] | add // 0" drops
}

dropped() {
	query "[.drops[] | select(.reason == \"$1\").packets] | add // 0" drops
}

net_up
for port in 80 81; do
	start server python3 -c "
import socket
s = socket.create_server(('', $port))
while True:
    c, _ = s.accept()
    c.sendall(b'hello\n')
    c.close()"
done
within 5 on server bash -c ': </dev/tcp/127.0.0.1/81'

# --- from nothing to a gateway --------------------------------------------------

refused "a policy that does not exist" 1 'policy "edge": no such policy' \
	fw rule add edge web action accept
done_by "the first command makes the node" fw policy add edge
refused "adding it again" 1 'policy "edge" exists already' fw policy add edge default accept
done_by "set of a policy is idempotent" fw policy set edge default drop strict yes
lines=5 refused "attaching before the host is ready" 2 \
	'no forward-drop backstop.*forwarding is 0.*not ready' \
	attach dev wan role firewall,forward policy edge
for interface in wan lan; do
	done_by "host setup for $interface" host setup dev "$interface" role firewall,forward
	lbctl attach dev "$interface" role firewall,forward policy edge
	is "attach $interface" "$code $stderr" "0 "
done
lines=2 refused "an interface that does not exist" 2 'interface "dmz" does not exist here' \
	attach dev dmz role firewall policy edge
refused "an interface without a role" 1 'interface "lo" has no role yet, expected role' \
	attach dev lo
is "the addresses of the interfaces were taken over" \
	"$(query '.nodes.gw.interfaces.wan.address | sort | join(" ")' show config)" \
	"198.51.100.1/24 2001:db8:51::1/64"

# --- rules ------------------------------------------------------------------------

check "the default is drop" not answered 80
check "and counted" test "$(dropped policy-default)" -gt 0
done_by "a rule" fw rule add edge web in wan to 10.10.1.0/24 proto tcp port 80 action accept
check "lets a connection through" answered 80
check "and no other" not answered 81
check "and is counted by its name" test "$(rule_packets web)" -gt 0
refused "the same rule again" 1 'rule "web" of policy "edge" exists already' \
	fw rule add edge web action drop
refused "before a rule that is not there" 1 'before "wob": policy "edge" has no such rule' \
	fw rule add edge no before wob action drop
refused "a set that does not exist" 1 'neither a network nor the name of a set' \
	fw rule add edge no from office action drop
refused "a network with bits behind its prefix" 1 \
	'from "10.0.0.1/8": bits behind the prefix are set, expected the network 10.0.0.0/8' \
	fw rule add edge no from 10.0.0.1/8 action drop
done_by "a rule before it" fw rule add edge no-web before web proto tcp port 80 action drop
is "is in its place" "$(query '[.policies[0].rules[].name] | join(" ")' fw rule show)" "no-web web"
check "and decides first" not answered 80
check "which is counted as a rule's drop" test "$(dropped rule)" -gt 0
done_by "deleting it" fw rule del edge no-web
refused "deleting it twice" 1 'rule "no-web": policy "edge" has no such rule' \
	fw rule del edge no-web
check "lets connections through again" answered 80

# A flow under way is judged again.
done_by "a rule for ping" fw rule add edge ping after web proto icmp action accept
check "IPv4 passes" reaches 4
check "IPv6 passes" reaches 6
start client ping -q -i 0.1 10.10.1.21
done_by "deleting the rule" fw rule del edge ping
before=$(dropped policy-default)
cut() {
	(($(dropped policy-default) > before + 3))
}
check "cuts the flow that is under way" within 5 cut

# --- the block set -----------------------------------------------------------------

done_by "block a source" fw block 198.51.100.0/24
done_by "block is idempotent" fw block 198.51.100.0/24
done_by "block one more" fw block 2001:db8:51::7
is "the block set is listed" "$(query '[.blocks[].prefix] | sort | join(" ")' fw blocks)" \
	"198.51.100.0/24 2001:db8:51::7"
check "a blocked source does not get through" not answered 80
check "and is counted" test "$(dropped blocked)" -gt 0
refused "bits behind the prefix" 1 'expected 198.51.100.0/24' fw block 198.51.100.7/24
refused "unblocking what is not blocked" 1 'is not blocked' fw unblock 203.0.113.0/24
done_by "unblock" fw unblock 198.51.100.0/24
check "lets it through again" answered 80
done_by "block around an exception" fw block 198.51.0.0/16
done_by "the exception" fw allow 198.51.100.0/24
check "what is allowed gets through" answered 80
done_by "the exception is taken out" fw unblock 198.51.100.0/24
check "and is blocked with what is around it" not answered 80
done_by "all that" fw unblock 198.51.0.0/16
done_by "block for a second" fw block 198.51.100.7 timeout 1s
check "a block ends by itself" within 5 answered 80
printf '203.0.113.0/24 timeout 1h\n# nothing\n2001:db8:77::/48\n' >"$scratch/list"
done_by "block a list" fw block -f "$scratch/list"
is "the list is in the set" "$(query '.total' fw blocks)" 3
printf '203.0.113.0/24\nx\n' >"$scratch/list"
refused "a mistake in a list" 1 'list:2: "x": expected an address' fw block -f "$scratch/list"
refused "a list and a prefix" 1 'either CIDR or -f' fw block 203.0.113.9 -f "$scratch/list"

# --- the ledger ----------------------------------------------------------------------

is "rx = pass + tx + redirect + drop, on each interface" \
	"$(query '[.interfaces[] | .rx_packets == .pass_packets + .tx_packets + .redirect_packets +
		.drop_packets] | all' status)" true
is "and in bytes" \
	"$(query '[.interfaces[] | .rx_bytes == .pass_bytes + .tx_bytes + .redirect_bytes +
	.drop_bytes] | all' status)" true
lines=2 refused "a policy that is in use is not deleted" 1 'policy "edge" does not exist' \
	fw policy del edge

net_result
