# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # net_dir: of who sources it
# Processes of an end-to-end test, by name.

declare -A net_pids=()

# start NAME COMMAND...: in the background, its output in a log.
start() {
	local name=$1
	shift
	"$@" </dev/null >>"$net_dir/$name.log" 2>&1 &
	net_pids[$name]=$!
}

# stop NAME [SIGNAL]: and waits for its end.
stop() {
	[ -n "${net_pids[$1]:-}" ] || return 0
	kill "-${2:-TERM}" "${net_pids[$1]}" 2>/dev/null
	wait "${net_pids[$1]}" 2>/dev/null
	unset "net_pids[$1]"
}
