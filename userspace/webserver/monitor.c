/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "monitor.h"

#include "metrics.h"
#include "worker.h"

int web_monitor_start(struct worker *monitor)
{
	const struct web_config *config = monitor->config;
	struct upstream_health *health = monitor->shared;

	for (size_t i = 0; i < config->upstream_count; i++) {
		/* They run as long as the process does. */
		struct upstream_checks *checks;
		int err = upstream_checks_start(&monitor->loop, &config->upstreams[i], health,
						&checks);

		if (err)
			return err;
		health += config->upstreams[i].server_count;
	}
	return 0;
}

static void expose(FILE *out, const char *name, const char *help, uint64_t value)
{
	metrics_family(out, METRICS_COUNTER, name, help);
	metrics_uint(out, name, value, NULL);
}

void web_expose(FILE *out, const struct worker *monitor, const uint64_t *values,
		const uint64_t *gauges)
{
	const struct web_config *config = monitor->config;
	const struct web_counters *counters = (const struct web_counters *)values;

	(void)gauges;
	http_server_expose(out, "sluice_web", &counters->http);
#define X(name, help) expose(out, "sluice_web_" #name "_total", help, counters->name);
	WEB_COUNTERS(X)
#undef X
	expose(out, "sluice_web_file_hits_total", "Files that were open already.",
	       counters->files.hits);
	expose(out, "sluice_web_file_opens_total", "Files opened, looked for or looked at again.",
	       counters->files.opens);
	expose(out, "sluice_web_file_changes_total", "Files that had changed when looked at again.",
	       counters->files.changed);
	expose(out, "sluice_web_file_evictions_total", "Files closed to make room for others.",
	       counters->files.evicted);
	upstream_expose(out, config->upstreams, config->upstream_count, monitor->shared,
			counters->upstreams);
}
