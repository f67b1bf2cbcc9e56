# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# What the tests in the lab share: running things on nodes, the verdicts "ok - ..."
# and "not ok - ...", waiting for conditions, the clients, what is on the wire.
set -uo pipefail
# shellcheck source=vm/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../vm/lib/common.sh"
# shellcheck source=vm/lib/process.sh
source "$ROOT/vm/lib/process.sh"

TOOLS=$BUILD/tests/e2e
GATEWAYS=(fw1 fw2 fw3 fw4)
BALANCERS=(lb1 lb2)
PROXIES=(tls1 tls2)
WEBS=(web1 web2)
APPS=(app1 app2)
DATABASES=(db1 db2 db3)
DATA_PLANES=("${GATEWAYS[@]}" "${BALANCERS[@]}" "${PROXIES[@]}")

VIP4=192.0.2.10
VIP6=2001:db8:2::10
USER4=198.51.100.7
USER6=2001:db8:51::7

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
	if [[ $2 =~ ^-?[0-9]+$ ]] && (($2 $3 $4)); then
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
		((${EPOCHREALTIME/./} < deadline)) || give_up "$what" "not so after $seconds s"
		sleep 0.02
	done
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

not() {
	! "$@"
}

# The names of all daemons of a kind, as "NODE NAME" lines.
daemons_named() {
	local name=$1 file
	for file in "$PIDS"/*."$name"; do
		[[ -e $file ]] || continue
		file=${file##*/}
		printf '%s %s\n' "${file%%.*}" "$name"
	done
}

# --- the cluster ---------------------------------------------------------------

# cluster QUERY: of the cluster file, by jq.
cluster() {
	[[ -s $scratch/cluster.json ]] ||
		"$BUILD/lbctl" -j show config file "$CLUSTER" >"$scratch/cluster.json" || return
	jq -r "$1" "$scratch/cluster.json"
}

# inner_addresses 4|6: of all nodes that are not in the internet.
inner_addresses() {
	cluster '.nodes[].interfaces[] | select(.network != "internet") | .address[] | sub("/.*"; "")' |
		if (($1 == 4)); then grep -v :; else grep :; fi
}

metrics_of() {
	local where
	where=$(cluster ".nodes.$1.agent.metrics")
	on "$1" curl -sf --max-time 2 "http://$where/metrics"
}

# backends_up NODE: those which its data plane uses, one a line.
backends_up() {
	lbctl "$1" -j status |
		jq -r '.services[].backends[] | select(.health == "up" and .state == "up").backend' | sort
}

# good_paths FAMILY: the balancers that fw1 would send the VIP's packets to, by their BGP routes.
good_paths() {
	local vip=$VIP4
	[[ $1 == 4 ]] || vip=$VIP6
	on fw1 ip "-$1" -j route show "$vip" |
		jq -r '.[] | (.nexthops // [.])[] | select((.flags // []) | index("linkdown") | not).gateway // empty' | sort
}

paths_are() {
	[[ $(good_paths 4 | wc -l) == "$1" && $(good_paths 6 | wc -l) == "$1" ]]
}

