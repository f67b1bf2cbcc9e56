/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the kernel knows of interfaces and routes. */
#ifndef SLUICE_CTL_NET_H
#define SLUICE_CTL_NET_H

#include <net/if.h>

#include "addr.h"

/* The interface by which packets to `addr` leave. -ENETUNREACH: none. */
int net_route_interface(const struct sluice_addr *addr, char ifname[IFNAMSIZ]) __must_check;

/* The link address of an interface. */
int net_link_address(const char *ifname, unsigned char mac[6]) __must_check;

#endif /* SLUICE_CTL_NET_H */
