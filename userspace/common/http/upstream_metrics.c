/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Upstreams in the Prometheus text format: one family for each counter, one
 * sample for each server.
 */
#include "http/upstream.h"

#include "metrics.h"

struct exposed {
	FILE *out;
	const struct upstream_settings *groups;
	size_t group_count;
	const struct upstream_health *health;
	const struct upstream_counters *counters;
};

static void write_number(const struct exposed *all, const char *name,
			 uint64_t (*value)(const struct exposed *all, size_t server, size_t what),
			 size_t what)
{
	size_t server = 0;

	for (size_t i = 0; i < all->group_count; i++)
		for (size_t j = 0; j < all->groups[i].server_count; j++, server++)
			metrics_uint(all->out, name, value(all, server, what), "upstream",
				     all->groups[i].name, "server", all->groups[i].servers[j].name,
				     NULL);
}

static uint64_t counter_at(const struct exposed *all, size_t server, size_t offset)
{
	return *(const uint64_t *)((const char *)&all->counters[server] + offset);
}

static uint64_t is_well(const struct exposed *all, size_t server, size_t what)
{
	const struct upstream_health *health = &all->health[server];

	(void)what;
	return health->well || !health->checked;
}

static uint64_t health_at(const struct exposed *all, size_t server, size_t offset)
{
	return *(const uint64_t *)((const char *)&all->health[server] + offset);
}

static void write_waits(const struct exposed *all)
{
	static const char *const name = "sluice_upstream_response_seconds_total";
	const struct upstream_counters *counters = all->counters;

	metrics_family(all->out, METRICS_COUNTER, name,
		       "Time to the head of the responses, in all.");
	for (size_t i = 0; i < all->group_count; i++)
		for (size_t j = 0; j < all->groups[i].server_count; j++, counters++)
			metrics_double(all->out, name, (double)counters->response_ns / NS_PER_SEC,
				       "upstream", all->groups[i].name, "server",
				       all->groups[i].servers[j].name, NULL);
}

static void write_checks(const struct exposed *all)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} counted[] = {
		{"sluice_upstream_checks_good_total", "Checks that the server has passed.",
		 offsetof(struct upstream_health, good)},
		{"sluice_upstream_checks_bad_total", "Checks that the server has not passed.",
		 offsetof(struct upstream_health, bad)},
		{"sluice_upstream_changes_total", "Times that the checks have changed their mind.",
		 offsetof(struct upstream_health, changes)},
	};

	metrics_family(all->out, METRICS_GAUGE, "sluice_upstream_well",
		       "Whether the checks take the server for well; 1 before the first.");
	write_number(all, "sluice_upstream_well", is_well, 0);
	for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
		metrics_family(all->out, METRICS_COUNTER, counted[i].name, counted[i].help);
		write_number(all, counted[i].name, health_at, counted[i].offset);
	}
}

void upstream_expose(FILE *out, const struct upstream_settings *groups, size_t count,
		     const struct upstream_health *health, const struct upstream_counters *counters)
{
	const struct exposed all = {out, groups, count, health, counters};

	write_checks(&all);
#define X(name, help)                                                                              \
	metrics_family(out, METRICS_COUNTER, "sluice_upstream_" #name "_total", help);             \
	write_number(&all, "sluice_upstream_" #name "_total", counter_at,                          \
		     offsetof(struct upstream_counters, name));
	UPSTREAM_COUNTERS(X)
#undef X
	write_waits(&all);
}
