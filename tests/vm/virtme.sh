#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 600
# vm/run --vng: a machine of virtme-ng, in which the data plane loads.
# shellcheck source=tests/lib/vm.sh
source tests/lib/vm.sh

vm/virtme >/dev/null || {
	echo "# skip: Debian's virtme-ng cannot be fetched"
	exit 0
}
# shellcheck disable=SC2016 # expanded there
vm/run --vng --kernel 6.12 --timeout 500 -- bash -c '
	[ "$(uname -r | cut -d . -f 1,2)" = 6.12 ] && echo "ok - virtme-ng boots 6.12"
	"$1/tests/bpf/load_test" common && echo "ok - the data plane loads there"
	exit 7' - "${BUILD:-build}"
code=$?
if [ $code -eq 7 ]; then
	echo "ok - the exit code is the command's"
else
	echo "not ok - the exit code is the command's: $code"
fi
