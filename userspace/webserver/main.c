/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * sluice-web: static files, and a reverse proxy to the application servers.
 */
#include "monitor.h"
#include "worker.h"

#define CONFIG_PATH "/etc/sluice/web.yaml"

static const struct process_settings *settings_of(const void *config)
{
	return &((const struct web_config *)config)->process;
}

static size_t listeners_of(const void *object, struct process_listener *out)
{
	const struct web_config *config = object;

	for (size_t i = 0; i < config->listen_count; i++)
		out[i] = (struct process_listener){.at = config->listen[i]};
	return config->listen_count;
}

static size_t shared_size(const void *object)
{
	const struct web_config *config = object;

	return (config->server_count + 1) * sizeof(struct upstream_health);
}

int main(int argc, char **argv)
{
	static const struct process_daemon daemon = {
		.name = "sluice-web",
		.synopsis = "Serves files and relays requests to application servers.",
		.config_path = CONFIG_PATH,
		.configure = web_config_read,
		.release = web_config_free,
		.settings = settings_of,
		.listeners = listeners_of,
		.shared_size = shared_size,
		.counters = sizeof(struct web_counters) / sizeof(uint64_t),
		.worker_start = web_worker_start,
		.worker_accepted = web_worker_accepted,
		.worker_drain = web_worker_drain,
		.monitor_start = web_monitor_start,
		.expose = web_expose,
	};

	return process_main(&daemon, argc, argv);
}
