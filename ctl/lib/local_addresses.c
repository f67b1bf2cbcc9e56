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

int local_addresses_read(struct local_address **out, size_t *count)
{
	struct local_address *found;
	struct ifaddrs *list;
	size_t n = 0;

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
	*out = found;
	*count = n;
	return found ? 0 : -ENOMEM;
}
