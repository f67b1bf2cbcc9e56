# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# The user's resolver, which knows where the site's domain is served.
addr4=${ADDR4[$node]} addr6=${ADDR6[$node]}
dns4=${ADDR4[dns]} dns6=${ADDR6[dns]}
domain=$DOMAIN
clients=$(for prefix in ${ADDRESSES["$node eth0"]}; do
	echo "	access-control: $prefix allow"
done)
render "$here/unbound.conf.in" >"$state/unbound.conf"

daemon "$node" unbound root unbound -d -p -c "$state/unbound.conf"
ready "$node" unbound dig +time=1 +tries=1 "@$addr4" localhost A
