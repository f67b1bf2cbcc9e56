# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# The shop, and the router to its databases.
exporter=${ADDR4[$node]}:9102 app_metrics=${ADDR4[$node]}:9105
servers=$(for db in $(nodes_of db); do
	echo "  $db: {address: \"${ADDR4[$db]}:3306\"}"
done)
render "$here/mysql.yaml.in" >"$state/mysql.yaml"
daemon "$node" mysql root "$BUILD/sluice-mysql" --config "$state/mysql.yaml"
ready_http "$node" mysql "http://$exporter/metrics"

trusted=$(addresses_of web | sed 's/.*/"&"/' | paste -sd , | sed 's/,/, /g')
render "$here/app.yaml.in" >"$state/app.yaml"
# The workers do not run as root, and the checkout may be where they cannot read.
cp -Rp "$ROOT/userspace/apps/foobar/templates" "$BUILD/modules/foobar.so" "$state"
chmod -R a+rX "$state/templates" "$state/foobar.so"
daemon "$node" app root "$BUILD/sluice-app" --config "$state/app.yaml"
ready_http "$node" app "http://${ADDR4[$node]}:8080/healthz"

# As the router's metrics say.
databases_usable() {
	local usable
	usable=$(in_node "$node" curl -sf --max-time 1 "http://$exporter/metrics" |
		grep -cE '^sluice_mysql_server_(usable|primary){.*} 1$')
	((usable == $(present_of db) + 1))
}

node_ready() {
	wait_for 30 "$node: the databases" databases_usable
}
