/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "http/exchange_log.h"

static void log_slice(struct access_log *log, const char *key, struct http_slice value)
{
	access_log_text(log, key, value.at ? value.at : "", value.len);
}

static void log_relaying(struct access_log *log, const struct proxy_report *report)
{
	access_log_string(log, "server", report->server);
	access_log_uint(log, "tries", report->tries);
	access_log_ms(log, "connect_ms", report->connect_ns);
	access_log_ms(log, "response_ms", report->response_ns);
}

void exchange_log_begin(struct access_log *log, const struct http_exchange *exchange,
			const char *id, struct http_slice client, const char *end,
			const struct proxy_report *report)
{
	access_log_begin(log);
	if (id)
		access_log_string(log, "id", id);
	log_slice(log, "client", client);
	access_log_uint(log, "status", exchange->status);
	access_log_string(log, "end", end);
	access_log_uint(log, "bytes_in", exchange->body_in);
	access_log_uint(log, "bytes_out", exchange->body_out);
	if (report->server)
		log_relaying(log, report);
	access_log_ms(log, "total_ms", exchange->duration_ns);
}

void exchange_log_end(struct access_log *log, const struct http_exchange *exchange)
{
	const struct http_head *request = &exchange->request;

	log_slice(log, "method", request->method_name);
	log_slice(log, "host", request->authority);
	log_slice(log, "target", request->target);
	log_slice(log, "referer", http_head_value(request, HTTP_FIELD_REFERER));
	log_slice(log, "user_agent", http_head_value(request, HTTP_FIELD_USER_AGENT));
	access_log_end(log);
}
