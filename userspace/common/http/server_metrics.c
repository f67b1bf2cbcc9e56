/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Counters of the HTTP server and how they are told to Prometheus.
 */
#include "http/server_private.h"
#include "metrics.h"

#define NAME_LEN 96

static const struct {
	uint64_t ns;
	const char *seconds;
} bounds[HTTP_SERVER_DURATIONS] = {
	{500000, "0.0005"},  {1000000, "0.001"},   {2500000, "0.0025"}, {5000000, "0.005"},
	{10000000, "0.01"},  {25000000, "0.025"},  {50000000, "0.05"},	{100000000, "0.1"},
	{250000000, "0.25"}, {500000000, "0.5"},   {1000000000, "1"},	{2500000000, "2.5"},
	{10000000000, "10"}, {UINT64_MAX, "+Inf"},
};

void count_response(struct http_server *server, unsigned status)
{
	struct http_server_counters *counters = server->counters;
	uint64_t *const classes[] = {&counters->responses_1xx, &counters->responses_2xx,
				     &counters->responses_3xx, &counters->responses_4xx,
				     &counters->responses_5xx};

	if (status >= 100 && status < 600)
		++*classes[status / 100 - 1];
}

void count_duration(struct http_server *server, uint64_t duration_ns)
{
	unsigned i = 0;

	while (duration_ns > bounds[i].ns)
		i++;
	server->counters->durations[i]++;
	server->counters->duration_ns += duration_ns;
}

static const char *full_name(char name[NAME_LEN], const char *prefix, const char *rest)
{
	snprintf(name, NAME_LEN, "%s_http_%s", prefix, rest);
	return name;
}

static void expose_counter(FILE *out, const char *prefix, const char *what, const char *help,
			   uint64_t value)
{
	char name[NAME_LEN], total[64];

	snprintf(total, sizeof(total), "%s_total", what);
	full_name(name, prefix, total);
	metrics_family(out, METRICS_COUNTER, name, help);
	metrics_uint(out, name, value, NULL);
}

static void expose_responses(FILE *out, const char *prefix,
			     const struct http_server_counters *counters)
{
	char name[NAME_LEN];

	full_name(name, prefix, "responses_total");
	metrics_family(out, METRICS_COUNTER, name, "Responses, interim ones too, by class.");
	metrics_uint(out, name, counters->responses_1xx, "class", "1xx", NULL);
	metrics_uint(out, name, counters->responses_2xx, "class", "2xx", NULL);
	metrics_uint(out, name, counters->responses_3xx, "class", "3xx", NULL);
	metrics_uint(out, name, counters->responses_4xx, "class", "4xx", NULL);
	metrics_uint(out, name, counters->responses_5xx, "class", "5xx", NULL);
}

static void expose_refusals(FILE *out, const char *prefix,
			    const struct http_server_counters *counters)
{
	char name[NAME_LEN];

	full_name(name, prefix, "refused_total");
	metrics_family(out, METRICS_COUNTER, name, "Malformed requests, by what was wrong.");
	for (unsigned i = HTTP_REFUSAL_NONE + 1; i < HTTP_REFUSAL_COUNT; i++)
		metrics_uint(out, name, counters->refusals[i], "reason",
			     http_refusal_name((enum http_refusal)i), NULL);
}

static void expose_durations(FILE *out, const char *prefix,
			     const struct http_server_counters *counters)
{
	char name[NAME_LEN];
	uint64_t below = 0;

	full_name(name, prefix, "request_duration_seconds");
	metrics_family(out, METRICS_HISTOGRAM, name,
		       "From a request's first byte to the end of its reply.");
	full_name(name, prefix, "request_duration_seconds_bucket");
	for (unsigned i = 0; i < HTTP_SERVER_DURATIONS; i++) {
		below += counters->durations[i];
		metrics_uint(out, name, below, "le", bounds[i].seconds, NULL);
	}
	full_name(name, prefix, "request_duration_seconds_sum");
	metrics_double(out, name, (double)counters->duration_ns / NS_PER_SEC, NULL);
	full_name(name, prefix, "request_duration_seconds_count");
	metrics_uint(out, name, below, NULL);
}

void http_server_expose(FILE *out, const char *prefix, const struct http_server_counters *counters)
{
#define X(name, help) expose_counter(out, prefix, #name, help, counters->name);
	HTTP_SERVER_COUNTERS(X)
#undef X
	expose_responses(out, prefix, counters);
	expose_refusals(out, prefix, counters);
	expose_durations(out, prefix, counters);
}
