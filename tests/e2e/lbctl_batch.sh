#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Many commands at once, and many writers: a row of changes is one publication or none, a
# mistake is told with its line, and of writers at the same time none loses a change.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

net_up
batch=$net_dir/changes

generation() {
	query .generation status
}

cat >"$batch" <<-TEXT
	# a service and who is behind it
	vip add 192.0.2.10:80 name www
	backend add www 10.10.1.21 weight 50   # half
	backend add 'www' "10.10.1.22"

	fw policy add edge default accept
TEXT
done_by "a row of changes" batch "$batch"
is "is one publication" "$(generation)" 1
is "with all that it says" "$(query '[.services[].backends[].weight] | @csv' vip show)" "50,100"

printf '%s\n' 'vip add 192.0.2.11:80 name two' 'backend add two 10.10.1.23' \
	'backend add tow 10.10.1.24' >"$batch"
refused "a row with a mistake" 1 "^lbctl: $batch:3: backend add: service \"tow\": .*\"two\"" \
	batch "$batch"
printf 'vip add 192.0.2.11:80 name two\nvip ad 192.0.2.12:80\n' >"$batch"
refused "a word that is none" 1 \
	"^lbctl: $batch:2: vip: unknown word \"ad\" .*\"add\"" batch "$batch"
printf 'vip add 192.0.2.11:80 name "two\n' >"$batch"
refused "a quote without an end" 1 "^lbctl: $batch:1: batch: a quote has no end" \
	batch "$batch"
printf 'batch %s\n' "$batch" >"$batch"
refused "a batch in a batch" 1 "^lbctl: $batch:1: batch: expected no batch in a batch" \
	batch "$batch"
refused "a file that is not there" 1 'No such file' batch "$net_dir/nothing"
cat >"$batch" <<-TEXT
	attach dev wan role firewall
	vip add 192.0.2.13:80
TEXT
refused "what the model forbids" 1 "^lbctl: $batch:1: .*policy" batch "$batch"

cat >"$batch" <<-TEXT
	vip add 192.0.2.11:80 name two
	backend add two 10.10.1.23 weight many
	vip add 192.0.2.11:80
	vip show
	backend add two 10.10.1.24
TEXT
lbctl -j batch "$batch" -force
is "with -force: the exit code of the first failure" "$code" 1
like "each failure with its line" "$stderr" \
	"changes:2: backend add: weight \"many\".*changes:3: vip add: .*exists"
is "a command between changes sees those before it" \
	"$(jq -c '[.services[].service]' <<<"$stdout")" '["www","two"]'
is "and the others are made" "$(query '.services[1].backends[].backend' vip show)" 10.10.1.24
printf 'backend del two 10.10.1.24\n' | on gw "$build/lbctl" --node gw batch -
is "from standard input" "$(query '.services[1].backends | length' vip show)" 0

# Twenty writers, a thousand changes, in two rows each.
pids=()
for writer in {1..20}; do
	seq -f "backend add www 10.20.$writer.%g" 50 |
		sed '25a vip show' >"$net_dir/writer$writer"
	on gw "$build/lbctl" --node gw batch "$net_dir/writer$writer" >/dev/null &
	pids+=($!)
done
failures=0
for pid in "${pids[@]}"; do
	wait "$pid" || failures=$((failures + 1))
done
is "twenty writers at once all succeed" "$failures" 0
is "and none of 1,000 changes is lost" \
	"$(query '.services[0].backends | length' vip show)" 1002

net_result
