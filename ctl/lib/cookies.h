/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SYN cookies of services, as a publication brings them to the data plane.
 */
#ifndef SLUICE_COOKIES_H
#define SLUICE_COOKIES_H

#include "dataplane_private.h"

struct cookie_key {
	unsigned long long words[2];
	bool wanted; /* by this node, and read */
};

/* Reads the key, if a service has cookies and this node makes or believes them. */
int cookies_read_key(const struct dataplane *dp, const struct cluster *cluster,
		     struct cookie_key *key, struct diag_list *diags) __must_check;
/* Puts it in force; the one before is accepted still. If none is wanted, none is from now on. */
int cookies_put_key(const struct dataplane *dp, const struct cookie_key *key) __must_check;
/* Before the generation turns: limits, and counters that start at zero for new services. */
int cookies_put_limits(const struct dataplane *dp, const struct compiled *next) __must_check;

#endif /* SLUICE_COOKIES_H */
