#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 400
#
# VLANs and the kernel's VLAN devices, which this machine may not have: in a virtual one.
set -uo pipefail

kernel=6.12
if ! vm/kernels "$kernel"; then
	echo "# skip VLAN devices: Debian's kernel package cannot be fetched"
	exit 0
fi
vm/run --kernel "$kernel" --timeout 380 -- \
	env BUILD="${BUILD:-build}" bash tests/lib/vlan_guest.sh ||
	echo "not ok - the machine with $kernel ended well"
