#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 2400
#
# Two balancers on kernels of their own, beside the user's and the backends' machine:
# the power of one fails under traffic. What namespaces of one kernel would share by
# accident is not shared here.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
# shellcheck source=tests/lib/vm_clients.sh
source tests/lib/vm_clients.sh

build=${BUILD:-build}
[[ $build == /* ]] || build=$PWD/$build
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-vm-test.XXXXXX")
trap 'vm/lab --vms down; rm -rf "$net_dir"' EXIT
trap 'exit 130' INT TERM HUP

on() {
	vm/lab --vms exec "$@"
}

rings() {
	on "$1" bpftool -j map dump name sluice_digests | jq -c '[.[].formatted // .]'
}

boot_of() {
	on "$1" cat /proc/sys/kernel/random/boot_id
}

sent_by() {
	on "$1" lbctl -j status | jq '[.services[].backends[].sent_packets] | add'
}

# same COMMAND: it says the same of both balancers.
same() {
	local first second
	first=$("$1" lb1) && second=$("$1" lb2) && [[ -n $first && $first == "$second" ]]
}

vm/kernels 6.12 >/dev/null || {
	echo "# skip 6.12: Debian's kernel package cannot be fetched"
	exit 0
}
check "four machines are up" vm/lab --vms up 6.12
((net_failed == 0)) || give_up "the machines" "$(tail -qn 3 /run/sluice-vms/*/up.log)"
check "the balancers' kernels are two" not same boot_of
check "their rings are equal" within 30 same rings
like "the program is native on virtio-net" \
	"$(on lb1 lbctl -j status | jq -r '.interfaces[0].mode')" native
is "the router has two ways to the VIP" \
	"$(on fw1 ip route show 192.0.2.10 | grep -c 'nexthop')" 2
check "an HTTPS request is answered" request
before1=$(sent_by lb1) before2=$(sent_by lb2)
pull_the_plug() {
	check "lb1 carries connections" test "$(sent_by lb1)" -gt "$before1"
	check "lb2 carries connections" test "$(sent_by lb2)" -gt "$before2"
	vm/lab --vms power lb1 off
}
keep_while pull_the_plug
judge_kept "a balancer's power fails"
check "an HTTPS request is answered by the other balancer" request
check "it is started again" vm/lab --vms power lb1 on
check "its rings are as the other's again" within 60 same rings
is "the router has two ways again" \
	"$(on fw1 ip route show 192.0.2.10 | grep -c 'nexthop')" 2

exit $net_failed
