# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# For tests in virtual machines: the guest's script prints the verdicts, and the host's waits.
set -uo pipefail

vm_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-vm-test.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$vm_dir"' EXIT
trap 'exit 130' INT TERM HUP

# guest RELEASE SECONDS [OPTION]... -- COMMAND...: verdicts of a guest.
guest() {
	local release=$1 limit_s=$2
	shift 2

	if ! vm/kernels "$release" >/dev/null; then
		echo "# skip $release: Debian's kernel package cannot be fetched"
		return
	fi
	vm/run --kernel "$release" --timeout "$limit_s" "$@" ||
		echo "not ok - the machine with $release ended well: exit code $?"
}

# tap NAME ADDRESS: a device of ours with several queues, at which a guest's interface can be.
tap() {
	[ -c /dev/net/tun ] && ip tuntap add dev "$1" mode tap multi_queue &&
		ip address add "$2" dev "$1" && ip link set "$1" up
}

# side_by_side COMMAND ITEM...: once for each item, at once; what they print, in order.
side_by_side() {
	local command=$1 item
	shift

	for item; do
		"$command" "$item" >"$vm_dir/$item" 2>&1 &
		vm_pids+=($!)
	done
	wait "${vm_pids[@]}"
	for item; do
		cat "$vm_dir/$item"
	done
}
vm_pids=()
