# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# TLS in, HTTP out: HAProxy, until sluice-tlsproxy is here.
binds=() tickets="tls-ticket-keys $PKI/tickets"
for vip in "${VIPS[@]}" "${ADDR4[$node]}:443" "[${ADDR6[$node]}]:443"; do
	case $vip in
	*:443) binds+=("	bind $vip ssl crt $PKI/site.pem alpn http/1.1 $tickets") ;;
	esac
done
https_binds=$(printf '%s\n' "${binds[@]}")
http_binds=$(printf '	bind %s\n' "${VIPS[@]}" | grep ':80$')
servers=$(for web in $(nodes_of web); do
	echo "	server $web ${ADDR4[$web]}:80 check inter 500ms fall 2 rise 2"
done)
exporter="${ADDR4[$node]}:9102"
render "$here/haproxy.cfg.in" >"$state/haproxy.cfg"

daemon "$node" haproxy root haproxy -db -f "$state/haproxy.cfg"
ready_http "$node" haproxy "http://$exporter/metrics"

node_ready() {
	wait_for 30 "$node: the web servers" \
		servers_up "$node" "http://$exporter/metrics" web "$(nodes_of web | wc -l)"
}
