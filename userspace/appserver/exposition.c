/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Metrics of the application server: HTTP as every daemon tells it, requests by
 * route, the pool of database connections, sessions.
 */
#include "exposition.h"

#include "metrics.h"
#include "request.h"

#define PREFIX "sluice_app_"

static void counter(FILE *out, const char *name, const char *help, uint64_t value)
{
	metrics_family(out, METRICS_COUNTER, name, help);
	metrics_uint(out, name, value, NULL);
}

static void gauge(FILE *out, const char *name, const char *help, uint64_t value)
{
	metrics_family(out, METRICS_GAUGE, name, help);
	metrics_uint(out, name, value, NULL);
}

static void expose_routes(FILE *out, const struct request_counters *counters)
{
	static const char *const classes[REQUEST_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
	const char *label;

	metrics_family(out, METRICS_COUNTER, PREFIX "route_requests_total",
		       "Requests by route and class of their response.");
	for (unsigned i = 0; (label = app_config_route_label(i)); i++)
		for (unsigned class = 1; class < REQUEST_CLASSES; class ++)
			metrics_uint(out, PREFIX "route_requests_total", counters->routes[i][class],
				     "route", label, "class", classes[class], NULL);
	metrics_family(out, METRICS_COUNTER, PREFIX "route_seconds_total",
		       "Time that requests took, from their first byte to their response's last.");
	for (unsigned i = 0; (label = app_config_route_label(i)); i++)
		metrics_double(out, PREFIX "route_seconds_total",
			       (double)counters->route_ns[i] / NS_PER_SEC, "route", label, NULL);
}

static void expose_statements(FILE *out, const struct database_counters *counters)
{
	static const char *const bounds[DATABASE_BUCKETS] = {"0.0005", "0.001", "0.0025", "0.005",
							     "0.01",   "0.025", "0.05",	  "0.1",
							     "0.25",   "0.5",	"1",	  "+Inf"};
	uint64_t below = 0;

	metrics_family(
		out, METRICS_HISTOGRAM, PREFIX "database_statement_seconds",
		"From a statement's call, with the wait for a connection, to its first row.");
	for (unsigned i = 0; i < DATABASE_BUCKETS; i++) {
		below += counters->duration_bucket[i];
		metrics_uint(out, PREFIX "database_statement_seconds_bucket", below, "le",
			     bounds[i], NULL);
	}
	metrics_double(out, PREFIX "database_statement_seconds_sum",
		       (double)counters->duration_ns / NS_PER_SEC, NULL);
	metrics_uint(out, PREFIX "database_statement_seconds_count", below, NULL);
}

void app_expose(FILE *out, const struct worker *monitor, const uint64_t *counter_values,
		const uint64_t *gauge_values)
{
	const struct app_counters *counters = (const struct app_counters *)counter_values;
	const struct app_gauges *gauges = (const struct app_gauges *)gauge_values;
	const struct database_gauges *database = &gauges->database;

	(void)monitor;
	http_server_expose(out, PREFIX "http", &counters->http);
	expose_routes(out, &counters->requests);
	gauge(out, PREFIX "coroutines", "Requests whose handler runs or waits.", gauges->tasks);
#define X(name, help) counter(out, PREFIX #name "_total", help, counters->requests.name);
	REQUEST_COUNTERS(X)
#undef X
#define X(name, help)                                                                              \
	counter(out, PREFIX "database_" #name "_total", help, counters->database.name);
	DATABASE_COUNTERS(X)
#undef X
#define X(name, help) gauge(out, PREFIX "database_" #name, help, database->name);
	DATABASE_GAUGES(X)
#undef X
	expose_statements(out, &counters->database);
}
