/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A worker of sluice-tlsproxy: HTTPS from clients, HTTP to web servers.
 */
#ifndef SLUICE_TLSPROXY_H
#define SLUICE_TLSPROXY_H

#include "config.h"
#include "http/proxy.h"

#define TLSPROXY_FIELDS_MAX 3 /* that are set in every response */

/* In shared memory: one set for each child. */
struct tlsproxy_counters {
	struct http_server_counters http;
	struct tls_counters tls;
	struct upstream_counters upstream[UPSTREAM_MAX_SERVERS];
};

struct tlsproxy {
	struct worker *worker;
	const struct tlsproxy_config *config;
	struct buffer_pool buffers;
	struct http_server server;
	struct upstream upstream;
	struct proxy_rules rules;
	const char *request_fields[2 + 1];
	const char *response_fields[2 * TLSPROXY_FIELDS_MAX + 1];
	char hsts[32]; /* the field's value */
};

extern const struct process_daemon tlsproxy_daemon;

/* --- requests (request.c) ------------------------------------------------------- */

extern const struct http_handler tlsproxy_handler;
/* How requests of this worker are relayed. */
void tlsproxy_rules_init(struct tlsproxy *proxy);

/* --- request ids (request_id.c) --------------------------------------------------- */

#define REQUEST_ID_LEN 36

/* A random UUID (RFC 9562, 5.4) and NUL. */
void request_id_make(char id[static REQUEST_ID_LEN + 1]);

#endif /* SLUICE_TLSPROXY_H */
