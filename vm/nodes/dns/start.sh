# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# The authoritative server of the site's domain.
config=$state/config addr4=${ADDR4[$node]} addr6=${ADDR6[$node]}
mkdir -p "$config/zones"
a_records=$(vip_addresses 4 | sed 's/^/www	A	/')
aaaa_records=$(vip_addresses 6 | sed 's/^/www	AAAA	/')
render "$here/config.in" >"$config/config"
render "$here/zone.in" >"$config/zones/$DOMAIN"
chown -R gdnsd "$state"

# gdnsd does not run as root, and gives nobody a way to bind port 53 first.
in_node "$node" sh -c 'echo 53 >/proc/sys/net/ipv4/ip_unprivileged_port_start'
daemon "$node" gdnsd gdnsd gdnsd -c "$config" start
ready "$node" gdnsd dig +time=1 +tries=1 "@$addr4" "$SITE" A
