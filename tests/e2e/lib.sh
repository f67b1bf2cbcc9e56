# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# What the tests in the lab share: the verdicts "ok - ..." and "not ok - ...", waiting
# for conditions, running things on nodes, seeing what is on the wire.
#
# tests/run raises the lab once for all of them and runs them in the order of their
# names. Each leaves the lab as it found it, also when it fails.
set -uo pipefail
# shellcheck source=vm/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../vm/lib/common.sh"
# shellcheck source=vm/lib/process.sh
source "$ROOT/vm/lib/process.sh"

TOOLS=$BUILD/tests/e2e
failures=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/e2e.XXXXXX")
last_acts=()

# --- verdicts ------------------------------------------------------------------

note() {
	printf '# %s\n' "$*"
}

ok() {
	printf 'ok - %s\n' "$1"
}

# not_ok TEXT [SEEN]
not_ok() {
	failures=$((failures + 1))
	printf 'not ok - %s%s\n' "$1" "${2:+: $(head -c 600 <<<"$2" | paste -sd ' ')}"
}

# is TEXT SEEN EXPECTED
is() {
	if [[ $2 == "$3" ]]; then
		ok "$1"
	else
		not_ok "$1" "seen \"$2\", expected \"$3\""
	fi
}

# like TEXT SEEN PATTERN: the pattern is an extended regular expression.
like() {
	if [[ $2 =~ $3 ]]; then
		ok "$1"
	else
		not_ok "$1" "seen \"$2\", expected $3"
	fi
}

# compare TEXT SEEN OPERATOR NUMBER: operators of arithmetic: == != < <= > >=
compare() {
	local comparison="$2 $3 $4"
	if [[ $2 =~ ^-?[0-9]+$ ]] && ((comparison)); then
		ok "$1"
	else
		not_ok "$1" "seen \"$2\", expected $3 $4"
	fi
}

# succeeds TEXT COMMAND...
succeeds() {
	local text=$1 seen
	shift
	if seen=$("$@" 2>&1); then
		ok "$text"
	else
		not_ok "$text" "$* failed: $seen"
	fi
}

# A test that cannot go on says so and ends.
give_up() {
	not_ok "$@"
	exit 1
}

# at_end COMMAND...: when the test ends, however it ends; the last one first.
at_end() {
	last_acts=("$(printf '%q ' "$@")" "${last_acts[@]}")
}

finish() {
	local act
	for act in "${last_acts[@]}"; do
		eval "$act"
	done
	rm -rf "$scratch"
	((failures == 0)) || exit 1
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# wait_until SECONDS WHAT COMMAND...: gives up the test if it does not come true.
wait_until() {
	local seconds=$1 what=$2 deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift 2
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < deadline)) ||
			give_up "$what" "not so after $seconds s"
		sleep 0.02
	done
}

not() {
	! "$@"
}

# above NUMBER COMMAND...: the command prints a larger one.
above() {
	local number=$1 seen
	shift
	seen=$("$@") && ((seen > number))
}

now_ms() {
	printf '%s\n' $((${EPOCHREALTIME/./} / 1000))
}

# --- nodes ---------------------------------------------------------------------

# on NODE COMMAND...
on() (
	become "$@"
)

# become NODE COMMAND...: in place of this shell; `become ... &` has the command's own process id.
become() {
	export SLUICE_NODE=$1 PATH=$BUILD:$TOOLS:$PATH CURL_CA_BUNDLE=$PKI/ca.pem
	shift
	exec ip netns exec "sluice-$SLUICE_NODE" "$@"
}

lbctl() {
	local node=$1
	shift
	on "$node" lbctl "$@"
}

# stop PID: a process that this test started in the background.
stop() {
	kill -TERM "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# pid_of NODE DAEMON: fails if it does not run.
pid_of() {
	process_alive "$PIDS/$1.$2"
}

# slay NODE DAEMON: kill -9, without a word. It runs again when the test ends, if not before.
slay() {
	at_end revive "$1" "$2"
	"$ROOT/vm/lab" kill "$1" "$2" >/dev/null || give_up "$1: $2 is killed"
	wait_until 5 "$1: $2 is gone" not pid_of "$1" "$2"
}

# revive NODE DAEMON: as it was started by the lab; it is not the test's, and stays.
revive() {
	pid_of "$1" "$2" >/dev/null || env -u SLUICE_TEST "$ROOT/vm/lab" start "$1" "$2" >/dev/null
}

# daemons_named DAEMON: all that have this name, as "NODE DAEMON" lines.
daemons_named() {
	local file
	for file in "$PIDS"/*."$1"; do
		file=${file##*/}
		printf '%s %s\n' "${file%%.*}" "$1"
	done
}

# --- the wire ------------------------------------------------------------------

declare -A captures

# capture NAME NODE INTERFACE [TCPDUMP-OPTION]... FILTER: from now on. The node "fabric", where the
# switches are and their ports NODE-INTERFACE, sees what XDP hides from a node. (The filter word
# "inbound" loses packets, where the option "-Q in" does not.)
capture() {
	local name=$1 node=$2 interface=$3
	shift 3
	become "$node" tcpdump -i "$interface" -nn -l --immediate-mode "$@" \
		>"$scratch/$name.packets" 2>"$scratch/$name.capture" </dev/null &
	captures[$name]=$!
	at_end stop $!
	wait_until 5 "tcpdump listens on $node" grep -q 'listening on' "$scratch/$name.capture"
}

# captured NAME: ends the capture and prints what was seen.
captured() {
	stop "${captures[$1]}"
	cat "$scratch/$1.packets"
}

[[ -f $STATE/up ]] || {
	echo "# skip: the lab is not up (vm/lab up)"
	exit 0
}

# --- other parts ---------------------------------------------------------------

# shellcheck source=tests/lib/lab_cluster.sh
source "$ROOT/tests/lib/lab_cluster.sh"
# shellcheck source=tests/lib/lab_clients.sh
source "$ROOT/tests/lib/lab_clients.sh"
# shellcheck source=tests/lib/lab_ledger.sh
source "$ROOT/tests/lib/lab_ledger.sh"
