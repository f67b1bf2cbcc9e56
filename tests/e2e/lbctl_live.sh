#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# What runs while packets do: drops -f, watch, and top, on a terminal and without one.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# follow FILE WORD...: lbctl in the background; its process is ${net_children[-1]}.
follow() {
	local file=$1
	shift
	# Not on(): the process must be lbctl itself.
	ip netns exec "$net_name-gw" "$build/lbctl" --node gw "$@" >"$file" 2>"$file.err" &
	net_children+=($!)
}

# ended TEXT FILE: the last that follow() started ends within three seconds, cleanly and silently.
ended() {
	local pid=${net_children[-1]}
	within 3 not kill -0 "$pid"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid"
	is "$1" "$? $(<"$2.err")" "0 "
}

ping_server() {
	on client ping -q -c "${1:-1}" -i 0.2 -W 0.2 10.10.1.21 >/dev/null
}

net_up
gateway_write '- {name: no-ping, proto: icmp, from: 198.51.100.0/24, action: drop}'
done_by "host setup" host setup file "$config"
lbctl apply -f "$config" || not_ok "apply: $stderr"

# --- drops -f ----------------------------------------------------------------------

follow "$net_dir/drops" -j drops -f count 2
sleep 0.5
started=$(now_ms)
ping_server
within 2 test -s "$net_dir/drops"
below "a drop is told within a second, ms" $(($(now_ms) - started)) 1300
is "with its reason, its rule, and who sent it to whom" \
	"$(head -n 1 "$net_dir/drops" |
		jq -r '[.interface, .reason, .proto, .src, .dst, .rule, .length] | @csv')" \
	'"wan","rule","icmp","198.51.100.7","10.10.1.21","no-ping",98'
on client timeout 0.2 bash -c ': </dev/tcp/10.10.1.21/81' 2>/dev/null
ended "after two it ends" "$net_dir/drops"
is "ports are told, too" "$(tail -n 1 "$net_dir/drops" | jq -r '[.reason, .proto, .dst] | @csv')" \
	'"policy-default","tcp","10.10.1.21:81"'
follow "$net_dir/drops" drops -f reason rule
sleep 0.5
on client timeout 0.2 bash -c ': </dev/tcp/10.10.1.21/81' 2>/dev/null
ping_server
within 2 test -s "$net_dir/drops"
like "as text, and only that reason" "$(<"$net_dir/drops")" \
	'^[^ ]+Z +wan +rule +icmp +198.51.100.7 +> 10.10.1.21 +rule no-ping'
refused "a second one" 2 'looks at the packets of this node already' drops -f
kill -INT "${net_children[-1]}"
ended "it ends cleanly by SIGINT" "$net_dir/drops"
refused "a filter without -f" 1 'expected -f beside' drops count 3
refused "a reason that is no drop" 1 'reason: expected one of those' drops -f reason tx
is "nothing is captured behind it" \
	"$(on gw "$build/lbctl" --node gw drops -f seconds 1 | wc -l)" 0

# --- watch ------------------------------------------------------------------------------

follow "$net_dir/watch" watch
within 2 test -s "$net_dir/watch"
ping_server 2
within 3 grep -q '"event":"drops"' "$net_dir/watch"
done_by "a change" fw rule add edge more proto tcp port 81 action accept
within 3 grep -q '"event":"generation"' "$net_dir/watch"
is "events: kinds" "$(jq -r .event "$net_dir/watch" | sort -u | paste -sd' ')" \
	"drops generation start"
is "events: drops, by interface and reason" \
	"$(jq -s -c '[.[] | select(.event == "drops") | [.interface, .reason]] | unique' \
		"$net_dir/watch")" '[["wan","rule"]]'
is "events: their packets" \
	"$(jq -s '[.[] | select(.event == "drops").packets] | add' "$net_dir/watch")" 2
is "events: node and schema in each" "$(jq -r '"\(.node) \(.schema)"' "$net_dir/watch" | sort -u)" \
	"gw 1"
kill -INT "${net_children[-1]}"
ended "watch ends cleanly by SIGINT" "$net_dir/watch"
# shellcheck disable=SC2016 # of the other shell
is "and when nobody reads" "$(timeout 5 bash -c '"$0" --node gw watch 2>&1 >&3 3>&- | cat' \
	"$build/lbctl" 3> >(head -n 1 >/dev/null))" ""

# --- top ---------------------------------------------------------------------------------

is "top without a terminal: JSON again and again" \
	"$(on gw "$build/lbctl" --node gw -j top count 2 | jq -r '[.node, .schema] | @csv' | sort -u)" \
	'"gw",1'
like "and text" "$(on gw "$build/lbctl" --node gw top count 1 filter wan)" \
	'node gw .*interfaces.*interface +rx p/s.*wan'
unlike "only what the filter says" "$(on gw "$build/lbctl" --node gw top count 1 filter wan)" ' lan '
start client ping -q -i 0.05 10.10.1.21
on gw python3 tests/e2e/tools/on_terminal.py "$net_dir/screen" 24 80 \
	"wait:no-ping|rule" "resize:40:120" "key:s" "key:/" "key:wan" "key:\\n" "wait:filter: wan" \
	"key:p" "wait:PAUSED" "key:q" -- "$build/lbctl" --node gw top 2>"$net_dir/said"
is "top on a terminal: shows, sorts, filters, pauses, is resized, and ends by q" \
	"$? $(<"$net_dir/said")" "0 "
check "the terminal is given back" grep -qF '[?1049l' "$net_dir/screen"
on gw python3 tests/e2e/tools/on_terminal.py "$net_dir/screen" 24 80 \
	"wait:interfaces" "signal:TERM" -- "$build/lbctl" --node gw top 2>"$net_dir/said"
is "by a signal, too" "$? $(<"$net_dir/said")" "0 "
check "and gives the terminal back" grep -qF '[?1049l' "$net_dir/screen"

net_result
