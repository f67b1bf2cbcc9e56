/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How new flows of a service are dealt out now: the configuration's options beside what
 * follows from the health of its backends.
 */
#ifndef SLUICE_CTL_SCHEDULE_VIEW_H
#define SLUICE_CTL_SCHEDULE_VIEW_H

#include <jansson.h>

#include "dataplane.h"

/*
 * Adds to the service's object, whose member "backends" has its backends in order. What only
 * a balancer knows is left out elsewhere.
 */
int schedule_view_add(const struct loads *loads, const struct service *service,
		      json_t *out) __must_check;

#endif /* SLUICE_CTL_SCHEDULE_VIEW_H */
