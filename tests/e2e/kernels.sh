#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 900
#
# The data plane loads, in every combination of roles, on each supported kernel.
set -uo pipefail

for release in 6.1 6.12; do
	if ! vm/kernels "$release"; then
		echo "# skip $release: Debian's kernel package cannot be fetched"
	elif vm/run --kernel "$release" --timeout 420 -- "${BUILD:-build}/tests/bpf/load_test"; then
		echo "ok - every combination of roles loads on $release"
	else
		echo "not ok - every combination of roles loads on $release"
	fi
done
