#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# lbctl attach where it is not easy: drivers without native XDP, interfaces that
# a foreign program has, a command that may not do what it should.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

program_on() {
	on gw ip -j link show dev "$1" | jq '.[].xdp.prog.id // 0'
}

# attach_foreign IF: a program that passes everything, and is none of Sluice.
attach_foreign() {
	printf '%s\n' '__attribute__((section("xdp"), used)) int foreign(void *ctx) { return 2; }' \
		'char _license[] __attribute__((section("license"), used)) = "GPL";' |
		clang -target bpf -O2 -g -x c -c - -o "$net_dir/foreign.o" &&
		ip -n "$net_name-gw" link set dev "$1" xdp obj "$net_dir/foreign.o" sec xdp
}

net_up
done_by "a policy" fw policy add edge default accept

refused "a driver without native XDP" 2 \
	'no native XDP, expected "lbctl attach dev lo mode generic"' \
	attach dev lo role firewall policy edge
lbctl attach dev lo role firewall policy edge mode generic
is "generic mode works everywhere" "$code $(query '.interfaces[0].mode' status)" "0 generic"
like "and doctor warns of it" \
	"$(query '.findings[] | select(.severity == "warning").finding' doctor)" \
	'lo runs in generic mode'
before=$(program_on lo)
lbctl attach dev lo
is "attaching again needs no role and no mode" "$code" 0
check "replaces the program" test "$(program_on lo)" -ne "$before"
refused "role firewall needs a policy" 1 'interface "wan": role firewall needs a policy' \
	attach dev wan role firewall
refused "a policy needs the role" 1 'policy "edge" needs the role firewall' \
	attach dev wan role forward policy edge --force

check "a foreign program" attach_foreign wan
before=$(program_on wan)
refused "is not pushed aside" 2 'another XDP program is there and does not share it' \
	attach dev wan role firewall policy edge
is "and stays" "$(program_on wan)" "$before"
refused "nor detached" 2 'nothing of Sluice is attached to "wan"' detach dev wan
is "and still stays" "$(program_on wan)" "$before"
on gw "$build/lbctl" --node new attach dev wan role forward --force 2>/dev/null
is "as a node's first command, too" $? 2
check "which then leaves no node" not test -e "$SLUICE_PIN_ROOT/new"
on gw ip link set dev wan xdp off

lbctl attach dev wan role firewall policy edge
is "then there is room" "$code" 0
ip -n "$net_name-gw" link del wan
done_by "an interface that is gone can be detached" detach dev wan
is "and is out of the configuration" "$(query '[.interfaces[].interface] | join(" ")' status)" lo

# Nobody's user, with no capability at all.
seen=$(on gw setpriv --reuid 65534 --clear-groups "$build/lbctl" --node gw fw policy add x 2>&1)
is "without the right to: exit code" $? 2
like "without the right to: what is said" "$seen" 'expected root or CAP_BPF and CAP_NET_ADMIN'

net_result
