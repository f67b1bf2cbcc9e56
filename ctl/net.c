/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel knows of interfaces and routes, through rtnetlink.
 */
#include "net.h"

#include <errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

static int look_up(struct nl_sock *sock, struct nl_addr *to, char ifname[IFNAMSIZ])
{
	struct rtnl_route *route;
	struct rtnl_nexthop *hop;
	int err = -ENETUNREACH;

	if (nl_connect(sock, NETLINK_ROUTE))
		return -EIO;
	if (rtnl_route_lookup(sock, to, &route))
		return -ENETUNREACH;
	hop = rtnl_route_nexthop_n(route, 0);
	if (hop && if_indextoname((unsigned)rtnl_route_nh_get_ifindex(hop), ifname))
		err = 0;
	rtnl_route_put(route);
	return err;
}

int net_route_interface(const struct sluice_addr *addr, char ifname[IFNAMSIZ])
{
	bool v4 = addr_is_v4(addr);
	__be32 word = v4 ? addr_to_v4(addr) : 0;
	struct nl_addr *to = v4 ? nl_addr_build(AF_INET, &word, sizeof(word))
				: nl_addr_build(AF_INET6, addr->bytes, sizeof(addr->bytes));
	struct nl_sock *sock = nl_socket_alloc();
	int err = to && sock ? look_up(sock, to, ifname) : -ENOMEM;

	nl_socket_free(sock);
	nl_addr_put(to);
	return err;
}

int net_link_address(const char *ifname, unsigned char mac[6])
{
	struct nl_sock *sock = nl_socket_alloc();
	struct rtnl_link *link = NULL;
	struct nl_addr *addr;
	int err = -ENOMEM;

	if (!sock)
		return err;
	if (nl_connect(sock, NETLINK_ROUTE))
		err = -EIO;
	else if (rtnl_link_get_kernel(sock, 0, ifname, &link))
		err = -ENODEV;
	else
		err = 0;
	addr = link ? rtnl_link_get_addr(link) : NULL;
	if (!err && addr && nl_addr_get_len(addr) == 6)
		memcpy(mac, nl_addr_get_binary_addr(addr), 6);
	rtnl_link_put(link);
	nl_socket_free(sock);
	return err;
}
