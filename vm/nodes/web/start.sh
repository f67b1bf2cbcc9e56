# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# Static files and a reverse proxy: nginx, until sluice-web is here.
site=$ROOT/vm/site exporter=${ADDR4[$node]}:9102
servers=$(for app in $(nodes_of app); do
	echo "		server ${ADDR4[$app]}:8080 max_fails=1 fail_timeout=1s;"
done)
render "$here/nginx.conf.in" >"$state/nginx.conf"
# The workers do not run as root, and the checkout may be where they cannot read.
cp -R "$site" "$state/site"
chmod -R a+rX "$state/site"

daemon "$node" nginx root nginx -e "$state/error.log" -c "$state/nginx.conf"
# The exporter asks nginx when it starts, and ends without an answer.
ready_http "$node" nginx "http://${ADDR4[$node]}/healthz"
daemon "$node" nginx-exporter nobody prometheus-nginx-exporter \
	-nginx.scrape-uri=http://127.0.0.1:8081/stub_status "-web.listen-address=$exporter"
ready_http "$node" nginx-exporter "http://$exporter/metrics"

node_ready() {
	wait_for 30 "$node: the applications" in_node "$node" \
		curl -sf --max-time 2 -o /dev/null "http://${ADDR4[$node]}/"
}
