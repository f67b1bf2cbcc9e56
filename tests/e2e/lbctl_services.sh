#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# VIPs and backends by command: add fails if present, set is idempotent, del
# fails if absent; what is in force is what packets and JSON see.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

backend() {
	query ".backends[] | select(.backend == \"$1\").$2" backend show www
}

# picked: the backend that a new flow would get, by the program itself.
picked() {
	query '.steps[] | select(.step == "backend").detail' \
		trace tcp "198.51.100.7:$1" 192.0.2.10:80 dev wan
}

# shares PORTS: how many of that many flows each backend would get.
shares() {
	local port
	for ((port = 1; port <= $1; port++)); do
		picked $((20000 + port))
	done | sort | uniq -c
}

net_up

# --- VIPs ---------------------------------------------------------------------------

done_by "vip add" vip add 192.0.2.10:80 name www
refused "adding it again" 1 'VIP "192.0.2.10:80" exists already, in service "www"' \
	vip add 192.0.2.10:80
done_by "the same port of UDP is another VIP" vip add 192.0.2.10:80 proto udp
done_by "an IPv6 VIP joins the service" vip add '[2001:db8:2::10]:80' name www
refused "a name of another protocol" 1 'service "www" is of proto tcp' \
	vip add 192.0.2.11:53 proto udp name www
done_by "set adds what is missing" vip set 192.0.2.12:443 name tls forward dsr
done_by "set changes what is there" vip set 192.0.2.12:443 forward ipip
done_by "set changes nothing the second time" vip set 192.0.2.12:443 forward ipip
is "the services" \
	"$(query '[.services[] | "\(.service)/\(.proto)/\(.forward)/\(.vips | join(","))"] |
	sort | .[]' vip show)" \
	"tls/tcp/ipip/192.0.2.12:443
udp-80/udp/ipip/192.0.2.10:80
www/tcp/ipip/192.0.2.10:80,[2001:db8:2::10]:80"
refused "deleting what is absent" 1 'VIP "192.0.2.13:80": no such VIP' vip del 192.0.2.13:80
refused "a VIP of both protocols" 1 'expected proto' backend show 192.0.2.10:80
done_by "vip del" vip del 192.0.2.12:443
is "takes the service with its last VIP" \
	"$(query '[.services[].service] | sort | join(" ")' vip show)" \
	"udp-80 www"
refused "a VIP that is no address of a host" 1 'expected a unicast address' vip add 224.0.0.1:80

# --- backends --------------------------------------------------------------------------

done_by "backend add, by name and addresses" backend add www one address 10.10.1.21,fd00:10:1::21
done_by "backend add, by address and VIP" backend add '[2001:db8:2::10]:80' 10.10.1.22 weight 300
refused "adding it again" 1 'backend "10.10.1.22" of service "www" exists already' \
	backend add www 10.10.1.22
refused "a node that does not exist" 1 'no node of this name has an address' backend add www web7
refused "an address that another backend has" 1 'is that of backend "one" already' \
	backend add www two address 10.10.1.21
refused "a service that does not exist" 1 \
	'service "wwww": no such service \(did you mean "www"\?\)' \
	backend add wwww 10.10.1.23
done_by "backend set" backend set www one weight 100 state up
is "state, weight" "$(backend one state) $(backend one weight)" "up 100"
done_by "backend drain" backend drain www one
is "is seen" "$(backend one state)" drain
done_by "backend undrain" backend undrain www one
is "is seen, too" "$(backend one state)" up

# --- what packets see --------------------------------------------------------------------

done_by "host setup" host setup dev wan role balancer
lbctl attach dev wan role balancer
is "attach" "$code $stderr" "0 "
is "health is not checked by anybody" "$(backend one health)" unchecked
mapfile -t spread < <(shares 40)
is "both backends get flows" "${#spread[@]}" 2
done_by "draining one" backend drain www 10.10.1.22
is "leaves all new flows to the other" "$(shares 10)" \
	"     10 backend \"one\", by the ring"
done_by "deleting it" backend del www 10.10.1.22
refused "deleting it twice" 1 'service "www" has no such backend' backend del www 10.10.1.22
done_by "the last one down" backend set www one state down
like "then nobody gets flows" "$(query .outcome trace tcp 198.51.100.7:1 192.0.2.10:80)" no-backend

# --- the rest stays ----------------------------------------------------------------------

lbctl show config
cp "$net_dir/stdout" "$config"
done_by "what commands made reads back as a file" check "$config"

net_result