# All BGP sessions up, with BFD, and all announcements good.
announcements_are_good() {
	local vip routes
	for vip in $VIP4 $VIP6; do
		routes=$(on fw1 birdc -s "$STATE/fw1/bird.ctl" show route for "$vip" all) || return
		(($(grep -c 'BGP.local_pref: 100' <<<"$routes") == ${#BALANCERS[@]})) || return
	done
}

bfd_is_up() {
	local sessions
	sessions=$(on fw1 birdc -s "$STATE/fw1/bird.ctl" show bfd sessions) || return
	(($(grep -c ' Up ' <<<"$sessions") == 2 * ${#BALANCERS[@]}))
}

backends_agree_up() {
	local node
	for node in "${BALANCERS[@]}"; do
		[[ $(backends_up "$node" | paste -sd ' ') == "${PROXIES[*]}" ]] || return
	done
}

lab_is_well() {
	paths_are ${#BALANCERS[@]} && announcements_are_good && bfd_is_up && backends_agree_up
}

# Where a fault begins, and where it must end again.
require_well() {
	wait_until 20 "both balancers announce, and both proxies are up" lab_is_well
}

# --- clients -------------------------------------------------------------------

# fetch NAME CURL-OPTION...: a request of the user; NAME.head, NAME.body and NAME.report in scratch.
fetch() {
	local name=$1
	shift
	on user curl -sS --max-time 10 --cacert "$PKI/ca.pem" -D "$scratch/$name.head" \
		-o "$scratch/$name.body" -w '%{json}' "$@" >"$scratch/$name.report" 2>"$scratch/$name.error"
}

# report NAME KEY: what curl says of it.
report() {
	jq -r ".$2" "$scratch/$1.report"
}

# header NAME HEADER
header() {
	sed -n "s/\r\$//; s/^$2: //Ip" "$scratch/$1.head"
}

# keep [OPTION]...: 100 keep-alive connections from the user; returns when all were answered once.
keep() {
	local pid
	become user keepalive --name "$SITE" --ca "$PKI/ca.pem" --path /static/style.css \
		--connections 100 --interval-ms 250 --timeout-ms 20000 "$@" \
		>"$scratch/kept.json" 2>"$scratch/kept.log" </dev/null &
	kept_pid=$!
	kept_round=1
	at_end stop_client $kept_pid
	wait_until 20 "the client's connections are answered" grep -qx "round 1" "$scratch/kept.log"
}

# next_round: until every connection was answered something that it asked after now.
next_round() {
	kept_round=$((kept_round + 1))
	kill -USR1 "$kept_pid"
	wait_until 30 "each connection is answered again" grep -qx "round $kept_round" "$scratch/kept.log"
}

stop_client() {
	kill -TERM "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# sent_by BALANCER: packets to backends.
sent_by() {
	lbctl "$1" -j status | jq '[.services[].backends[].sent_packets] | add'
}

# require_both_carry: each balancer has some of the connections, or a fault of one would prove nothing.
require_both_carry() {
	local balancer
	declare -A before
	for balancer in "${BALANCERS[@]}"; do
		before[$balancer]=$(sent_by "$balancer")
	done
	next_round
	for balancer in "${BALANCERS[@]}"; do
		compare "$balancer carries some of the connections" $(($(sent_by "$balancer") - before[$balancer])) '>' 0
	done
}

# kept KEY: of what became of the connections.
kept() {
	jq -r ".$1" "$scratch/kept.json"
}

# end_of_traffic WHAT: no connection may have broken; prints the stall.
end_of_traffic() {
	stop_client $kept_pid
	is "$1: all connections had opened" "$(kept opened)" "$(kept connections)"
	is "$1: broken connections of $(kept connections)" "$(kept broken)" 0
	is "$1: answers other than 200, of $(kept responses)" "$(kept not_200)" 0
	note "$1: longest stall $(kept longest_stall_ms) ms," \
		"$(kept responses) answers by $(kept 'tls | to_entries | map("\(.key) \(.value.responses)") | join(", ")')"
	[[ $(kept broken) == 0 ]] || note "ended: $(kept 'ends | tojson') by $(kept 'tls | tojson') $(grep port "$scratch/kept.log" | sort | uniq -c | head -n 5 | paste -sd ';')"
}

# arrive [OPTION]...: a new connection every 50 ms, each one line in arrivals.json when it has ended.
arrive() {
	become user arrivals --name "$SITE" --ca "$PKI/ca.pem" --path /static/style.css \
		--interval-ms 50 --timeout-ms 5000 "$@" >"$scratch/arrivals.json" </dev/null &
	arrivals_pid=$!
	at_end stop_client $arrivals_pid
	wait_until 10 "new connections are answered" arrived 3
}

# arrived N [SELECTION]: at least N have ended well.
arrived() {
	(($(jq -s "map(select(.end == \"done\" and (${2:-true}))) | length" "$scratch/arrivals.json") >= $1))
}

# arrivals QUERY: over the array of all.
arrivals() {
	jq -rs "$1" "$scratch/arrivals.json"
}

# --- the wire ------------------------------------------------------------------

# capture NAME NODE INTERFACE FILTER: from now on. The node "fabric", where the switches are and
# their ports NODE-INTERFACE, sees what XDP hides from a node.
capture() {
	local name=$1 node=$2 interface=$3 filter=$4
	become "$node" tcpdump -i "$interface" -nn -l --immediate-mode "$filter" \
		>"$scratch/$name.packets" 2>"$scratch/$name.capture" </dev/null &
	captures[$name]=$!
	at_end stop_client $!
	wait_until 5 "tcpdump listens on $node" grep -q 'listening on' "$scratch/$name.capture"
}
declare -A captures

# captured NAME: ends the capture and prints what was seen.
captured() {
	stop_client "${captures[$1]}"
	cat "$scratch/$1.packets"
}

# --- counters ------------------------------------------------------------------

# ledger NODE INTERFACE KEY: of `lbctl status`.
ledger() {
	lbctl "$1" -j status | jq -r --arg name "$2" ".interfaces[] | select(.interface == \$name).$3"
}

# dropped NODE INTERFACE REASON
dropped() {
	lbctl "$1" -j drops | jq -r --arg name "$2" --arg reason "$3" \
		'[.drops[] | select(.interface == $name and .reason == $reason).packets] | add // 0'
}

# matched NODE RULE: packets that a rule judged.
matched() {
	lbctl "$1" -j drops | jq -r --arg rule "$2" '[.rules[] | select(.rule == $rule).packets] | add // 0'
}

# shellcheck source=tests/e2e/ledger.sh
source "$ROOT/tests/e2e/ledger.sh"

[[ -f $STATE/up ]] || {
	echo "# skip: the lab is not up (vm/lab up)"
	exit 0
}
