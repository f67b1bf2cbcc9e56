#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 1500
# beside: yes
#
# On each supported kernel the data plane loads in every combination of roles,
# attaches, and does with packets what it does here. Two machines run at once.
set -uo pipefail

tests=(load attach sanity firewall flow balancer decap forward check_path)
build=${BUILD:-build}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM

# In the guest: every test program, whatever became of the one before.
# shellcheck disable=SC2016 # expanded there
guest='
build=$1 kernel=$2
shift 2
for test; do
	if "$build/tests/bpf/${test}_test"; then
		echo "ok - $test test on $kernel"
	else
		echo "not ok - $test test on $kernel"
	fi
done'

test_on() {
	if ! vm/kernels "$1"; then
		echo "# skip $1: Debian's kernel package cannot be fetched"
	elif ! vm/run --kernel "$1" --timeout 1400 -- \
		bash -c "$guest" guest "$build" "$1" "${tests[@]}"; then
		echo "not ok - the machine with $1 ended well"
	fi
}

# Between the oldest kernel and this one, what depends most on the kernel is enough.
for release in 6.1 6.12; do
	[ "$release" = 6.1 ] || tests=(load attach balancer decap check_path)
	test_on "$release" >"$logs/$release" 2>&1 &
done
wait
cat "$logs"/*
