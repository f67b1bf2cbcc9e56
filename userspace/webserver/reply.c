/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What all replies of this server have in common, and those that say that
 * something went wrong.
 */
#include <stdio.h>
#include <string.h>

#include "worker.h"

void web_reply_start(struct http_exchange *exchange, unsigned status)
{
	const struct web_request *request = web_request_of(exchange);

	http_reply_start(exchange, status);
	if (!request->site) {
		const char *node = request->worker->config->process.node;

		http_reply_known(exchange, HTTP_FIELD_X_SLUICE_WEB, http_slice_of(node));
		return;
	}
	for (const char **pair = request->site->pairs; *pair; pair += 2)
		http_reply_field(exchange, pair[0], pair[1], strlen(pair[1]));
}

void web_reply_methods(struct http_exchange *exchange)
{
	bool asked = exchange->request.method == HTTP_METHOD_OPTIONS;

	if (!asked) {
		web_reply_error(exchange, 405);
		return;
	}
	web_reply_start(exchange, 204);
	http_reply_known(exchange, HTTP_FIELD_ALLOW, HTTP_SLICE("GET, HEAD, OPTIONS"));
	http_reply_whole(exchange, NULL, NULL, 0);
}

/* --- errors ----------------------------------------------------------------------------- */

static const char *explain(unsigned status)
{
	switch (status) {
	case 400:
		return "The address of this page is not written as it should be.";
	case 404:
		return "There is no page at this address.";
	case 405:
		return "This page can be read, and nothing else.";
	case 412:
		return "What you have seen is not what is here now.";
	case 416:
		return "There is no such part of this file.";
	case 421:
		return "There is no site of this name here.";
	case 502:
		return "The application gave no proper answer. Please try again.";
	case 503:
		return "The service is not available right now. Please try again in a moment.";
	case 504:
		return "The application did not answer in time. Please try again.";
	default:
		return "This request could not be answered.";
	}
}

static bool prefers_json(const struct http_exchange *exchange)
{
	struct http_slice accept = http_head_value(&exchange->request, HTTP_FIELD_ACCEPT);

	return accept.at && http_list_quality(accept, HTTP_SLICE("application/json")) >
				    http_list_quality(accept, HTTP_SLICE("text/html"));
}

static void reply_json(struct http_exchange *exchange, unsigned status)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
			      "{\"error\":{\"status\":%u,\"reason\":\"%s\",\"message\":\"%s\","
			      "\"request\":\"%s\"}}\n",
			      status, http_status_reason(status), explain(status),
			      web_request_id(exchange));

	http_reply_whole(exchange, "application/json", text, (size_t)length);
}

static void reply_page(struct http_exchange *exchange, unsigned status)
{
	static const char form[] =
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<title>%u %s</title>\n<style>\n"
		"body { margin: 15vh auto 0; max-width: 32rem; padding: 0 1.5rem; color: #223;\n"
		"  font: 1.1rem/1.5 system-ui, sans-serif; background: #fafaf8 }\n"
		"h1 { font-size: 1.6rem; margin: 0 0 .5rem }\n"
		"h1 span { color: #99a; font-weight: 400 }\n"
		"small { color: #778 }\n</style>\n</head>\n<body>\n"
		"<h1><span>%u</span> %s</h1>\n<p>%s</p>\n<p><small>Request %s</small></p>\n"
		"</body>\n</html>\n";
	const char *reason = http_status_reason(status);
	char text[sizeof(form) + 512];
	int length = snprintf(text, sizeof(text), form, status, reason, status, reason,
			      explain(status), web_request_id(exchange));

	http_reply_whole(exchange, "text/html; charset=utf-8", text, (size_t)length);
}

static const struct web_page *configured_page(const struct http_exchange *exchange, unsigned status)
{
	const struct web_config *config = web_request_of(exchange)->worker->config;
	unsigned index = status - WEB_PAGE_FIRST;

	return index < WEB_PAGE_COUNT && config->pages[index].text ? &config->pages[index] : NULL;
}

void web_reply_error(struct http_exchange *exchange, unsigned status)
{
	const struct web_page *page = configured_page(exchange, status);

	web_reply_start(exchange, status);
	http_reply_known(exchange, HTTP_FIELD_X_REQUEST_ID,
			 http_slice_of(web_request_id(exchange)));
	if (status == 405)
		http_reply_known(exchange, HTTP_FIELD_ALLOW, HTTP_SLICE("GET, HEAD, OPTIONS"));
	if (status >= 500)
		http_reply_known(exchange, HTTP_FIELD_CACHE_CONTROL, HTTP_SLICE("no-store"));
	if (status == 503)
		http_reply_known(exchange, HTTP_FIELD_RETRY_AFTER, HTTP_SLICE("5"));
	http_reply_known(exchange, HTTP_FIELD_VARY, HTTP_SLICE("Accept"));
	if (prefers_json(exchange))
		reply_json(exchange, status);
	else if (page)
		http_reply_whole(exchange, "text/html; charset=utf-8", page->text, page->length);
	else
		reply_page(exchange, status);
}
