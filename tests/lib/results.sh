# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # logs: of tests/run
# How tests/run counts: what a test's exit code and log say.

passed=0
failed=0
skipped=0

# Each counter prints "PASSED FAILED SKIPPED" for one finished test.

# CUnit's run summary: Total Ran Passed Failed Inactive.
count_cunit() {
	local code=$1 log=$2

	awk -v code="$code" '
		$1 == "suites" { suites_failed = $5 }
		$1 == "tests" { passed = $4; failed = $5; inactive = $6; seen = 1 }
		END {
			failed += suites_failed
			if (!seen || (code != 0 && failed == 0) || passed + failed + inactive == 0)
				failed++
			print passed + 0, failed + 0, inactive + 0
		}' "$log"
}

# Lines "ok - ...", "not ok - ..." and "# skip ...", or "ok - ... # skip ...".
count_tap() {
	local code=$1 log=$2

	awk -v code="$code" '
		/^# skip/ || /^ok .*# skip/ { skipped++; next }
		/^ok / { passed++ }
		/^not ok / { failed++ }
		END {
			if ((code != 0 && failed == 0) || passed + failed + skipped == 0)
				failed++
			print passed + 0, failed + 0, skipped + 0
		}' "$log"
}

# A program that is one test by itself.
count_exit_code() {
	if [ "$1" -eq 0 ]; then
		echo 1 0 0
	else
		echo 0 1 0
	fi
}

# report NAME SECONDS PASSED FAILED SKIPPED: adds to the totals and prints one line.
report() {
	local name=$1 seconds=$2 word=ok

	passed=$((passed + $3))
	failed=$((failed + $4))
	skipped=$((skipped + $5))
	[ "$5" -eq 0 ] || word=skip
	[ "$4" -eq 0 ] || word=FAIL
	printf '%-5s %-44s %4d passed %3d failed %3d skipped %5d s\n' \
		"$word" "$name" "$3" "$4" "$5" "$seconds"
	echo "$seconds $name" >>"$logs/times"
}

# report_failure NAME DETAIL: one failure that no test printed itself.
report_failure() {
	failed=$((failed + 1))
	printf 'FAIL  %s: %s\n' "$1" "$2"
}

report_skip() {
	skipped=$((skipped + 1))
	printf 'skip  %s: %s\n' "$1" "$2"
}
