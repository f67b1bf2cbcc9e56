# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# The application, until sluice-app is here, and its way to the databases, until sluice-mysql is.
exporter=${ADDR4[$node]}:9102
mapfile -t databases < <(nodes_of db)
db_server() {
	echo "	server $1 ${ADDR4[$1]}:3306 check inter 500ms fall 2 rise 2" \
		"on-marked-down shutdown-sessions"
}
primary=$(db_server "${databases[0]}")
replicas=$(for db in "${databases[@]:1}"; do db_server "$db"; done)
render "$here/haproxy.cfg.in" >"$state/haproxy.cfg"

daemon "$node" haproxy root haproxy -db -f "$state/haproxy.cfg"
cp "$ROOT/vm/app/stand-in" "$state/app"
daemon "$node" app nobody env "SLUICE_NODE=$node" "SLUICE_DB_PASSWORD=$(secret site)" \
	/usr/bin/python3 "$state/app"
ready_http "$node" haproxy "http://$exporter/metrics"
ready_http "$node" app "http://${ADDR4[$node]}:8080/healthz"

node_ready() {
	wait_for 30 "$node: the primary" servers_up "$node" "http://$exporter/metrics" write 1
	wait_for 30 "$node: the replicas" \
		servers_up "$node" "http://$exporter/metrics" read $((${#databases[@]} - 1))
}
