/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The daemon's part of each process: a worker serves connections, the monitor
 * checks the web servers and tells the figures.
 */
#include "tlsproxy.h"

#include <stdio.h>
#include <unistd.h>

#include "metrics.h"

/* Both directions on the client's side and on the server's. */
#define BUFFERS_PER_CONNECTION 4

/* --- workers -------------------------------------------------------------------- */

static struct tlsproxy self; /* of this worker */

static void on_connection_closed(struct http_server *server)
{
	worker_connection_closed(container_of(server, struct tlsproxy, server)->worker);
}

static void init_fields(struct tlsproxy *proxy)
{
	const struct tlsproxy_config *config = proxy->config;
	const char **response = proxy->response_fields;

	proxy->request_fields[0] = response[0] = "X-Sluice-TLS";
	proxy->request_fields[1] = response[1] = config->process.node;
	response[2] = "X-Request-ID"; /* of each request: add_request_id() */
	if (!config->hsts_s)
		return;
	snprintf(proxy->hsts, sizeof(proxy->hsts), "max-age=%u", config->hsts_s);
	response[4] = "Strict-Transport-Security";
	response[5] = proxy->hsts;
}

static int worker_start(struct worker *worker)
{
	struct tlsproxy_counters *counters = (struct tlsproxy_counters *)worker->counters;
	const struct tlsproxy_config *config = worker->config;

	self.worker = worker;
	self.config = config;
	worker->state = &self;
	init_fields(&self);
	buffer_pool_init(&self.buffers, config->process.connections * BUFFERS_PER_CONNECTION);
	http_server_init(&self.server, &worker->loop, &self.buffers, &config->http,
			 &tlsproxy_handler, &counters->http);
	self.server.context = &self;
	self.server.connection_closed = on_connection_closed;
	upstream_init(&self.upstream, &worker->loop, &self.buffers, &config->upstream,
		      worker->shared, counters->upstream);
	tlsproxy_rules_init(&self);
	tls_server_count(config->tls_server, &counters->tls);
	return 0;
}

static void worker_accepted(struct worker *worker, int fd, const struct process_listener *listener,
			    const struct sockaddr_storage *peer)
{
	struct tlsproxy *proxy = worker->state;
	SSL *ssl = NULL;

	if (listener->purpose == TLSPROXY_LISTEN_TLS) {
		ssl = tls_server_session(proxy->config->tls_server);
		if (!ssl) {
			close(fd);
			worker_connection_closed(worker);
			return;
		}
	}
	http_server_accept(&proxy->server, fd, ssl, listener, peer);
}

static void worker_drain(struct worker *worker)
{
	struct tlsproxy *proxy = worker->state;

	http_server_drain(&proxy->server);
	upstream_drain(&proxy->upstream);
}

/* --- the monitor ------------------------------------------------------------------ */

static size_t shared_size(const void *object)
{
	const struct tlsproxy_config *config = object;

	return config->upstream.server_count * sizeof(struct upstream_health);
}

static int monitor_start(struct worker *monitor)
{
	static struct upstream_checks *checks; /* as long as the process lives */
	const struct tlsproxy_config *config = monitor->config;

	return upstream_checks_start(&monitor->loop, &config->upstream, monitor->shared, &checks);
}

static void expose_tls(FILE *out, const struct tls_counters *tls)
{
	metrics_family(out, METRICS_COUNTER, "sluice_tls_handshakes_total",
		       "TLS handshakes that succeeded, by version.");
	metrics_uint(out, "sluice_tls_handshakes_total", tls->handshakes_tls12, "version", "1.2",
		     NULL);
	metrics_uint(out, "sluice_tls_handshakes_total", tls->handshakes_tls13, "version", "1.3",
		     NULL);
	metrics_family(out, METRICS_COUNTER, "sluice_tls_resumed_total",
		       "TLS handshakes that took up a session.");
	metrics_uint(out, "sluice_tls_resumed_total", tls->resumed, NULL);
	metrics_family(out, METRICS_COUNTER, "sluice_tls_failed_total",
		       "TLS handshakes that did not succeed.");
	metrics_uint(out, "sluice_tls_failed_total", tls->failed, NULL);
	metrics_family(
		out, METRICS_COUNTER, "sluice_tls_handshake_seconds_total",
		"Time from connection to the end of the handshake, of those that succeeded.");
	metrics_double(out, "sluice_tls_handshake_seconds_total",
		       (double)tls->handshake_ns / NS_PER_SEC, NULL);
}

static void expose(FILE *out, const struct worker *monitor, const uint64_t *values,
		   const uint64_t *gauges)
{
	const struct tlsproxy_counters *counters = (const struct tlsproxy_counters *)values;
	const struct tlsproxy_config *config = monitor->config;

	(void)gauges;
	http_server_expose(out, "sluice_tlsproxy", &counters->http);
	expose_tls(out, &counters->tls);
	upstream_expose(out, &config->upstream, 1, monitor->shared, counters->upstream);
}

/* --- the daemon ------------------------------------------------------------------- */

const struct process_daemon tlsproxy_daemon = {
	.name = "sluice-tlsproxy",
	.synopsis = "Ends TLS: takes HTTPS from clients and relays it as HTTP to web servers.",
	.config_path = "/etc/sluice/tlsproxy.yaml",
	.configure = tlsproxy_config_read,
	.release = tlsproxy_config_release,
	.settings = tlsproxy_config_process,
	.listeners = tlsproxy_config_listeners,
	.shared_size = shared_size,
	.counters = sizeof(struct tlsproxy_counters) / sizeof(uint64_t),
	.worker_start = worker_start,
	.worker_accepted = worker_accepted,
	.worker_drain = worker_drain,
	.monitor_start = monitor_start,
	.expose = expose,
};
