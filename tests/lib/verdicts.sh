# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # for the tests; net_dir: of who sources it
# Verdicts of end-to-end tests in the form that tests/run counts: "ok - ..." and
# "not ok - ...". $net_failed is not 0 once there was one of the latter.

net_failed=0

ok() {
	echo "ok - $1"
}

# not_ok TEXT [SEEN]
not_ok() {
	echo "not ok - $1${2:+: $(head -c 600 <<<"$2" | paste -sd ' ')}"
	net_failed=1
}

give_up() {
	not_ok "$@"
	exit 1
}

# check TEXT COMMAND...: one test, by the command's exit code; what it says is shown if it fails.
check() {
	local text=$1
	shift
	if "$@" >"$net_dir/said" 2>&1; then
		ok "$text"
	else
		not_ok "$text" "$(<"$net_dir/said")"
	fi
}

not() {
	! "$@"
}

# is TEXT SEEN EXPECTED
is() {
	if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "seen \"$2\", expected \"$3\""; fi
}

# like TEXT SEEN PATTERN: an extended regular expression.
like() {
	if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "seen \"$2\", expected $3"; fi
}

# unlike TEXT SEEN PATTERN
unlike() {
	if [[ $2 =~ $3 ]]; then not_ok "$1" "seen \"$2\""; else ok "$1"; fi
}

# has TEXT SEEN PART
has() {
	if [[ $2 == *"$3"* ]]; then ok "$1"; else not_ok "$1" "no \"$3\" in $2"; fi
}

# has_not TEXT SEEN PART
has_not() {
	if [[ $2 != *"$3"* ]]; then ok "$1"; else not_ok "$1" "\"$3\" in $2"; fi
}

# below TEXT SEEN LIMIT
below() {
	if [ "$2" -lt "$3" ]; then ok "$1 ($2)"; else not_ok "$1" "$2, not below $3"; fi
}

# between TEXT SEEN LEAST MOST
between() {
	if [[ $2 =~ ^[0-9]+$ ]] && (($2 >= $3 && $2 <= $4)); then
		ok "$1 ($2)"
	else
		not_ok "$1" "seen \"$2\", expected $3 to $4"
	fi
}

# --- time -------------------------------------------------------------------------

# within SECONDS COMMAND...: until it succeeds.
within() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

# during SECONDS COMMAND...: it succeeds all the time.
during() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	while ((${EPOCHREALTIME/./} < end)); do
		"$@" >/dev/null 2>&1 || return 1
		sleep 0.05
	done
}

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}
