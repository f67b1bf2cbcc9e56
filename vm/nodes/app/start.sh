# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# The shop, and its way to the databases, until sluice-mysql is here.
exporter=${ADDR4[$node]}:9102 app_metrics=${ADDR4[$node]}:9105
mapfile -t databases < <(nodes_of db)
db_server() {
	echo "	server $1 ${ADDR4[$1]}:3306 check inter 500ms fall 2 rise 2" \
		"on-marked-down shutdown-sessions"
}
primary=$(db_server "${databases[0]}")
replicas=$(for db in "${databases[@]:1}"; do db_server "$db"; done)
render "$here/haproxy.cfg.in" >"$state/haproxy.cfg"
daemon "$node" haproxy root haproxy -db -f "$state/haproxy.cfg"
ready_http "$node" haproxy "http://$exporter/metrics"

trusted=$(addresses_of web | sed 's/.*/"&"/' | paste -sd , | sed 's/,/, /g')
render "$here/app.yaml.in" >"$state/app.yaml"
# The workers do not run as root, and the checkout may be where they cannot read.
cp -Rp "$ROOT/userspace/apps/foobar/templates" "$BUILD/modules/foobar.so" "$state"
chmod -R a+rX "$state/templates" "$state/foobar.so"
daemon "$node" app root "$BUILD/sluice-app" --config "$state/app.yaml"
ready_http "$node" app "http://${ADDR4[$node]}:8080/healthz"

node_ready() {
	wait_for 30 "$node: the primary" servers_up "$node" "http://$exporter/metrics" write 1
	wait_for 30 "$node: the replicas" \
		servers_up "$node" "http://$exporter/metrics" read $((${#databases[@]} - 1))
}
