/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Requests that an upstream answers. What a client says of where it comes from
 * is believed if a trusted proxy has passed it on, and replaced otherwise.
 */
#include <errno.h>
#include <stdlib.h>

#include "worker.h"

/* One X-Request-ID goes on, whoever made it: the client's own is held back. */
static void replace_request_id(struct http_exchange *exchange)
{
	struct http_head *head = &exchange->request;

	for (size_t i = 0; i < head->header_count; i++)
		if (head->headers[i].field == HTTP_FIELD_X_REQUEST_ID)
			head->headers[i].hop = true;
}

static void add_fields(struct http_exchange *exchange, struct http_writer *to)
{
	http_write_text(to, HTTP_FIELD_X_REQUEST_ID, web_request_id(exchange));
}

static void on_failed(struct http_exchange *exchange, enum proxy_failure why, unsigned status)
{
	(void)why;
	web_reply_error(exchange, status);
}

static void set_rules(struct web_worker *web, const struct web_site *site,
		      const struct web_route *route)
{
	struct proxy_rules *rules = web->targets[route->number].rules;

	for (unsigned trusted = 0; trusted < 2; trusted++)
		rules[trusted] = (struct proxy_rules){
			.upstream = &web->upstreams[route->upstream],
			.edge = !trusted,
			.request_fields = web->request_fields,
			.response_fields = site->pairs,
			.add_fields = add_fields,
			.failed = on_failed,
		};
}

static int init_upstreams(struct web_worker *web)
{
	const struct web_config *config = web->config;
	const struct upstream_health *health = web->worker->shared;
	struct upstream_counters *counters = web->counters->upstreams;

	web->upstreams = calloc(config->upstream_count + 1, sizeof(*web->upstreams));
	if (!web->upstreams)
		return -ENOMEM;
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_settings *settings = &config->upstreams[i];

		upstream_init(&web->upstreams[i], &web->worker->loop, &web->buffers, settings,
			      health, counters);
		health += settings->server_count;
		counters += settings->server_count;
	}
	return 0;
}

int web_relay_init(struct web_worker *web)
{
	const struct web_config *config = web->config;
	int err = init_upstreams(web);

	if (err)
		return err;
	web->request_fields[0] = "X-Sluice-Web";
	web->request_fields[1] = config->process.node;
	for (size_t i = 0; i < config->site_count; i++)
		for (size_t j = 0; j < config->sites[i].route_count; j++)
			if (*config->sites[i].routes[j].proxy)
				set_rules(web, &config->sites[i], &config->sites[i].routes[j]);
	return 0;
}

void web_relay_start(struct http_exchange *exchange, const struct web_route *route)
{
	struct web_request *request = web_request_of(exchange);

	web_request_id(exchange);
	replace_request_id(exchange);
	proxy_start(exchange, &request->worker->targets[route->number].rules[request->trusted]);
}
