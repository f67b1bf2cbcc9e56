/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Links and their addresses, through rtnetlink; offloads through the ethtool
 * ioctl, which unlike its netlink twin every kernel has.
 */
#include "host_internal.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* libnl's error numbers as errno's: only those that the callers tell apart. */
static int error_of(int nl_error)
{
	switch (-nl_error) {
	case 0:
		return 0;
	case NLE_OBJ_NOTFOUND:
	case NLE_NODEV:
		return -ENODEV;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_NOADDR:
		return -EADDRNOTAVAIL;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_INVAL:
	case NLE_RANGE:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int connect_route(struct nl_sock **out)
{
	struct nl_sock *sock = nl_socket_alloc();
	int err;

	if (!sock)
		return -ENOMEM;
	err = error_of(nl_connect(sock, NETLINK_ROUTE));
	if (err)
		nl_socket_free(sock);
	else
		*out = sock;
	return err;
}

static int link_get(const char *ifname, struct nl_sock **sock, struct rtnl_link **link)
{
	int err = connect_route(sock);

	if (err)
		return err;
	err = error_of(rtnl_link_get_kernel(*sock, 0, ifname, link));
	if (err)
		nl_socket_free(*sock);
	return err;
}

static void link_put(struct nl_sock *sock, struct rtnl_link *link)
{
	rtnl_link_put(link);
	nl_socket_free(sock);
}

int link_mtu(const char *ifname, unsigned *mtu)
{
	struct rtnl_link *link;
	struct nl_sock *sock;
	int err = link_get(ifname, &sock, &link);

	if (err)
		return err;
	*mtu = rtnl_link_get_mtu(link);
	link_put(sock, link);
	return 0;
}

int link_is_up(const char *ifname, bool *up)
{
	struct rtnl_link *link;
	struct nl_sock *sock;
	int err = link_get(ifname, &sock, &link);

	if (err)
		return err;
	*up = rtnl_link_get_flags(link) & IFF_UP;
	link_put(sock, link);
	return 0;
}

/* mtu 0: bring it up instead. */
static int link_change(const char *ifname, unsigned mtu)
{
	struct rtnl_link *link, *change;
	struct nl_sock *sock;
	int err = link_get(ifname, &sock, &link);

	if (err)
		return err;
	change = rtnl_link_alloc();
	if (change && mtu)
		rtnl_link_set_mtu(change, mtu);
	else if (change)
		rtnl_link_set_flags(change, IFF_UP);
	err = change ? error_of(rtnl_link_change(sock, link, change, 0)) : -ENOMEM;
	rtnl_link_put(change);
	link_put(sock, link);
	return err;
}

int link_set_mtu(const char *ifname, unsigned mtu)
{
	return link_change(ifname, mtu);
}

int link_set_up(const char *ifname)
{
	return link_change(ifname, 0);
}

static bool sockaddr_is(const struct sockaddr *sa, const struct sluice_addr *addr)
{
	struct sluice_addr other;

	return !addr_from_sockaddr(sa, &other) && !addr_cmp(&other, addr);
}

int link_has_address(const char *ifname, const struct sluice_addr *addr, bool *has)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return -errno;
	*has = false;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		*has |= !strcmp(a->ifa_name, ifname) && sockaddr_is(a->ifa_addr, addr);
	freeifaddrs(all);
	return 0;
}

static struct nl_addr *nl_addr_of(const struct prefix *address)
{
	bool v4 = addr_is_v4(&address->addr);
	__be32 word = v4 ? addr_to_v4(&address->addr) : 0;
	struct nl_addr *out = v4 ? nl_addr_build(AF_INET, &word, sizeof(word))
				 : nl_addr_build(AF_INET6, address->addr.bytes, 16);

	if (out)
		nl_addr_set_prefixlen(out, address->bits - (v4 ? SLUICE_V4_PREFIX_BITS : 0));
	return out;
}

/* IPv6: without duplicate address detection, as many backends have the same VIP. */
static struct rtnl_addr *rtnl_addr_of(const char *ifname, const struct prefix *address)
{
	struct nl_addr *local = nl_addr_of(address);
	struct rtnl_addr *out = rtnl_addr_alloc();

	if (!local || !out || rtnl_addr_set_local(out, local)) {
		nl_addr_put(local);
		rtnl_addr_put(out);
		return NULL;
	}
	nl_addr_put(local);
	rtnl_addr_set_ifindex(out, (int)if_nametoindex(ifname));
	rtnl_addr_set_scope(out, RT_SCOPE_UNIVERSE);
	if (!addr_is_v4(&address->addr))
		rtnl_addr_set_flags(out, IFA_F_NODAD);
	return out;
}

static int link_address(const char *ifname, const struct prefix *address, bool add)
{
	struct rtnl_addr *request = rtnl_addr_of(ifname, address);
	struct nl_sock *sock;
	int err = request ? connect_route(&sock) : -ENOMEM;

	if (!err) {
		err = error_of(add ? rtnl_addr_add(sock, request, 0)
				   : rtnl_addr_delete(sock, request, 0));
		nl_socket_free(sock);
	}
	rtnl_addr_put(request);
	return add && err == -EEXIST ? 0 : err;
}

int link_add_address(const char *ifname, const struct prefix *address)
{
	return link_address(ifname, address, true);
}

int link_del_address(const char *ifname, const struct prefix *address)
{
	return link_address(ifname, address, false);
}

static int ethtool(int fd, const char *ifname, void *command)
{
	struct ifreq request = {.ifr_data = command};

	strncpy(request.ifr_name, ifname, sizeof(request.ifr_name) - 1);
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

int link_defers_checksums(const char *ifname, bool *defers)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value checksums = {.cmd = ETHTOOL_GTXCSUM};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = ethtool(fd, ifname, &driver);
	if (!err)
		err = ethtool(fd, ifname, &checksums);
	close(fd);
	if (!err)
		*defers = !strcmp(driver.driver, "veth") && checksums.data;
	return err;
}
