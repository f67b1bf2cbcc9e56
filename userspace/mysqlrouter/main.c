/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sluice-mysql(8): the parts of the daemon put together. */
#include "counters.h"
#include "exposition.h"
#include "monitor.h"
#include "process.h"
#include "router.h"
#include "router_config.h"

static const struct process_daemon daemon_parts = {
	.name = "sluice-mysql",
	.synopsis = "Routes MySQL clients to a primary and its replicas: reads to replicas that\n"
		    "have what the session wrote, all else to the primary.",
	.config_path = ROUTER_CONFIG_PATH,
	.configure = router_config_read,
	.release = router_config_release,
	.settings = router_config_process,
	.listeners = router_config_listeners,
	.counters = COUNTER_COUNT,
	.gauges = GAUGE_COUNT,
	.worker_start = router_start,
	.worker_accepted = router_accepted,
	.worker_drain = router_drain,
	.monitor_start = monitor_start,
	.expose = exposition_write,
};

int main(int argc, char **argv)
{
	return process_main(&daemon_parts, argc, argv);
}
