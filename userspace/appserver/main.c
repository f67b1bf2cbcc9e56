/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * sluice-app: workers that serve HTTP and run application modules, and the
 * monitor's metrics. Everything that can be refused is refused before the first request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "exposition.h"
#include "log.h"
#include "request.h"

#define BUFFERS_PER_CONNECTION 2

static const struct http_handler handler = {
	.request = request_begin,
	.body = request_body_ready,
	.drained = request_room_ready,
	.finished = request_finished,
	.aborted = request_aborted,
};

static const struct process_settings *settings(const void *object)
{
	const struct app_config *config = object;

	return &config->process;
}

static size_t listeners(const void *object, struct process_listener *out)
{
	const struct app_config *config = object;

	for (size_t i = 0; i < config->listen_count; i++)
		out[i] = (struct process_listener){.at = config->listen[i]};
	return config->listen_count;
}

/* --- workers ------------------------------------------------------------------------ */

static int start_modules(struct app_worker *app)
{
	struct diag_list diags = {0};
	int err = modules_start(&app->modules, app->config, NULL, &diags);

	for (size_t i = 0; i < diags.count; i++)
		log_error("app", "event=module-not-started error=\"%s\"", diags.items[i].text);
	diag_fini(&diags);
	return err;
}

static void connection_closed(struct http_server *server)
{
	struct app_worker *app = server->context;

	worker_connection_closed(app->worker);
}

static int worker_start(struct worker *worker)
{
	struct app_worker *app = calloc(1, sizeof(*app));
	const struct app_config *config = worker->config;
	int err;

	if (!app)
		return -ENOMEM;
	worker->state = app;
	app->worker = worker;
	app->config = config;
	app->counters = (struct app_counters *)worker->counters;
	app->gauges = (struct app_gauges *)worker->gauges;
	buffer_pool_init(&app->buffers,
			 (size_t)worker->settings->connections * BUFFERS_PER_CONNECTION);
	http_server_init(&app->http, &worker->loop, &app->buffers, &config->http, &handler,
			 &app->counters->http);
	app->http.connection_closed = connection_closed;
	app->http.context = app;
	coroutine_pool_init(&app->coroutines, config->stack_bytes, config->tasks);
	database_pool_init(&app->database, &worker->loop,
			   config->has_database ? &config->database : NULL,
			   &app->counters->database, &app->gauges->database);
	err = crash_report_requests();
	return err ? err : start_modules(app);
}

static void worker_accepted(struct worker *worker, int fd, const struct process_listener *listener,
			    const struct sockaddr_storage *peer)
{
	struct app_worker *app = worker->state;

	http_server_accept(&app->http, fd, NULL, listener, peer);
}

static void worker_drain(struct worker *worker)
{
	struct app_worker *app = worker->state;

	http_server_drain(&app->http);
}

static void worker_end(struct worker *worker)
{
	struct app_worker *app = worker->state;

	modules_stop(&app->modules);
	database_pool_fini(&app->database);
}

int main(int argc, char **argv)
{
	static const struct process_daemon daemon = {
		.name = "sluice-app",
		.synopsis = "Runs application modules: HTTP in, MySQL out.",
		.config_path = "/etc/sluice/app.yaml",
		.configure = app_config_read,
		.release = app_config_free,
		.settings = settings,
		.listeners = listeners,
		.counters = sizeof(struct app_counters) / sizeof(uint64_t),
		.gauges = sizeof(struct app_gauges) / sizeof(uint64_t),
		.worker_start = worker_start,
		.worker_accepted = worker_accepted,
		.worker_drain = worker_drain,
		.worker_end = worker_end,
		.expose = app_expose,
	};

	return process_main(&daemon, argc, argv);
}
