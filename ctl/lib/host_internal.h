/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Parts of host.c: the list of requirements, and the ways to look at and to
 * change what they are about. All act in the caller's network namespace.
 */
#ifndef SLUICE_HOST_INTERNAL_H
#define SLUICE_HOST_INTERNAL_H

#include "host.h"

#define HOST_SYSCTL_LEN 96

/* In the order in which setup puts them right. */
enum requirement_kind {
	REQUIRE_INTERFACE,    /* it exists */
	REQUIRE_MTU,	      /* of the interface, at least `value` */
	REQUIRE_OWN_ADDRESS,  /* `address` is on the interface */
	REQUIRE_CHECKSUMS,    /* a veth computes transmit checksums itself */
	REQUIRE_BACKSTOP,     /* the forward-drop chain stands */
	REQUIRE_SYSCTL,	      /* `sysctl` is `value` */
	REQUIRE_FORWARDING6,  /* net.ipv6.conf.all.forwarding is 1 */
	REQUIRE_LOOSE_SOURCE, /* no strict reverse path filter on the interface */
	REQUIRE_LOOPBACK,     /* lo is up */
	REQUIRE_VIP,	      /* `address` is on lo */
};

struct requirement {
	enum requirement_kind kind;
	enum host_severity severity; /* of not meeting it */
	bool setup;		     /* setup may change it */
	char ifname[IFNAMSIZ];
	char sysctl[HOST_SYSCTL_LEN]; /* below /proc/sys, with slashes */
	int value;
	struct prefix address;
};

struct requirements {
	struct requirement *items;
	size_t count;
};

/* host_requirements.c: all that `node` needs; -ENOMEM. */
int requirements_build(const struct cluster *cluster, const struct node *node,
		       struct requirements *out) __must_check;
void requirements_fini(struct requirements *list);

/* host_sysctl.c: -ENOENT if the kernel has no such setting. */
int sysctl_read(const char *path, int *value) __must_check;
int sysctl_write(const char *path, int value) __must_check;
/* Calls `each` for every interface below net/ipv6/conf, except all and default. */
int sysctl_for_each_conf6(int (*each)(const char *ifname, void *arg), void *arg) __must_check;

/*
 * host_nft.c: 0, or -ENOENT if the forward chain is missing or lets packets
 * through, or the strong host model is not what it should be.
 */
int backstop_inspect(bool strong_host) __must_check;
int backstop_setup(bool strong_host) __must_check;
int backstop_remove(void) __must_check;

/* host_link.c: -ENODEV without the interface. */
int link_mtu(const char *ifname, unsigned *mtu) __must_check;
int link_set_mtu(const char *ifname, unsigned mtu) __must_check;
int link_is_up(const char *ifname, bool *up) __must_check;
int link_set_up(const char *ifname) __must_check;
/* Add is idempotent; del returns -EADDRNOTAVAIL if absent. */
int link_has_address(const char *ifname, const struct sluice_addr *addr, bool *has) __must_check;
int link_add_address(const char *ifname, const struct prefix *address) __must_check;
int link_del_address(const char *ifname, const struct prefix *address) __must_check;
/* True for a veth that leaves the checksums of what it sends to its peer. */
int link_defers_checksums(const char *ifname, bool *defers) __must_check;

/*
 * host_journal.c: what setup changed on the node, and how it was before, in a
 * file beside the lock. The first record of a thing is the one that counts.
 */
struct journal_entry {
	enum requirement_kind kind; /* MTU, BACKSTOP, SYSCTL or VIP */
	char what[HOST_SYSCTL_LEN]; /* path, interface or prefix */
	int before;
};

struct journal {
	struct journal_entry *entries;
	size_t count;
};

int journal_read(const char *node, struct journal *out) __must_check; /* no file: empty */
int journal_append(const char *node, const struct journal_entry *entry) __must_check;
int journal_remove(const char *node) __must_check;
void journal_fini(struct journal *journal);

#endif /* SLUICE_HOST_INTERNAL_H */
