/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who of a service's backends takes new flows, and what becomes of the flows they have.
 * No I/O: it follows from the configuration and from the health that the balancers agree
 * on, so it is the same on all of them.
 *
 * A backend is wanted if it is up by configuration and weighs something. The primary
 * backends take new flows while one of them is wanted and healthy, then the backups. Among
 * those, the unhealthy are left out, unless fewer are healthy than the service's panic
 * threshold asks for: then health checks are rather wrong than right, and all that are
 * wanted serve, with all of their weight. So they do when no backend at all is healthy.
 */
#ifndef SLUICE_SCHEDULE_H
#define SLUICE_SCHEDULE_H

#include "model.h"

/* What the balancers agree on about one backend. */
struct backend_condition {
	bool healthy;
	unsigned share; /* percent of its weight that counts: less than all during slow start */
};

/* What slow start begins with, and what a step of it adds, in percent of the weight. */
#define SCHEDULE_FIRST_SHARE 10
#define SCHEDULE_SHARE_STEP  10
#define SCHEDULE_WHOLE_SHARE 100

struct schedule {
	bool panic;   /* health is ignored */
	bool backups; /* the backups take new flows, the primaries do not */
};

/* Whether it may take new flows by configuration. */
static inline bool schedule_wants(const struct backend *backend)
{
	return backend->admin == BACKEND_ADMIN_UP && backend->weight;
}

/* conditions[i] is of service->backends[i]. */
struct schedule schedule_service(const struct service *service,
				 const struct backend_condition *conditions);

/* What it weighs in the ring, in hundredths; 0: it is not in it. */
unsigned schedule_weight(const struct schedule *schedule, const struct backend *backend,
			 const struct backend_condition *condition);
enum sluice_backend_state schedule_state(const struct schedule *schedule,
					 const struct backend *backend,
					 const struct backend_condition *condition);

#endif /* SLUICE_SCHEDULE_H */
