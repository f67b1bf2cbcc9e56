#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
# Clients that send their heads or bodies, or take their answers, as slowly as they dare
# (slowhttptest) are cut off by deadlines, while others are served.
source "$(dirname -- "$0")/../lib.sh"

command -v slowhttptest >/dev/null || {
	echo "# skip: slowhttptest is not installed"
	exit 0
}

connections=50 limit_s=60

# slow NAME OPTION... URL: in the background; NAME.log.
slow() {
	local name=$1
	shift
	become user slowhttptest -c $connections -r $connections -p 5 -l $limit_s "$@" \
		>"$scratch/$name.log" 2>&1 </dev/null &
	at_end stop $!
	slow_pids+=($!)
}

# seen NAME: how it ended.
seen() {
	sed -n 's/\x1b\[[0-9;]*m//g; s/^.*Exit status: //p' "$scratch/$1.log"
}

# available NAME: what its probes were told, all the time.
available() {
	sed -n 's/\x1b\[[0-9;]*m//g; s/^service available: *//p' "$scratch/$1.log" | sort -u
}

# Connections on which the proxies wait for somebody to take an answer.
waiting() {
	local proxy
	for proxy in "${PROXIES[@]}"; do
		on "$proxy" ss -tnH state established '( sport = :443 )' | awk '$2 > 16384'
	done | wc -l
}

nobody_waits() {
	[[ $(waiting) == 0 ]]
}

for web in "${WEBS[@]}"; do
	head -c 20000000 /dev/zero >"$STATE/$web/site/large"
	at_end rm -f "$STATE/$web/site/large"
done
# These do not notice that they were cut off until they have read what had come before.
slow readers -X -w 1024 -y 2048 -n 5 -z 32 -k 1 -u "https://$SITE/static/large"
wait_until 10 "slow readers wait" above $((connections / 2)) waiting
began=$SECONDS
slow_pids=()
slow heads -H -i 3 -u "https://$SITE/"
slow bodies -B -i 3 -s 100000 -x 10 -t POST -u "https://$SITE/checkout"
wait_until $limit_s "the proxies are rid of slow readers" nobody_waits
ok "the proxies are rid of slow readers"
note "slow readers: gone after $((SECONDS - began)) s"
wait "${slow_pids[@]}"
for name in heads bodies; do
	is "slow $name: how it ended" "$(seen $name)" "No open connections left"
	is "slow $name: others are served meanwhile" "$(available $name)" YES
	note "slow $name: $(sed -n 's/.*Test ended on \(.*\)$/ended in the \1/p' \
		"$scratch/$name.log")"
done
