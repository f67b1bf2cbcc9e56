/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "schedule_view.h"

#include <errno.h>
#include <stdlib.h>

#include "schedule.h"

/* Of the new flows of all clients, in whole percent. */
static int add_shares(const struct service *service, const struct schedule *schedule,
		      const struct backend_condition *conditions, json_t *backends)
{
	unsigned long long total = 0;
	int err = 0;

	for (size_t i = 0; i < service->backend_count; i++)
		total += schedule_weight(schedule, &service->backends[i], &conditions[i]);
	for (size_t i = 0; i < service->backend_count && !err; i++) {
		unsigned long long weight =
			schedule_weight(schedule, &service->backends[i], &conditions[i]);
		json_t *backend = json_array_get(backends, i);

		err = json_object_set_new(
			backend, "share_percent",
			json_integer(total ? (json_int_t)((200 * weight + total) / (2 * total))
					   : 0));
	}
	return err ? -ENOMEM : 0;
}

static int add_schedule(const struct service *service, const struct backend_condition *conditions,
			json_t *out)
{
	struct schedule schedule = schedule_service(service, conditions);

	if (json_object_set_new(out, "panic", json_boolean(schedule.panic)) ||
	    json_object_set_new(out, "backups_serve", json_boolean(schedule.backups)))
		return -ENOMEM;
	return add_shares(service, &schedule, conditions, json_object_get(out, "backends"));
}

static int add_options(const struct service *service, json_t *out)
{
	json_t *backends = json_object_get(out, "backends");

	if (json_object_set_new(out, "affinity", json_string(affinity_name(service->affinity))) ||
	    json_object_set_new(out, "slow_start_ms", json_integer(service->slow_start_ms)) ||
	    json_object_set_new(out, "panic_percent", json_integer(service->panic_percent)))
		return -ENOMEM;
	for (size_t i = 0; i < service->backend_count; i++)
		if (json_object_set_new(json_array_get(backends, i), "backup",
					json_boolean(service->backends[i].backup)))
			return -ENOMEM;
	return 0;
}

/* NULL: the service is not in force on this node, or there is no memory. */
static struct backend_condition *read_conditions(const struct loads *loads,
						 const struct service *service)
{
	struct backend_condition *conditions =
		calloc(service->backend_count + 1, sizeof(*conditions));

	for (size_t i = 0; conditions && i < service->backend_count; i++) {
		struct sluice_load load;
		const struct sluice_backend *slot =
			loads_of_backend(loads, service, &service->backends[i], &load);

		if (!slot) {
			free(conditions);
			return NULL;
		}
		conditions[i] = (struct backend_condition){.healthy = !slot->unhealthy,
							   .share = slot->share};
	}
	return conditions;
}

int schedule_view_add(const struct loads *loads, const struct service *service, json_t *out)
{
	struct backend_condition *conditions = read_conditions(loads, service);
	int err = add_options(service, out);

	if (!err && conditions)
		err = add_schedule(service, conditions, out);
	free(conditions);
	return err;
}
