# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # for the tests
# Verdicts of end-to-end tests in the form that tests/run counts: "ok - ..." and
# "not ok - ...". `failed` is not 0 once there was one of the latter.

failed=0

ok() {
	echo "ok - $1"
}

not_ok() {
	echo "not ok - $1${2:+: $(head -c 600 <<<"$2" | paste -sd ' ')}"
	failed=1
}

# check DESCRIPTION COMMAND...: one test, by the command's exit code.
check() {
	local what=$1 seen
	shift
	if seen=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$seen"; fi
}

# is DESCRIPTION SEEN EXPECTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "seen \"$2\", expected \"$3\""; fi
}

# like DESCRIPTION SEEN PATTERN: an extended regular expression.
like() {
	if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "seen \"$2\", expected $3"; fi
}

# unlike DESCRIPTION SEEN PATTERN
unlike() {
	if [[ $2 =~ $3 ]]; then not_ok "$1" "seen \"$2\""; else ok "$1"; fi
}

# below DESCRIPTION SEEN LIMIT
below() {
	if [ "$2" -lt "$3" ]; then ok "$1 ($2)"; else not_ok "$1" "$2, not below $3"; fi
}

# within SECONDS COMMAND...: until it succeeds.
within() {
	local end
	end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}
