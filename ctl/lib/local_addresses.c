/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The addresses of this host, in the caller's network namespace: they tell
 * which backends are local, and where tunnels start when the model is silent.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_private.h"

/* An interface may have no other address than its VLAN devices have. */
static int find_below(struct local_address *list, size_t count)
{
	struct vlan_device *devices;
	size_t device_count;
	int err = vlan_devices_read(&devices, &device_count);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < device_count; j++)
			if (!strcmp(list[i].ifname, devices[j].name))
				if_indextoname(devices[j].vlan.ifindex, list[i].below);
	free(devices);
	return 0;
}

int local_addresses_read(struct local_address **out, size_t *count)
{
	struct local_address *found;
	struct ifaddrs *list;
	size_t n = 0;
	int err;

	if (getifaddrs(&list))
		return -errno;
	for (struct ifaddrs *i = list; i; i = i->ifa_next)
		n++;
	found = calloc(n + 1, sizeof(*found));
	n = 0;
	for (struct ifaddrs *i = list; i && found; i = i->ifa_next)
		if (!addr_from_sockaddr(i->ifa_addr, &found[n].addr))
			snprintf(found[n++].ifname, IFNAMSIZ, "%s", i->ifa_name);
	freeifaddrs(list);
	if (!found)
		return -ENOMEM;
	err = find_below(found, n);
	if (err) {
		free(found);
		return err;
	}
	*out = found;
	*count = n;
	return 0;
}
