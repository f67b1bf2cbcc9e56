# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# Prometheus: every node's agent, and the daemons of every tier.
target() {
	printf '      - {targets: ["%s"], labels: {node: %s}}\n' "$1" "$2"
}
exporter_targets() {
	local kind=$1 port=$2 node
	for node in $(nodes_of "$kind"); do
		target "${ADDR4[$node]}:$port" "$node"
	done
}
agent_targets=$(for n in "${NODES[@]}"; do
	[[ -z ${METRICS[$n]-} ]] || target "${METRICS[$n]}" "$n"
done)
tls_targets=$(exporter_targets tls 9102) web_targets=$(exporter_targets web 9102)
app_targets=$(exporter_targets app 9105) router_targets=$(exporter_targets app 9102)
db_targets=$(exporter_targets db 9104)
render "$here/prometheus.yaml.in" >"$state/prometheus.yaml"
mkdir -p "$state/data"
chown prometheus "$state/data"

daemon "$node" prometheus prometheus prometheus "--config.file=$state/prometheus.yaml" \
	"--storage.tsdb.path=$state/data" --storage.tsdb.retention.time=6h \
	"--web.listen-address=${ADDR4[$node]}:9090" --log.level=warn
ready_http "$node" prometheus "http://${ADDR4[$node]}:9090/-/ready"
