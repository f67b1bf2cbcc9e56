#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 1500
# beside: yes
#
# On each supported kernel the data plane loads, attaches, and does with packets what it
# does here; and its verifier walks not many more instructions than before. Two machines
# run at once.
#
# kernels.sh [all]: every combination of roles and all packet tests on each, as
# `make vm-test` runs them. Otherwise the roles that nodes have, and what depends most
# on the kernel.
set -uo pipefail

build=${BUILD:-build}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM

declare -A tests=(
	[6.1]="load:common attach decap check_path"
	[6.12]="load:common check_path"
)
limit_s=1400

if [ "${1-}" = all ]; then
	limit_s=5400
	all=$(cd tests/bpf && printf '%s ' *_test.c)
	all=${all//_test.c/}
	tests=([6.1]=$all [6.12]=$all)
fi

# In the guest: every test program, whatever became of the one before.
# shellcheck disable=SC2016 # expanded there
guest='
build=$1 kernel=$2
shift 2
for test; do
	program=$build/tests/bpf/${test%%:*}_test arguments=${test#"${test%%:*}"}
	if "$program" ${arguments#:}; then
		echo "ok - ${test%%:*} test on $kernel"
	else
		echo "not ok - ${test%%:*} test on $kernel"
	fi
done'

test_on() {
	if ! vm/kernels "$1"; then
		echo "# skip $1: Debian's kernel package cannot be fetched"
		return
	fi
	# shellcheck disable=SC2086 # words are what is wanted
	vm/run --kernel "$1" --timeout $limit_s -- \
		bash -c "$guest" guest "$build" "$1" ${tests[$1]} ||
		echo "not ok - the machine with $1 ended well"
}

for release in 6.1 6.12; do
	test_on "$release" >"$logs/$release" 2>&1 &
done
wait
for release in 6.1 6.12; do
	cat "$logs/$release"
	grep -q '^# skip' "$logs/$release" ||
		tests/verifier/baseline check "$release" "$logs/$release"
done
