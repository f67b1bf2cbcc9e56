#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 1200
#
# On each supported kernel: a virtio-net interface with several queues runs the
# program natively, counts every packet of all queues, and shares the interface
# with a foreign program as far as the README says.
# shellcheck source=tests/lib/vm.sh
source tests/lib/vm.sh

declare -A network=([6.1]=10.99.1 [6.12]=10.99.2)

on_kernel() {
	guest "$1" 1000 --mem 768M --tap "t$1" --queues 4 -- \
		tests/vm/guest/attach "$1" "${network[$1]}"
}

if [ ! -c /dev/net/tun ]; then
	echo "# skip: no /dev/net/tun, so no interface with several queues"
	exit 0
fi
ip link set lo up
for release in "${!network[@]}"; do
	tap "t$release" "${network[$release]}.1/24"
done
mkdir "$vm_dir/files" && echo page >"$vm_dir/files/page"
for port in 8080 8081; do
	python3 -m http.server --directory "$vm_dir/files" "$port" >/dev/null 2>&1 &
done
side_by_side on_kernel 6.1 6.12
