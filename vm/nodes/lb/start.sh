# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# BIRD: announces by BGP the VIPs that the agent finds well.
ROUTER_ID=$(address_on "$node" edge 4)
LOCAL4=$ROUTER_ID LOCAL6=$(address_on "$node" edge 6)
PEER4=$(address_on fw1 edge 4) PEER6=$(address_on fw1 edge 6)
render "$ROOT/vm/bird/balancer.conf.in" >"$state/bird.conf"
chown bird "$state"

daemon "$node" bird root bird -f -u bird -g bird -c "$state/bird.conf" -s "$state/bird.ctl"
