#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Every control process of every node is killed with -9, the routing daemons too: packets flow on,
# for old connections and for new ones.
source "$(dirname -- "$0")/../lib.sh"

require_well
keep
# The router first: what it does not hear of, it does not act on.
mapfile -t control < <(printf 'fw1 bird\n' && daemons_named bird | grep -v '^fw1 ' && daemons_named agent)
for process in "${control[@]}"; do
	# shellcheck disable=SC2086 # node and name
	slay $process
done
note "killed: ${#control[@]} processes"
require_both_carry
for family in 4 6; do
	succeeds "a new IPv$family connection, to the database and back" fetch new "-$family" "https://$SITE/api/whoami"
	is "IPv$family: it is answered" "$(report new http_code)" 200
done
next_round
for process in "${control[@]}"; do
	# shellcheck disable=SC2086
	revive $process
done
for process in "${control[@]}"; do
	[[ $process != *agent ]] || wait_until 20 "$process answers again" metrics_of "${process% *}"
done
wait_until 20 "everything is announced again" lab_is_well
next_round
end_of_traffic "every control process killed and started"
