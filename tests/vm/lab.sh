#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 1500
#
# The lab at reduced size within one machine of 2 GiB: a request, and a failover.
# shellcheck source=tests/lib/vm.sh
source tests/lib/vm.sh

guest 6.1 1400 --mem 2G -- tests/vm/guest/lab
