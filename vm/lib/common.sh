# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# What every part of the lab shares: where things are, messages, waiting, and
# configuration files made from templates.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
CLUSTER=$ROOT/vm/cluster.yaml

DOMAIN=foobar.com
SITE=www.$DOMAIN

RUN=/run/sluice      # a tmpfs of the lab's own: all its state, gone with `down`
export SLUICE_STATE_ROOT=$RUN/lab/generations
STATE=$RUN/lab       # of each node: configuration, sockets, logs, data
PIDS=$STATE/pids     # one file a process: its id and start time
PKI=$RUN/pki         # the lab's certificate authority
NETNS_ETC=/etc/netns # resolv.conf of the node "user"

# An emulated machine does everything late: --slow multiplies what is waited for, and the
# periods by which the lab's nodes find each other dead.
PATIENCE=1
BFD_MS=50

note() {
	printf 'lab: %s\n' "$*"
}

die() {
	printf 'lab: %s\n' "$*" >&2
	exit 2
}

usage_error() {
	printf 'lab: %s\n' "$*" >&2
	exit 1
}

need_root() {
	((EUID == 0)) || die "$1 needs root: try sudo $1"
}

# A real node of this machine may have its state at the same place: that is not the lab's.
lab_mounted() {
	[[ $(findmnt -rno SOURCE "$RUN") == sluice-lab ]]
}

lab_exists() {
	lab_mounted || [[ -n $(lab_namespaces) ]]
}

lab_namespaces() {
	ip netns list 2>/dev/null | awk '$1 ~ /^sluice-/ { print $1 }'
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
	local seconds=$1 what=$2 deadline
	shift 2
	deadline=$((SECONDS + seconds * PATIENCE))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || die "$what: not there after $((seconds * PATIENCE)) s"
		sleep 0.05
	done
}

# for_all COMMAND ITEM...: runs the command once for each item, all at once; fails if one fails.
for_all() {
	local command=$1 item jobs=() failed=0
	shift
	for item in "$@"; do
		("$command" "$item") &
		jobs+=($!)
	done
	for item in "${jobs[@]}"; do
		wait "$item" || failed=1
	done
	return $failed
}

# render TEMPLATE: to standard output, each @name@ replaced by the shell variable of that name.
render() {
	local text key
	text=$(<"$1") || die "cannot read $1"
	while [[ $text =~ @([A-Za-z0-9_]+)@ ]]; do
		key=${BASH_REMATCH[1]}
		[[ -v $key ]] || die "$1: no value for @$key@"
		text=${text//"@$key@"/"${!key}"}
	done
	printf '%s\n' "$text" | patiently
}

# slow_down: for --slow.
slow_down() {
	PATIENCE=8
	BFD_MS=300
	patiently <"$CLUSTER" >"$STATE/cluster.yaml"
	CLUSTER=$STATE/cluster.yaml
}

# patiently: a configuration file, with time enough for answers to checks.
patiently() {
	if ((PATIENCE == 1)); then
		cat
	else
		sed 's/interval: 500ms, timeout: 400ms/interval: 3s, timeout: 2900ms/'
	fi
}
