# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# Static files, and a reverse proxy to the application servers.
exporter=${ADDR4[$node]}:9102
servers=$(server_lines app 8080 | sed 's/^/  /')
trusted=$(addresses_of tls | sed 's/.*/"&"/' | paste -sd , | sed 's/,/, /g')
render "$here/web.yaml.in" >"$state/web.yaml"
# The workers do not run as root, and the checkout may be where they cannot read.
cp -Rp "$ROOT/vm/site" "$state/site"
chmod -R a+rX "$state/site"

daemon "$node" web root "$BUILD/sluice-web" --config "$state/web.yaml"
ready_http "$node" web "http://${ADDR4[$node]}/healthz"

node_ready() {
	wait_for 30 "$node: the applications" \
		upstreams_well "$node" "http://$exporter/metrics" "$(present_of app)"
}
