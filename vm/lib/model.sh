# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2016,SC2034
# The cluster file in shell variables. lbctl reads the file, so the lab and a
# real node can never understand it differently.

declare -a NODES         # names, in the order of the file
declare -a HERE          # those that this machine raises
declare -a PRESENT       # those that the lab has, on whatever machine
declare -a INTERFACES    # "NODE IF NETWORK MTU"; MTU 0: the default
declare -a ROUTES        # "NODE TO VIA MTU"
declare -a VIPS          # "ADDR:PORT" of all services
declare -A ADDRESSES     # by "NODE IF": prefixes, separated by blanks
declare -A ADDR4 ADDR6   # by node: its first addresses, without prefix length
declare -A METRICS       # by node: where its agent serves metrics
declare -A SLUICE        # by node: 1 if a data plane runs on it

MODEL_QUERY='
def list: if . == null then [] else [.] | flatten end;
(.nodes | to_entries[] | .key as $node | .value
 | "node \($node)",
   (.interfaces | to_entries[] | .key as $dev | .value
    | "interface \($node) \($dev) \(.network) \(.mtu // 0) \(.roles | list | length)",
      (.address | list | .[] | "address \($node) \($dev) \(.)")),
   (.routes | list | .[] | "route \($node) \(.to) \(.via) \(.mtu // 0)"),
   (.agent.metrics // empty | "metrics \($node) \(.)")),
(.services[].vips[] | "vip \(.)")'

model_add_address() {
	local node=$1 if=$2 address=$3
	ADDRESSES["$node $if"]+="$address "
	if [[ $address == *:* ]]; then
		: "${ADDR6[$node]:=${address%/*}}"
	else
		: "${ADDR4[$node]:=${address%/*}}"
	fi
}

model_add() {
	case $1 in
	node) NODES+=("$2") ;;
	interface)
		INTERFACES+=("$2 $3 $4 $5")
		(($6 == 0)) || SLUICE[$2]=1
		;;
	address) model_add_address "$2" "$3" "$4" ;;
	route) ROUTES+=("$2 $3 $4 $5") ;;
	metrics) METRICS[$2]=$3 ;;
	vip) VIPS+=("$2") ;;
	esac
}

model_load() {
	local json lines line
	[[ -x $BUILD/lbctl ]] || die "$BUILD/lbctl is not built: run make first"
	json=$("$BUILD/lbctl" -j show config file "$CLUSTER") || die "cannot read $CLUSTER"
	lines=$(jq -r "$MODEL_QUERY" <<<"$json") || die "unexpected answer of lbctl show config"
	while read -r line; do
		# shellcheck disable=SC2086 # words are what is wanted
		model_add $line
	done <<<"$lines"
}

# model_choose HERE ELSEWHERE: names, separated by blanks or commas; nothing chosen: all are here.
model_choose() {
	local node chosen=" ${1//,/ } " elsewhere=" ${2//,/ } "
	for node in $chosen $elsewhere; do
		[[ " ${NODES[*]} " == *" $node "* ]] || usage_error "up: there is no node \"$node\""
	done
	for node in "${NODES[@]}"; do
		[[ -n ${1// /} && $chosen != *" $node "* ]] || HERE+=("$node")
		[[ -n ${1// /} && "$chosen$elsewhere" != *" $node "* ]] || PRESENT+=("$node")
	done
}

is_here() {
	[[ " ${HERE[*]} " == *" $1 "* ]]
}

# interfaces_here: as INTERFACES has them, of the nodes that are here.
interfaces_here() {
	local interface
	for interface in "${INTERFACES[@]}"; do
		! is_here "${interface%% *}" || printf '%s\n' "$interface"
	done
}

# present_of KIND: how many of the kind the lab has.
present_of() {
	local node count=0
	for node in "${PRESENT[@]}"; do
		[[ ${node%%[0-9]*} != "$1" ]] || count=$((count + 1))
	done
	printf '%s\n' $count
}

# What a node is for: its name without its number.
node_kind() {
	printf '%s\n' "${1%%[0-9]*}"
}

# nodes_of KIND: their names.
nodes_of() {
	local node
	for node in "${NODES[@]}"; do
		[[ ${node%%[0-9]*} != "$1" ]] || printf '%s\n' "$node"
	done
}

# address_on NODE NETWORK FAMILY: the node's address there, without prefix length; FAMILY 4 or 6.
address_on() {
	local node if network mtu address
	while read -r node if network mtu; do
		[[ $node == "$1" && $network == "$2" ]] || continue
		for address in ${ADDRESSES["$node $if"]}; do
			case $3$address in
			6*:* | 4*.*) printf '%s\n' "${address%/*}" && return ;;
			esac
		done
	done < <(printf '%s\n' "${INTERFACES[@]}")
	return 1
}

# vip_addresses FAMILY: the addresses of all VIPs, each once; FAMILY 4 or 6.
vip_addresses() {
	local vip
	for vip in "${VIPS[@]}"; do
		case $1$vip in
		6\[*) vip=${vip#\[} && printf '%s\n' "${vip%\]*}" ;;
		4[0-9]*) printf '%s\n' "${vip%:*}" ;;
		esac
	done | sort -u
}
