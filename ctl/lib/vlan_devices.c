/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VLAN devices through rtnetlink. A device on a device on an interface has two tags; what
 * lies deeper, or on an interface of another namespace, no program of ours can reach.
 */
#include "vlan.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/vlan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct links {
	struct nl_cache *cache;
	struct vlan_device *devices;
	size_t count;
};

static bool is_vlan_here(struct rtnl_link *link)
{
	int elsewhere;

	return rtnl_link_is_vlan(link) && rtnl_link_get_link_netnsid(link, &elsewhere);
}

static __u32 tag_of(struct rtnl_link *link)
{
	int protocol = rtnl_link_vlan_get_protocol(link);

	return SLUICE_TAG(protocol > 0 ? ntohs((__u16)protocol) : 0x8100,
			  (__u32)rtnl_link_vlan_get_id(link));
}

static bool describe(struct links *links, struct rtnl_link *link, struct sluice_vlan *vlan)
{
	struct rtnl_link *below;
	bool found = false;

	*vlan = (struct sluice_vlan){.ifindex = (__u32)rtnl_link_get_link(link),
				     .tags = {tag_of(link)}};
	below = rtnl_link_get(links->cache, (int)vlan->ifindex);
	if (!below)
		return false;
	if (!rtnl_link_is_vlan(below)) {
		found = true;
	} else if (is_vlan_here(below)) {
		struct rtnl_link *lowest;

		vlan->tags[1] = vlan->tags[0];
		vlan->tags[0] = tag_of(below);
		vlan->ifindex = (__u32)rtnl_link_get_link(below);
		lowest = rtnl_link_get(links->cache, (int)vlan->ifindex);
		found = lowest && !rtnl_link_is_vlan(lowest);
		rtnl_link_put(lowest);
	}
	rtnl_link_put(below);
	return found;
}

static void take_link(struct nl_object *object, void *context)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	struct links *links = context;
	struct vlan_device *device = &links->devices[links->count];

	if (!is_vlan_here(link) || !describe(links, link, &device->vlan))
		return;
	device->ifindex = (unsigned)rtnl_link_get_ifindex(link);
	snprintf(device->name, sizeof(device->name), "%s", rtnl_link_get_name(link));
	links->count++;
}

int vlan_devices_read(struct vlan_device **out, size_t *count)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct links links = {0};
	int err = -EIO;

	if (!sock)
		return -ENOMEM;
	if (!nl_connect(sock, NETLINK_ROUTE) &&
	    !rtnl_link_alloc_cache(sock, AF_UNSPEC, &links.cache)) {
		links.devices =
			calloc((size_t)nl_cache_nitems(links.cache) + 1, sizeof(*links.devices));
		err = links.devices ? 0 : -ENOMEM;
		if (!err)
			nl_cache_foreach(links.cache, take_link, &links);
		nl_cache_free(links.cache);
	}
	nl_socket_free(sock);
	*out = links.devices;
	*count = links.count;
	return err;
}

/* --- maps --------------------------------------------------------------------------- */

static int put_all(int in_fd, int out_fd, const struct vlan_device *devices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(in_fd, &devices[i].vlan, &devices[i].ifindex, BPF_ANY) ||
		    bpf_map_update_elem(out_fd, &devices[i].ifindex, &devices[i].vlan, BPF_ANY))
			return errno == E2BIG ? -ENOSPC : -errno;
	return 0;
}

static bool has_device(const struct vlan_device *devices, size_t count, const void *key)
{
	__u32 ifindex;

	memcpy(&ifindex, key, sizeof(ifindex));
	for (size_t i = 0; i < count; i++)
		if (devices[i].ifindex == ifindex)
			return true;
	return false;
}

static bool has_vlan(const struct vlan_device *devices, size_t count, const void *key)
{
	for (size_t i = 0; i < count; i++)
		if (!memcmp(&devices[i].vlan, key, sizeof(devices[i].vlan)))
			return true;
	return false;
}

/* Deletes what `is_there` does not know. */
static int delete_rest(int fd, const struct vlan_device *devices, size_t count,
		       bool (*is_there)(const struct vlan_device *, size_t, const void *))
{
	unsigned char key[sizeof(struct sluice_vlan)], next[sizeof(struct sluice_vlan)];
	bool more = !bpf_map_get_next_key(fd, NULL, key);

	while (more) {
		more = !bpf_map_get_next_key(fd, key, next);
		if (!is_there(devices, count, key) && bpf_map_delete_elem(fd, key) &&
		    errno != ENOENT)
			return -errno;
		memcpy(key, next, sizeof(key));
	}
	return 0;
}

int vlan_devices_write(int in_fd, int out_fd, const struct vlan_device *devices, size_t count)
{
	int err = delete_rest(in_fd, devices, count, has_vlan);

	if (!err)
		err = delete_rest(out_fd, devices, count, has_device);
	return err ? err : put_all(in_fd, out_fd, devices, count);
}

int vlan_devices_sync(int in_fd, int out_fd)
{
	struct vlan_device *devices;
	size_t count;
	int err = vlan_devices_read(&devices, &count);

	if (err)
		return err;
	err = vlan_devices_write(in_fd, out_fd, devices, count);
	free(devices);
	return err;
}
