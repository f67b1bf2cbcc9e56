/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Weighted Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4).
 *
 * The ring depends only on the identities and weights given, not on their
 * order, so every balancer of a cluster builds the same one.
 */
#ifndef SLUICE_MAGLEV_H
#define SLUICE_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

struct maglev_backend {
	const char *identity; /* the same on every balancer: the backend's name */
	unsigned weight;      /* 0: gets no entry */
	uint32_t value;	      /* what the ring holds: the local backend slot */
};

/*
 * Fills ring[size] (size prime). Without a backend of weight > 0 every entry is
 * SLUICE_NONE. Returns 0 or -ENOMEM.
 */
int maglev_build(const struct maglev_backend *backends, size_t count, uint32_t *ring,
		 size_t size) __must_check;

#endif /* SLUICE_MAGLEV_H */
