# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# TLS in, HTTP out.
exporter="${ADDR4[$node]}:9102"
listen=$(for address in "${VIPS[@]}" "${ADDR4[$node]}:443" "[${ADDR6[$node]}]:443"; do
	case $address in
	*:443) echo "  - {address: \"$address\", tls: true}" ;;
	*:80) echo "  - {address: \"$address\", redirect: true}" ;;
	esac
done)
servers=$(server_lines web 80)
render "$here/tlsproxy.yaml.in" >"$state/tlsproxy.yaml"

daemon "$node" tlsproxy root "$BUILD/sluice-tlsproxy" --config "$state/tlsproxy.yaml"
ready_http "$node" tlsproxy "http://$exporter/metrics"

node_ready() {
	wait_for 30 "$node: the web servers" \
		upstreams_well "$node" "http://$exporter/metrics" "$(present_of web)"
}
