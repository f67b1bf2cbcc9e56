#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Detaching XDP from a gateway opens nothing: the kernel forwards nothing in its place, and the
# gateway's own daemons stay out of reach. `lbctl apply` brings it back.
source "$(dirname -- "$0")/../lib.sh"

# What is tried, as "FROM TO[.INTERFACE] PORT".
declare -A tries=(
	[fw1]="user vip 443, user vip 80, user tls1 443, user web1 80, user lb1 9101,
		user fw1.wan 179, user fw1.wan 9101, user fw1.edge 179, user fw1.edge 9101"
	[fw2]="tls1 web1 80, tls1 mon 9090, tls1 fw2.mon 9101, web1 tls1 443, web1 mon 9090"
	[fw3]="web1 app1 8080, web1 fw3.app 9101, app1 web1 80"
	[fw4]="app1 db1 3306, app1 fw4.db 9101, db1 app1 8080"
)

apply() {
	lbctl "$1" apply -f "$CLUSTER" >/dev/null
}

attached() {
	lbctl "$1" -j status | jq -r '.interfaces[] | select(.program_id).interface' | paste -sd ' '
}

# try 4|6 FROM TO[.INTERFACE] PORT: says so if it connects.
try() {
	local to=$3 interface=eth0
	[[ $to != *.* ]] || interface=${to#*.} to=${to%.*}
	if [[ $to == vip ]]; then to=$(vip "$1"); else to=$(address "$to" "$1" "$interface"); fi
	! on "$2" timeout 0.5 bash -c "exec 3<>/dev/tcp/$to/$4" 2>/dev/null ||
		echo "IPv$1 from $2 to $3 port $4"
}

# opened GATEWAY: what connects of all that is tried; all at once.
opened() {
	local family what list
	IFS=, read -rd '' -ra list <<<"${tries[$1]}"
	for family in 4 6; do
		for what in "${list[@]}"; do
			# shellcheck disable=SC2086 # words
			try $family $what &
		done
	done
	wait
}

for gateway in "${GATEWAYS[@]}"; do
	mapfile -t interfaces < <(interfaces_of "$gateway")
	is "$gateway: frames that came past the ledger" "$(distances_moved "$gateway")" ""
	at_end apply "$gateway"
	for interface in "${interfaces[@]}"; do
		lbctl "$gateway" detach dev "$interface" >/dev/null ||
			give_up "$gateway: detach dev $interface"
	done
	is "$gateway: attached now" "$(attached "$gateway")" ""
	is "$gateway without XDP: what connects" "$(opened "$gateway")" ""
	succeeds "$gateway: lbctl apply" apply "$gateway"
	is "$gateway: attached again" "$(attached "$gateway")" "${interfaces[*]}"
	ledger_baseline "$gateway"
done
require_well
# Every tier finds the next one again by its own checks.
wait_until 10 "the whole way is open again" site_answers
ok "the whole way is open again"
