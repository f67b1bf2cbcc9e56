/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VIPs: what a service answers for, as text and as a value: an address or a
 * whole prefix, with one port, a range of ports, or all of them.
 *
 * A packet that several VIPs of its protocol hold belongs to the one of the
 * longest prefix; within one prefix, to the one port before the range, and to
 * the range before all ports.
 */
#ifndef SLUICE_VIP_H
#define SLUICE_VIP_H

#include "addr.h"

#define VIP_TEXT_LEN (PREFIX_TEXT_LEN + 14) /* with "[]:10000-65535" */

struct port_range {
	unsigned short min, max; /* host byte order, inclusive */
};

struct vip {
	struct prefix to;	 /* a network; of all its bits: one address */
	struct port_range ports; /* 0 to 65535: all */
};

/* "80", "1000-2000" */
int port_range_parse(const char *word, struct port_range *out) __must_check;

/* How narrow the ports are: the narrower ones of a prefix go first. */
enum vip_ports { VIP_ALL_PORTS, VIP_PORT_RANGE, VIP_ONE_PORT };

/* "192.0.2.1:80", "192.0.2.1:8000-8099", "198.51.100.0/24:*", "[2001:db8::/64]:443". */
int vip_parse(const char *text, struct vip *out) __must_check;
/* The same without the bits behind the prefix; NULL: it is no VIP for another reason. */
const char *vip_suggest(const char *text, char buf[VIP_TEXT_LEN]);
const char *vip_format(const struct vip *vip, char buf[VIP_TEXT_LEN]);

enum vip_ports vip_ports(const struct vip *vip);
/* One address and one port: packets find it without a search. */
bool vip_is_exact(const struct vip *vip);
bool vip_equal(const struct vip *a, const struct vip *b);
/* By address, then from the wider prefix to the narrower, then likewise by ports. */
int vip_order(const struct vip *a, const struct vip *b);

#endif /* SLUICE_VIP_H */
