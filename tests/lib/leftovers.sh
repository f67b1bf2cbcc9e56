# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # root: of tests/run
# What tests leave behind on the machine: seen by comparing it before and
# after, and by a mark in the environment of every process that they start.

# Everything on the machine that a test could forget, one a line.
machine_state() {
	{
		ip netns list | awk '{ print "namespace " $1 }'
		ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print "link " $2 }'
		awk '{ print "mount " $5 }' /proc/self/mountinfo
		nft list tables | sed 's/^/nft /'
		find /run/sluice /sys/fs/bpf -mindepth 1 -maxdepth 2 -printf 'file %p\n'
		git -c safe.directory="$root" status --porcelain | sed -n 's/^?? /file /p'
	} 2>/dev/null | sort -u
}

# What is there now and was not in the file given. Kernel clean-up takes a moment.
new_state() {
	local before=$1 new='' try

	for try in 1 2 3 4 5; do
		new=$(machine_state | comm -13 "$before" -)
		[ -n "$new" ] || return 0
		[ "$try" -eq 5 ] || sleep 1
	done
	printf '%s\n' "$new"
}

# Processes that carry this run's mark, of one test or of all.
marked_processes() {
	grep -lzs "^SLUICE_TEST=$1" /proc/[0-9]*/environ | cut -d/ -f3
}

# Ends the marked processes, prints what they were.
end_marked_processes() {
	local mark=$1 pid try

	for try in 1 2 3 4 5 6 7 8 9 10; do
		[ -n "$(marked_processes "$mark")" ] || return 0
		[ "$try" -eq 10 ] || sleep 0.2
	done
	for pid in $(marked_processes "$mark"); do
		printf 'process %s (%s)\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
		kill -KILL "$pid"
	done 2>/dev/null
}
