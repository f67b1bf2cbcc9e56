# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154
# The way of one request, hop by hop: what each node counted meanwhile, and how
# long each tier took, as the tiers' own logs say. Checks and scraping go on
# meanwhile: in, out and drop are of the moment; what a rule let pass, or a
# balancer sent to one backend, is nearly the request alone.

declare -A before after # by "NODE COUNTER"

declare -A QUERIES=(
	[status]='
		(.interfaces | "in \(map(.rx_packets) | add)",
			"out \(map(.tx_packets + .redirect_packets) | add)",
			"drop \(map(.drop_packets) | add)"),
		(.services[]?.backends[] | "backend-\(.backend) \(.sent_packets)")'
	[drops]='.rules[]? | "rule-\(.rule) \(.packets)"'
	[link]='
		map(select(.link_type != "loopback").stats64)
		| "in \(map(.rx.packets) | add)", "out \(map(.tx.packets) | add)", "drop 0"'
)

# snapshot DIR: each node's counters as JSON; read later, to be quick now. Where XDP forwards, its
# own counters; elsewhere those of the devices.
snapshot() {
	local dir=$1 node
	mkdir -p "$dir"
	for node in "${NODES[@]}"; do
		case $node in
		fw* | lb*)
			in_node "$node" "$BUILD/lbctl" --node "$node" -j status >"$dir/$node.status"
			in_node "$node" "$BUILD/lbctl" --node "$node" -j drops >"$dir/$node.drops"
			;;
		*) ip -netns "sluice-$node" -stats -json link >"$dir/$node.link" ;;
		esac
	done
}

# snapshot_read DIR ARRAY
snapshot_read() {
	local -n into=$2
	local file node counter value
	for file in "$1"/*; do
		node=$(basename "${file%.*}")
		while read -r counter value; do
			into["$node $counter"]=$value
		done < <(jq -r "${QUERIES[${file##*.}]}" "$file")
	done
}

# counted NODE COUNTER...: the sum of what they grew by.
counted() {
	local node=$1 counter sum=0
	shift
	for counter in "$@"; do
		sum=$((sum + ${after["$node $counter"]:-0} - ${before["$node $counter"]:-0}))
	done
	printf '%s\n' "$sum"
}

# logged NODE LOG KEY: what the tier's log says of the request.
logged() {
	grep -h "\"${reply[request-id]}\"" "$STATE/$1/$2" 2>/dev/null | jq -r ".$3" | tail -n 1
}

row() {
	printf '  %-5s %-41s %6s %6s %5s  %-16s %8s\n' "$@" | sed 's/ *$//'
}

# hop NODE WHAT OF-THE-REQUEST MILLISECONDS
hop() {
	row "$1" "$2" "$(counted "$1" in)" "$(counted "$1" out)" "$(counted "$1" drop)" \
		"$3" "${4:+$4 ms}"
}

# firewall_hop NODE WHAT KIND RULE...
firewall_hop() {
	local node=$1 what=$2 kind=$3
	shift 3
	hop "$node" "$what" "$kind: $(counted "$node" "${@/#/rule-}")" ""
}

# The balancers that sent something to the proxy; normally it is one.
balancer_hops() {
	local tls=$1 lb sent
	for lb in $(nodes_of lb); do
		sent=$(counted "$lb" "backend-$tls")
		((sent == 0)) ||
			hop "$lb" "balancer, sends it to $tls in a tunnel" "to $tls: $sent" ""
	done
}

path_print() {
	snapshot_read "$work/before" before
	snapshot_read "$work/after" after
	local tls=${reply[sluice-tls]-} web=${reply[sluice-web]-} app=${reply[sluice-app]-} db
	db=$(nodes_of db | head -n 1)
	[[ -n $tls && -n $web && -n $app ]] || return 0
	cat <<-EOF

		The way of POST /checkout, in packets. In, out and drop are all of the moment, with
		health checks, BFD and scraping; "of its kind" is what the rule for such packets
		counted.

	EOF
	row hop what in out drop 'of its kind' answered
	hop user "asks; TCP $(ms "${reply[tcp]}") ms, TLS $(ms "${reply[tls]}") ms" "" \
		"$(ms "${reply[total]}")"
	firewall_hop fw1 "perimeter; spreads over the balancers" web web-in web-out
	balancer_hops "$tls"
	hop "$tls" "unpacks, ends TLS; answers go straight" "" \
		"$(logged "$tls" access.log total_ms)"
	firewall_hop fw2 "lets HTTP from TLS proxies to web servers" HTTP http
	hop "$web" "static files, else asks the application" "" \
		"$(logged "$web" access.log total_ms)"
	firewall_hop fw3 "lets HTTP from web servers to applications" HTTP http
	hop "$app" "the shop, and the router to its databases" "" \
		"$(logged "$app" access.log total_ms)"
	firewall_hop fw4 "lets SQL from applications to databases" SQL mysql
	hop "$db" "the primary; db2 and db3 replicate" "" "$(logged "$app" access.log database_ms)"
}
