/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * rtnetlink requests through libnl, with the kernel's own error codes (libnl's
 * fold several into one).
 */
#ifndef SLUICE_AGENT_NETLINK_H
#define SLUICE_AGENT_NETLINK_H

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "addr.h"
#include "compiler.h"

/* How Sluice marks the routes and neighbours that it made (rtm_protocol, NDA_PROTOCOL). */
#define NETLINK_PROTO_SLUICE 85

/* A socket in the caller's network namespace; dumps are filtered by the kernel. */
int netlink_open(struct nl_sock **out) __must_check;

/* Sends `message` (freed in any case; NULL: -ENOMEM), waits for the kernel's answer. */
int netlink_request(struct nl_sock *sock, struct nl_msg *message) __must_check;

/* Sends a dump request (freed as above) and calls `each` for every element. */
int netlink_dump(struct nl_sock *sock, struct nl_msg *message,
		 void (*each)(struct nlmsghdr *header, void *context), void *context) __must_check;

/* An address as an attribute of its own family: 4 or 16 octets. */
int netlink_put_addr(struct nl_msg *message, int type, const struct sluice_addr *addr) __must_check;
/* And back; false if the attribute has neither length. */
bool netlink_get_addr(const struct nlattr *attribute, struct sluice_addr *addr);
int netlink_family(const struct sluice_addr *addr);

#endif /* SLUICE_AGENT_NETLINK_H */
