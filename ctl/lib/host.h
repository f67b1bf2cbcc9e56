/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel around the data plane must be told: forwarding and the
 * forward-drop backstop on gateways and balancers, the strong host model on
 * gateways (RFC 1122 3.3.4.2); VIPs on lo, ARP, duplicate
 * address detection, reverse path filter and MTU on backend hosts.
 *
 * What a host needs follows from its node's interfaces and from the services
 * whose backend it is. The same list of requirements is put right by `lbctl
 * host setup` and looked at by `attach` and `doctor`.
 */
#ifndef SLUICE_HOST_H
#define SLUICE_HOST_H

#include "model.h"

enum host_severity {
	HOST_OK,
	HOST_WARNING, /* works, or may work, but not as well as it should */
	HOST_ERROR,   /* packets would be lost, or would leak */
};

struct host_finding {
	enum host_severity severity;
	char *what; /* "net.ipv4.conf.eth0.forwarding is 0, expected 1" */
	char *fix;  /* a command that mends it */
};

struct host_report {
	struct host_finding *findings;
	size_t count;
};

/*
 * Looks at all requirements of `node` in the caller's network namespace.
 * -EPERM without CAP_NET_ADMIN.
 */
int host_inspect(const struct cluster *cluster, const struct node *node,
		 struct host_report *report) __must_check;
/*
 * Puts them right, the backstop first; idempotent. The report has what it
 * changed as HOST_OK, and what it could not or may not change by its severity.
 */
int host_setup(const struct cluster *cluster, const struct node *node,
	       struct host_report *report) __must_check;
/* Takes back what setup did, the backstop last, if nothing of Sluice is attached. */
int host_reset(const struct cluster *cluster, const struct node *node,
	       struct host_report *report) __must_check;
void host_report_fini(struct host_report *report);

#endif /* SLUICE_HOST_H */
