#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 900
#
# A machine whose power fails while a configuration is not yet confirmed boots
# with the one that was confirmed last.
# shellcheck source=tests/lib/vm.sh
source tests/lib/vm.sh

mkdir "$vm_dir/state"
guest 6.12 400 --mem 768M --share "$vm_dir/state" -- \
	tests/vm/guest/reboot before "$vm_dir/state"
guest 6.12 400 --mem 768M --share "$vm_dir/state" -- \
	tests/vm/guest/reboot after "$vm_dir/state"
