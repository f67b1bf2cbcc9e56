# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2153
# Processes of the lab. Each one started is recorded by id and start time, so
# that a number which was given to a stranger meanwhile is never signalled.

# process_start_time PID: in clock ticks since boot; fails if there is no such process.
process_start_time() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086 # words are what is wanted
	set -- $stat
	[[ $1 != Z ]] && printf '%s\n' "${20}"
}

process_record() {
	local node=$1 name=$2 pid=$3 start
	start=$(process_start_time "$pid") || start=0
	printf '%s %s\n' "$pid" "$start" >"$PIDS/$node.$name"
}

# process_alive PIDFILE: prints the id if the recorded process still runs.
process_alive() {
	local pid start
	read -r pid start <"$1" || return 1
	[[ $(process_start_time "$pid") == "$start" ]] && printf '%s\n' "$pid"
}

# in_node NODE COMMAND...
in_node() {
	local node=$1
	shift
	ip netns exec "sluice-$node" "$@"
}

# daemon NODE NAME USER COMMAND...: in the node's namespace, in the background; the command must
# stay in the foreground. What it prints goes to NAME.log in the node's state; how it was started,
# to NAME.command, so that it can be started again.
daemon() {
	local node=$1 name=$2 user=$3 as=()
	(umask 077 && printf '%s\0' "${@:3}" >"$STATE/$node/$name.command")
	shift 3
	[[ $user == root ]] ||
		as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
	{
		close_inherited
		exec ip netns exec "sluice-$node" setsid "${as[@]}" "$@"
	} </dev/null >>"$STATE/$node/$name.log" 2>&1 &
	process_record "$node" "$name" $!
}

# A daemon must not hold a lock or a pipe of who started it.
close_inherited() {
	local fd
	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		((fd <= 2)) || exec {fd}>&-
	done
}

# ready NODE NAME COMMAND...: waits until the command succeeds on the node; gives up at once when
# the daemon has ended.
ready() {
	local node=$1 name=$2 log=$STATE/$1/$2.log deadline=$((SECONDS + 30 * PATIENCE))
	shift 2
	until in_node "$node" "$@" >/dev/null 2>&1; do
		process_alive "$PIDS/$node.$name" >/dev/null ||
			die "$node: $name ended: $(tail -n 1 "$log") (all of it in $log)"
		((SECONDS < deadline)) || die "$node: $name is not ready: see $log"
		sleep 0.05
	done
}

ready_http() {
	ready "$1" "$2" curl -sf --max-time 1 -o /dev/null "$3"
}

# All processes in the lab's namespaces, and the recorded ones, wherever they are.
lab_pids() {
	local ns file
	for ns in $(lab_namespaces); do
		ip netns pids "$ns" 2>/dev/null
	done
	for file in "$PIDS"/*; do
		[[ ! -f $file ]] || process_alive "$file"
	done
}

# processes_stop: asks all to end, waits, and insists.
processes_stop() {
	local signal deadline pids
	for signal in TERM KILL; do
		mapfile -t pids < <(lab_pids | sort -un)
		((${#pids[@]} > 0)) || return 0
		kill -s "$signal" "${pids[@]}" 2>/dev/null
		deadline=$((SECONDS + 8))
		while [[ -n $(lab_pids) ]] && ((SECONDS < deadline)); do
			sleep 0.05
		done
	done
}
