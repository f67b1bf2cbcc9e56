#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Detaching XDP from a gateway opens nothing: the kernel forwards nothing in its place, and the
# gateway's own services stay unreachable. `lbctl apply` brings it back.
source "$(dirname -- "$0")/../lib.sh"

declare -A tries=(
	[fw1]="user:$VIP4:443 user:$VIP6:443 user:10.10.1.21:443 user:10.10.2.11:80 user:fd00:10:1::21:443
		user:198.51.100.1:179 user:198.51.100.1:9101 user:10.10.1.1:179 user:10.10.1.1:9101 user:2001:db8:51::1:179"
	[fw2]="tls1:10.10.2.11:80 tls1:fd00:10:2::11:80 tls1:10.10.5.11:9090 web1:10.10.1.21:443 web1:10.10.5.11:9090"
	[fw3]="web1:10.10.3.11:8080 web1:fd00:10:3::11:8080 app1:10.10.2.11:80"
	[fw4]="app1:10.10.4.11:3306 app1:fd00:10:4::11:3306 db1:10.10.3.11:8080"
)
apply() {
	lbctl "$1" apply -f "$CLUSTER" >/dev/null
}
attached() {
	lbctl "$1" -j status | jq -r '.interfaces[] | select(.program_id).interface' | paste -sd ' '
}
# connects NODE:ADDRESS:PORT: prints it if so.
connects() {
	local node=${1%%:*} rest=${1#*:}
	! on "$node" timeout 0.5 bash -c "exec 3<>/dev/tcp/${rest%:*}/${rest##*:}" 2>/dev/null || echo "$1"
}

# opened TRY...: those that connect; all at once.
opened() {
	local try
	for try in "$@"; do
		connects "$try" &
	done
	wait
}

for gateway in "${GATEWAYS[@]}"; do
	mapfile -t interfaces < <(interfaces_of "$gateway")
	is "$gateway: the ledger's distance to the devices, before" "$(distances_moved "$gateway")" ""
	at_end apply "$gateway"
	for interface in "${interfaces[@]}"; do
		lbctl "$gateway" detach dev "$interface" >/dev/null || give_up "$gateway: detach $interface"
	done
	is "$gateway: attached now" "$(attached "$gateway")" ""
	# shellcheck disable=SC2086 # words
	is "$gateway without XDP: connections that it lets happen, of $(wc -w <<<"${tries[$gateway]}")" \
		"$(opened ${tries[$gateway]})" ""
	succeeds "$gateway: lbctl apply" apply "$gateway"
	is "$gateway: attached again" "$(attached "$gateway")" "${interfaces[*]}"
	ledger_baseline "$gateway"
done
require_well
succeeds "the site answers again" fetch get "https://$SITE/"
is "with the whole way behind it" "$(report get http_code)" 200
