# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # build, net_dir: of who sources it
# The user's clients in labs on virtual machines. Who uses this defines on NODE COMMAND...,
# and sets build.

page=https://www.foobar.com/static/style.css

request() {
	on user curl -sf --max-time 30 -o /dev/null "$page"
}

connections=20

# keep_while COMMAND...: kept connections ask once a second for a minute and a half, in whose
# first third both balancers are there, and then the command is run.
keep_while() {
	on user timeout -s TERM 90 "$build/tests/e2e/keepalive" \
		--name www.foobar.com --ca /run/sluice/pki/ca.pem --path /static/style.css \
		--connections $connections --interval-ms 1000 --timeout-ms 60000 \
		>"$net_dir/kept.json" 2>"$net_dir/kept.log" &
	sleep 30
	"$@"
	wait $!
}

# judge_kept WHAT: what the client counted.
judge_kept() {
	local opened broken not_200 stall answers
	read -r opened broken not_200 stall answers < <(jq -r \
		'"\(.opened) \(.broken) \(.not_200) \(.longest_stall_ms) \(.responses)"' \
		"$net_dir/kept.json" 2>/dev/null || echo "? ? ? ? ?")
	is "$1: connections that were open" "$opened" $connections
	is "$1: connections that broke" "$broken" 0
	is "$1: answers other than 200" "$not_200" 0
	echo "# $1: the longest gap for a client was $stall ms, of $answers answers"
}
