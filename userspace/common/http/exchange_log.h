/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every access log says of an exchange, under the same keys in all daemons: a request can be
 * followed from tier to tier. What the client has written comes last, so that a long target cuts
 * nothing else off the line. A daemon's own keys stand between begin and end.
 */
#ifndef SLUICE_HTTP_EXCHANGE_LOG_H
#define SLUICE_HTTP_EXCHANGE_LOG_H

#include "access_log.h"
#include "http/proxy.h"

/*
 * Begins a line: id (if it is not NULL), client, status, end ("complete", "cut" or "aborted"),
 * bytes_in, bytes_out, how it was relayed, if it was, total_ms.
 */
void exchange_log_begin(struct access_log *log, const struct http_exchange *exchange,
			const char *id, struct http_slice client, const char *end,
			const struct proxy_report *report);
/* Ends it: method, host, target, referer, user_agent. */
void exchange_log_end(struct access_log *log, const struct http_exchange *exchange);

#endif /* SLUICE_HTTP_EXCHANGE_LOG_H */
