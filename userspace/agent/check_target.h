/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where a backend is checked: at a VIP of its service, on the way that the
 * balancer's packets take to it, or directly at its own address.
 */
#ifndef SLUICE_AGENT_CHECK_TARGET_H
#define SLUICE_AGENT_CHECK_TARGET_H

#include "model.h"
#include "sluice/check.h"

struct check_target {
	struct endpoint peer; /* that the socket is connected to */
	struct endpoint host; /* that is meant, as the server sees it */
	bool is_forwarded;    /* `way` leads from the one to the other */
	struct sluice_check_way way;
};

/*
 * By the service's check, for a backend as seen from `node`. The VIP is the
 * first one of a family that the backend has an address of; without any, the first.
 */
void check_target_choose(struct check_target *target, const struct cluster *cluster,
			 const struct service *service, const struct backend *backend,
			 const struct node *node);

#endif /* SLUICE_AGENT_CHECK_TARGET_H */
