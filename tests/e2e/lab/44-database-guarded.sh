#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The database answers the application servers alone: not a web server, not even one whose owner
# adds routes and lies about his address.
source "$(dirname -- "$0")/../lib.sh"

fw3=10.10.2.2 fw3_6=fd00:10:2::2
db4=10.10.4.11 db6=fd00:10:4::11

# connects NODE ADDRESS PORT
connects() {
	on "$1" timeout 0.5 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null
}

succeeds "app1 reaches the database" connects app1 $db4 3306
for node in "${WEBS[@]}" tls1 lb1 mon; do
	succeeds "$node does not" not connects "$node" $db4 3306
done

capture wire fabric db "tcp port 3306 and (src net 10.10.2.0/24 or src net fd00:10:2::/64 or port 4002)"
capture back web1 eth0 "inbound and tcp port 4002"
on web1 ip route add 10.10.4.0/24 via $fw3
at_end on web1 ip route del 10.10.4.0/24 via $fw3
on web1 ip -6 route add fd00:10:4::/64 via $fw3_6
at_end on web1 ip -6 route del fd00:10:4::/64 via $fw3_6
for db in $db4 $db6; do
	succeeds "web1 with a route of its own does not reach $db" not connects web1 $db 3306
done
before=$(ledger fw3 web drop_packets)
on web1 inject -c 5 ip 10.10.3.11 $db4 tcp 4002 3306 S
on web1 inject -c 5 ip fd00:10:3::11 $db6 tcp 4002 3306 S
on web1 inject -c 5 ip 10.10.2.11 $db4 tcp 4002 3306 A
compare "web1 in the name of app1: dropped at fw3" $(($(ledger fw3 web drop_packets) - before)) '>=' 15
is "what of it reached the database's wire" "$(captured wire)" ""
is "what came back" "$(captured back)" ""
