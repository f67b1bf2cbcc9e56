/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a policy means, worked out from the model as a reader of the file would,
 * slowly and without a compiler: what the data plane is compared with.
 */
#ifndef SLUICE_TEST_REFERENCE_H
#define SLUICE_TEST_REFERENCE_H

#include "model.h"
#include "packet.h"

/* The first rule that matches a packet which came in by `ifname`; NULL: none. */
const struct rule *reference_first_match(const struct cluster *cluster, const struct policy *policy,
					 const char *ifname, const struct packet *packet);

#endif /* SLUICE_TEST_REFERENCE_H */
