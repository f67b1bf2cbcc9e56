#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Every control process of every node is killed with -9, the routing daemons too: packets flow on,
# for old connections and for new ones.
source "$(dirname -- "$0")/../lib.sh"

# The router first: what it does not hear of, it does not act on.
control() {
	echo fw1 bird
	daemons_named bird | grep -v '^fw1 '
	daemons_named agent
}

require_well
mapfile -t daemons < <(control)
keep
for daemon in "${daemons[@]}"; do
	slay "${daemon% *}" "${daemon#* }"
done
compare "processes killed" ${#daemons[@]} '>=' 19
require_both_carry
for family in 4 6; do
	succeeds "IPv$family: a new connection" fetch new "-$family" "https://$SITE/api/whoami"
	is "IPv$family: it is answered from the database" "$(report new http_code)" 200
done
next_round
for daemon in "${daemons[@]}"; do
	revive "${daemon% *}" "${daemon#* }"
done
for daemon in "${daemons[@]}"; do
	[[ $daemon != *agent ]] ||
		wait_until 20 "the agent of ${daemon% *} answers" metrics_of "${daemon% *}"
done
wait_until 20 "everything is announced again" lab_is_well
next_round
end_of_traffic "every control process killed and started"
