/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What becomes of a request: over TLS it is relayed to a web server, under an
 * id of ours and without what only a proxy may say; over plain HTTP it is sent
 * to where there is TLS. Both leave a line in the access log.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/exchange_log.h"
#include "tlsproxy.h"

#define HTTPS_PORT 443

/* exchange->data */
struct request {
	char id[REQUEST_ID_LEN + 1];
};

static struct tlsproxy *proxy_of(const struct http_exchange *exchange)
{
	return exchange->server->context;
}

static bool is_tls(const struct http_exchange *exchange)
{
	return exchange->listener->purpose == TLSPROXY_LISTEN_TLS;
}

/* --- replies of our own ----------------------------------------------------------- */

/* By which a client can tell us which request it means. */
static void add_request_id(struct http_exchange *exchange)
{
	const struct request *request = exchange->data;

	if (request)
		http_reply_known(exchange, HTTP_FIELD_X_REQUEST_ID, http_slice_of(request->id));
}

static void start_reply(struct http_exchange *exchange, unsigned status)
{
	const char **fields = proxy_of(exchange)->response_fields;

	http_reply_start(exchange, status);
	/* Strict-Transport-Security has no meaning outside of TLS: RFC 6797, 7.2. */
	for (; is_tls(exchange) && *fields; fields += 2)
		if (fields[1])
			http_reply_field(exchange, fields[0], fields[1], strlen(fields[1]));
	add_request_id(exchange);
}

static void reply_page(struct http_exchange *exchange, unsigned status, const char *words)
{
	char page[512];
	int length =
		snprintf(page, sizeof(page),
			 "<!doctype html>\n<html lang=\"en\">\n"
			 "<meta charset=\"utf-8\">\n"
			 "<meta name=\"viewport\" content=\"width=device-width\">\n"
			 "<title>%u %s</title>\n<h1>%s</h1>\n<p>%s</p>\n</html>\n",
			 status, http_status_reason(status), http_status_reason(status), words);

	start_reply(exchange, status);
	http_reply_fieldf(exchange, "Cache-Control", "no-store");
	if (status == 503)
		http_reply_fieldf(exchange, "Retry-After", "5");
	http_reply_whole(exchange, "text/html; charset=utf-8", page, (size_t)length);
}

static void on_proxy_failed(struct http_exchange *exchange, enum proxy_failure why, unsigned status)
{
	static const char *const words[] = {
		[PROXY_NO_SERVER] = "The site cannot be reached just now. Please try again soon.",
		[PROXY_BROKEN] = "The site gave no complete answer. Please try again.",
		[PROXY_MALFORMED] = "The site gave an answer that makes no sense.",
		[PROXY_TIMEOUT] = "The site took too long to answer. Please try again.",
		[PROXY_REFUSED] = "The request is too large.",
	};

	reply_page(exchange, status, words[why]);
}

/* --- redirects ---------------------------------------------------------------------- */

/* The host is what the parser has let pass: a name or an address. */
static void redirect(struct http_exchange *exchange)
{
	const struct http_head *request = &exchange->request;
	bool is_v6 = memchr(request->host.at, ':', request->host.len);
	bool reads = request->method == HTTP_METHOD_GET || request->method == HTTP_METHOD_HEAD;
	unsigned port = proxy_of(exchange)->config->https_port;
	char port_text[8] = "";

	if (port != HTTPS_PORT)
		snprintf(port_text, sizeof(port_text), ":%u", port);
	start_reply(exchange, reads ? 301 : 308); /* 308 keeps the method */
	http_reply_fieldf(exchange, "Location", "https://%s%.*s%s%s%.*s%s%.*s", is_v6 ? "[" : "",
			  (int)request->host.len, request->host.at, is_v6 ? "]" : "", port_text,
			  (int)request->path.len, request->path.at, request->query.at ? "?" : "",
			  (int)request->query.len, request->query.at ? request->query.at : "");
	http_reply_whole(exchange, NULL, "", 0);
}

/* --- relaying ----------------------------------------------------------------------- */

static bool is_ours(const struct http_header *header)
{
	static const char prefix[] = "X-Sluice-";

	return header->field == HTTP_FIELD_X_REQUEST_ID ||
	       (header->name.len >= sizeof(prefix) - 1 &&
		!strncasecmp(header->name.at, prefix, sizeof(prefix) - 1));
}

/* Nobody outside may speak for one of our tiers. */
static void strip(struct http_head *request)
{
	for (unsigned i = 0; i < request->header_count; i++)
		if (is_ours(&request->headers[i]))
			request->headers[i].hop = true;
}

static void on_add_fields(struct http_exchange *exchange, struct http_writer *to)
{
	const struct request *request = exchange->data;

	http_write_text(to, HTTP_FIELD_X_REQUEST_ID, request->id);
}

void tlsproxy_rules_init(struct tlsproxy *proxy)
{
	proxy->rules = (struct proxy_rules){
		.upstream = &proxy->upstream,
		.edge = true,
		.request_fields = proxy->request_fields,
		.response_fields = proxy->response_fields,
		.add_fields = on_add_fields,
		.add_reply_fields = add_request_id,
		.failed = on_proxy_failed,
	};
}

static void on_request(struct http_exchange *exchange)
{
	struct request *request = malloc(sizeof(*request));

	exchange->data = request;
	if (!request) {
		reply_page(exchange, 503, "There is no memory left.");
		return;
	}
	request_id_make(request->id);
	if (is_tls(exchange)) {
		strip(&exchange->request);
		proxy_start(exchange, &proxy_of(exchange)->rules);
	} else if (exchange->request.host.len && exchange->request.path.len) {
		redirect(exchange);
	} else {
		reply_page(exchange, 400, "The request does not say which site it is for.");
	}
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
}

/* --- the access log ------------------------------------------------------------------- */

static void log_tls(struct access_log *log, const SSL *ssl)
{
	access_log_string(log, "tls", SSL_get_version(ssl));
	access_log_string(log, "cipher", SSL_get_cipher_name(ssl));
	access_log_string(log, "session", SSL_session_reused(ssl) ? "resumed" : "new");
	access_log_ms(log, "handshake_ms", tls_handshake_ns(ssl));
}

static void write_log(struct http_exchange *exchange, const struct request *request,
		      const struct proxy_report *report, const char *end)
{
	struct access_log *log = &proxy_of(exchange)->worker->log;
	char peer[ADDR_TEXT_LEN];

	exchange_log_begin(log, exchange, request ? request->id : NULL,
			   http_slice_of(http_exchange_peer(exchange, peer)), end, report);
	if (exchange->ssl)
		log_tls(log, exchange->ssl);
	exchange_log_end(log, exchange);
}

static void end(struct http_exchange *exchange, const char *how)
{
	struct proxy_report report;

	proxy_end(exchange, &report);
	write_log(exchange, exchange->data, &report, how);
	free(exchange->data);
	exchange->data = NULL;
}

static void on_finished(struct http_exchange *exchange)
{
	end(exchange, exchange->broken ? "cut" : "complete");
}

static void on_aborted(struct http_exchange *exchange)
{
	end(exchange, "aborted");
}

const struct http_handler tlsproxy_handler = {
	.request = on_request,
	.body = on_body,
	.drained = on_drained,
	.finished = on_finished,
	.aborted = on_aborted,
};
