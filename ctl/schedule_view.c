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
	    json_object_set_new(out, "panic_percent", json_integer(service->panic_percent)))
		return -ENOMEM;
	for (size_t i = 0; i < service->backend_count; i++)
		if (json_object_set_new(json_array_get(backends, i), "backup",
					json_boolean(service->backends[i].backup)))
			return -ENOMEM;
	return 0;
}

int schedule_view_add(const struct session *session, const struct service *service, json_t *out)
{
	struct backend_condition *conditions;
	int err = add_options(service, out);

	if (err)
		return err;
	err = dataplane_read_conditions(&session->dp, service, &conditions);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = add_schedule(service, conditions, out);
	free(conditions);
	return err;
}
