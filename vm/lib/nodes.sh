# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2153
# What runs on a node: the kernel's settings and the data plane by lbctl, as on
# a real host; its daemons, started by vm/nodes/KIND/start.sh; and the agent.

# All databases start from a copy of the same first files.
database_template() {
	local dir=$STATE/db-template
	mkdir -p "$dir"
	mariadb-install-db --no-defaults --user=mysql --datadir="$dir/data" \
		--innodb-log-file-size=4M --skip-test-db --skip-name-resolve \
		--auth-root-authentication-method=socket >"$dir/log" 2>&1 ||
		die "cannot initialise MariaDB: see $dir/log"
}

node_lbctl() {
	local node=$1
	shift
	in_node "$node" "$BUILD/lbctl" --node "$node" "$@" || die "$node: lbctl $* failed"
}

node_set_up() {
	local node=$1
	mkdir -p "$STATE/$node"
	node_lbctl "$node" host setup file "$CLUSTER" >"$STATE/$node/host.log"
	[[ -z ${METRICS[$node]-} ]] ||
		node_lbctl "$node" apply -f "$CLUSTER" >"$STATE/$node/apply.log"
}

# Start scripts see: node, state (its directory), here (the script's directory), and the model. They
# may define node_ready, which is called when the agent runs, too.
# shellcheck disable=SC2034
node_start() {
	local node=$1 state=$STATE/$1 here
	here=$ROOT/vm/nodes/$(node_kind "$node")
	if [[ -f $here/start.sh ]]; then
		# shellcheck source=/dev/null
		source "$here/start.sh"
	fi
	if [[ -n ${METRICS[$node]-} ]]; then
		daemon "$node" agent root "$BUILD/sluice-agent" --node "$node"
		ready_http "$node" agent "http://${METRICS[$node]}/metrics"
	fi
	! declare -F node_ready >/dev/null || node_ready
}

# All firewalls are in force before the first daemon starts.
nodes_start() {
	{ for_all node_set_up "${HERE[@]}" && for_all node_start "${HERE[@]}"; } ||
		die "not all nodes started; logs are in $STATE; vm/lab down removes everything"
}

# addresses_of KIND: of all nodes of a kind, of both families.
addresses_of() {
	local node
	for node in $(nodes_of "$1"); do
		printf '%s\n' "${ADDR4[$node]}" "${ADDR6[$node]}"
	done
}

# server_lines KIND PORT: the nodes of a kind, as servers of an upstream in a daemon's file.
server_lines() {
	local node
	for node in $(nodes_of "$1"); do
		echo "    $node: ${ADDR4[$node]}:$2"
	done
}

# upstreams_well NODE URL COUNT: a daemon, as its metrics say, finds that many servers well.
upstreams_well() {
	local well
	well=$(in_node "$1" curl -sf --max-time 1 "$2" | grep -c '^sluice_upstream_well{.*} 1$')
	((well == $3))
}

# The user trusts the lab's authority and asks the lab's resolver.
user_files() {
	mkdir -p "$NETNS_ETC/sluice-user"
	printf 'nameserver %s\n' "${ADDR4[resolver]}" "${ADDR6[resolver]}" \
		>"$NETNS_ETC/sluice-user/resolv.conf"
}
