/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A request from its head to its line in the access log: which site and route
 * it belongs to, who sent it, who answers it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http/exchange_log.h"
#include "http/scan.h"
#include "route.h"
#include "worker.h"

#define SPARE_MAX 64

static struct web_worker *worker_of(const struct http_exchange *exchange)
{
	return exchange->server->context;
}

static struct web_request *take_request(struct web_worker *web)
{
	struct web_request *request = web->spare;

	if (request) {
		web->spare = request->next;
		web->spare_count--;
	} else {
		request = malloc(sizeof(*request));
		if (!request)
			return NULL;
	}
	memset(request, 0, offsetof(struct web_request, path));
	request->worker = web;
	return request;
}

static void release_request(struct web_request *request)
{
	struct web_worker *web = request->worker;

	file_cache_put(request->sending.file);
	if (web->spare_count >= SPARE_MAX) {
		free(request);
		return;
	}
	request->next = web->spare;
	web->spare = request;
	web->spare_count++;
}

/* --- who asks --------------------------------------------------------------------------- */

static bool is_trusted(const struct web_config *config, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < config->trusted_count; i++)
		if (prefix_contains(&config->trusted[i], addr))
			return true;
	return false;
}

/* A UNIX socket is reached by this host alone. */
static bool comes_from_trusted(const struct http_exchange *exchange)
{
	struct sluice_addr addr;

	return addr_from_sockaddr((const struct sockaddr *)exchange->peer, &addr) ||
	       is_trusted(worker_of(exchange)->config, &addr);
}

static bool is_trusted_text(const struct web_config *config, struct http_slice text)
{
	struct sluice_addr addr;
	char copy[ADDR_TEXT_LEN];

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	return !addr_parse(copy, &addr) && is_trusted(config, &addr);
}

/*
 * Each proxy adds at the end whom it has served: the last one that is none of
 * ours is the client, and what stands before it may be invented.
 */
static struct http_slice client_of(const struct http_exchange *exchange, char buf[ADDR_TEXT_LEN])
{
	const struct web_request *request = web_request_of(exchange);
	const struct http_header *header =
		request->trusted ? http_head_find(&exchange->request, HTTP_FIELD_X_FORWARDED_FOR)
				 : NULL;
	struct http_slice client = {0}, rest, element;

	for (; header; header = http_head_next(&exchange->request, header))
		for (rest = header->value; http_list_next(&rest, &element);)
			if (!client.at || !is_trusted_text(request->worker->config, element))
				client = element;
	return client.at ? client : http_slice_of(http_exchange_peer(exchange, buf));
}

/* splitmix64: ids are to be told apart, not to be kept secret. */
static uint64_t next_id_bits(struct web_worker *web)
{
	uint64_t mixed = web->id_state += 0x9e3779b97f4a7c15ull;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebull;
	return mixed ^ mixed >> 31;
}

static void make_id(struct web_worker *web, char id[static WEB_ID_LEN])
{
	uint64_t bits[2] = {next_id_bits(web), next_id_bits(web)};

	for (unsigned i = 0; i < 32; i++)
		id[i] = "0123456789abcdef"[bits[i / 16] >> 4 * (i % 16) & 15];
	id[32] = '\0';
}

/* It is shown in pages and JSON: what means something there, or ends a line, is not taken. */
static bool is_id(struct http_slice text)
{
	size_t good = 0;

	while (good < text.len && (http_is(text.at[good], HTTP_C_NAME) ||
				   memchr("+/=:@", text.at[good], strlen("+/=:@"))))
		good++;
	return text.len && text.len < WEB_ID_LEN && good == text.len;
}

const char *web_request_id(struct http_exchange *exchange)
{
	struct web_request *request = web_request_of(exchange);
	struct http_slice given = http_head_value(&exchange->request, HTTP_FIELD_X_REQUEST_ID);

	if (*request->id)
		return request->id;
	if (request->trusted && is_id(given)) {
		memcpy(request->id, given.at, given.len);
		request->id[given.len] = '\0';
	} else {
		make_id(request->worker, request->id);
	}
	return request->id;
}

/* --- who answers ------------------------------------------------------------------------ */

static void reply_health(struct http_exchange *exchange)
{
	struct web_request *request = web_request_of(exchange);

	request->unlogged = true;
	if (exchange->server->draining) {
		web_reply_start(exchange, 503);
		http_reply_whole(exchange, "text/plain; charset=utf-8", "draining\n", 9);
		return;
	}
	web_reply_start(exchange, 200);
	http_reply_known(exchange, HTTP_FIELD_CACHE_CONTROL, HTTP_SLICE("no-store"));
	http_reply_whole(exchange, "text/plain; charset=utf-8", "ok\n", 3);
}

static void answer(struct http_exchange *exchange)
{
	struct web_request *request = web_request_of(exchange);
	const struct web_config *config = request->worker->config;
	const struct web_route *route;

	if (!strcmp(request->path, config->health)) {
		reply_health(exchange);
		return;
	}
	if (!request->site) {
		web_reply_error(exchange, 421);
		return;
	}
	route = route_find(request->site, request->path);
	if (!route)
		web_reply_error(exchange, 404);
	else if (*route->proxy)
		web_relay_start(exchange, route);
	else
		web_static_start(exchange, route);
}

static void on_request(struct http_exchange *exchange)
{
	struct web_worker *web = worker_of(exchange);
	struct web_request *request = take_request(web);
	ssize_t length;

	exchange->data = request;
	if (!request) {
		http_reply_abort(exchange);
		return;
	}
	request->site = route_find_site(web->config, exchange->request.host);
	request->trusted = comes_from_trusted(exchange);
	if (exchange->request.form == HTTP_TARGET_ASTERISK) {
		web_reply_methods(exchange);
		return;
	}
	length = http_path_normalise(exchange->request.path, request->path, sizeof(request->path));
	if (length >= 0) {
		answer(exchange);
		return;
	}
	web->counters->bad_paths++;
	web_reply_error(exchange, length == -ENOBUFS ? 414 : 400);
}

static void on_body(struct http_exchange *exchange)
{
	if (exchange->proxy)
		proxy_body(exchange);
}

static void on_drained(struct http_exchange *exchange)
{
	if (exchange->proxy)
		proxy_drained(exchange);
	else
		web_static_continue(exchange);
}

/* --- what is left of it ----------------------------------------------------------------- */

static void write_log(struct http_exchange *exchange, const struct proxy_report *report,
		      const char *end)
{
	struct access_log *log = &worker_of(exchange)->worker->log;
	char peer[ADDR_TEXT_LEN];

	exchange_log_begin(log, exchange, web_request_id(exchange), client_of(exchange, peer), end,
			   report);
	exchange_log_end(log, exchange);
}

static void end_request(struct http_exchange *exchange, const char *how)
{
	struct web_request *request = web_request_of(exchange);
	struct proxy_report report = {0};

	if (exchange->proxy)
		proxy_end(exchange, &report);
	if (!request)
		return;
	if (request->worker->worker->log.fd >= 0 && !request->unlogged)
		write_log(exchange, &report, how);
	release_request(request);
}

static void on_finished(struct http_exchange *exchange)
{
	end_request(exchange, exchange->broken ? "cut" : "complete");
}

static void on_aborted(struct http_exchange *exchange)
{
	end_request(exchange, "aborted");
}

const struct http_handler web_handler = {
	.request = on_request,
	.body = on_body,
	.drained = on_drained,
	.finished = on_finished,
	.aborted = on_aborted,
};
