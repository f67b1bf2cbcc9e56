/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "exposition.h"

#include <string.h>

#include "cluster.h"
#include "counters.h"
#include "metrics.h"

struct line {
	const char *family, *label, *value, *help;
};

static const struct line counter_lines[] = {
#define X(id, family, label, value, help) {"sluice_mysql_" family "_total", label, value, help},
	MYSQL_COUNTERS(X)
#undef X
};

static const struct line gauge_lines[] = {
#define X(id, family, label, value, help) {"sluice_mysql_" family, label, value, help},
	MYSQL_GAUGES(X)
#undef X
};

static void write_lines(FILE *out, enum metrics_type type, const struct line *lines, size_t count,
			const uint64_t *values)
{
	for (size_t i = 0; i < count; i++) {
		const struct line *line = &lines[i];

		if (line->help)
			metrics_family(out, type, line->family, line->help);
		metrics_uint(out, line->family, values[i], line->label, line->value, NULL);
	}
}

/* --- servers ----------------------------------------------------------------------- */

struct servers {
	FILE *out;
	const struct router_config *config;
	const struct cluster_board *board;
};

/* A family with one sample for each server. */
static void each_server(const struct servers *servers, enum metrics_type type, const char *name,
			const char *help,
			double (*value)(const struct servers *servers,
					const struct server_board *place))
{
	metrics_family(servers->out, type, name, help);
	for (size_t i = 0; i < servers->config->server_count; i++) {
		const struct server_config *server = &servers->config->servers[i];

		metrics_double(servers->out, name,
			       value(servers, &servers->board->servers[server->board]), "server",
			       server->name, NULL);
	}
}

static double is_up(const struct servers *servers, const struct server_board *place)
{
	(void)servers;
	return place->health == HEALTH_UP;
}

static double is_primary(const struct servers *servers, const struct server_board *place)
{
	return servers->board->primary == place - servers->board->servers;
}

static double is_usable(const struct servers *servers, const struct server_board *place)
{
	(void)servers;
	return cluster_is_usable(place);
}

static double replicates(const struct servers *servers, const struct server_board *place)
{
	(void)servers;
	return place->replicates;
}

static double checks(const struct servers *servers, const struct server_board *place)
{
	(void)servers;
	return (double)place->checks;
}

static double check_failures(const struct servers *servers, const struct server_board *place)
{
	(void)servers;
	return (double)place->check_failures;
}

static double check_seconds(const struct servers *servers, const struct server_board *place)
{
	(void)servers;
	return (double)place->check_ns / 1e9;
}

static const char *source_of(const struct server_board *place)
{
	static const char *const sources[] = {"none", "heartbeat", "seconds-behind"};
	struct server_view view;

	cluster_read_view(place, &view);
	return view.lag_source < ARRAY_LEN(sources) ? sources[view.lag_source] : "none";
}

static void write_lag(const struct servers *servers)
{
	const char *name = "sluice_mysql_server_lag_seconds";

	metrics_family(servers->out, METRICS_GAUGE, name,
		       "How far a replica is behind, and how that is known; absent if it is not.");
	for (size_t i = 0; i < servers->config->server_count; i++) {
		const struct server_config *server = &servers->config->servers[i];
		const struct server_board *place = &servers->board->servers[server->board];
		uint32_t lag_ms = place->lag_ms;

		if (place->health == HEALTH_UP && lag_ms != CLUSTER_LAG_UNKNOWN)
			metrics_double(servers->out, name, lag_ms / 1e3, "server", server->name,
				       "source", source_of(place), NULL);
	}
}

void exposition_write(FILE *out, const struct worker *monitor, const uint64_t *counters,
		      const uint64_t *gauges)
{
	const struct servers servers = {out, monitor->config, cluster_board()};

	write_lines(out, METRICS_COUNTER, counter_lines, ARRAY_LEN(counter_lines), counters);
	write_lines(out, METRICS_GAUGE, gauge_lines, ARRAY_LEN(gauge_lines), gauges);
	each_server(&servers, METRICS_GAUGE, "sluice_mysql_server_up",
		    "Whether the last check of the server succeeded.", is_up);
	each_server(&servers, METRICS_GAUGE, "sluice_mysql_server_usable",
		    "Whether the server is up, and reached by the workers.", is_usable);
	each_server(&servers, METRICS_GAUGE, "sluice_mysql_server_primary",
		    "Whether the server takes the writes.", is_primary);
	each_server(&servers, METRICS_GAUGE, "sluice_mysql_server_replicates",
		    "Whether the server follows another.", replicates);
	each_server(&servers, METRICS_COUNTER, "sluice_mysql_server_checks_total",
		    "Checks of the server.", checks);
	each_server(&servers, METRICS_COUNTER, "sluice_mysql_server_check_failures_total",
		    "Checks of the server that failed.", check_failures);
	each_server(&servers, METRICS_COUNTER, "sluice_mysql_server_check_seconds_total",
		    "How long the checks took, in all.", check_seconds);
	write_lag(&servers);
}
