/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "schedule.h"

struct tally {
	size_t wanted, healthy; /* of the wanted ones */
};

static struct tally count(const struct service *service, bool backups,
			  const struct backend_condition *conditions)
{
	struct tally tally = {0};

	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend *backend = &service->backends[i];

		if (backend->backup != backups || !schedule_wants(backend))
			continue;
		tally.wanted++;
		tally.healthy += conditions[i].healthy;
	}
	return tally;
}

struct schedule schedule_service(const struct service *service,
				 const struct backend_condition *conditions)
{
	struct tally primaries = count(service, false, conditions);
	struct tally backups = count(service, true, conditions);
	struct tally serving = primaries;
	struct schedule schedule = {0};

	schedule.backups = !primaries.healthy && (backups.healthy || !primaries.wanted);
	if (schedule.backups)
		serving = backups;
	schedule.panic =
		serving.wanted && (!serving.healthy ||
				   100 * serving.healthy < service->panic_percent * serving.wanted);
	return schedule;
}

unsigned schedule_weight(const struct schedule *schedule, const struct backend *backend,
			 const struct backend_condition *condition)
{
	if (!schedule_wants(backend) || backend->backup != schedule->backups)
		return 0;
	if (schedule->panic)
		return backend->weight * SCHEDULE_WHOLE_SHARE;
	return condition->healthy ? backend->weight * condition->share : 0;
}

enum sluice_backend_state schedule_state(const struct schedule *schedule,
					 const struct backend *backend,
					 const struct backend_condition *condition)
{
	if (backend->admin == BACKEND_ADMIN_DOWN)
		return SLUICE_BACKEND_DOWN;
	if (!condition->healthy && !(schedule->panic && backend->backup == schedule->backups))
		return SLUICE_BACKEND_DOWN;
	return schedule_wants(backend) ? SLUICE_BACKEND_UP : SLUICE_BACKEND_DRAIN;
}
