#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 600
# On a kernel that is older than any supported one, lbctl names what that lacks.
# shellcheck source=tests/lib/vm.sh
source tests/lib/vm.sh

guest 5.10 500 -- tests/vm/guest/older
