/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The configuration of sluice-tlsproxy, as read from its file.
 */
#ifndef SLUICE_TLSPROXY_CONFIG_H
#define SLUICE_TLSPROXY_CONFIG_H

#include "http/server.h"
#include "http/upstream.h"
#include "process.h"
#include "tls.h"

#define TLSPROXY_MAX_LISTENERS 16

/* What a connection to a listener is for: process_listener.purpose. */
enum tlsproxy_listen { TLSPROXY_LISTEN_TLS, TLSPROXY_LISTEN_REDIRECT };

struct tlsproxy_listener {
	struct place place; /* in the file: first, as the reader wants it */
	struct endpoint address;
	bool tls, redirect; /* one of them */
};

struct tlsproxy_config {
	struct process_settings process;
	struct http_server_settings http;
	struct tlsproxy_listener listen[TLSPROXY_MAX_LISTENERS];
	size_t listen_count;
	struct tls_server_settings tls;
	enum { TLSPROXY_TLS_1_2, TLSPROXY_TLS_1_3 } least_tls;
	unsigned hsts_s; /* 0: the field is not sent */
	struct upstream_settings upstream;
	unsigned https_port;	       /* that redirects lead to */
	struct tls_server *tls_server; /* made from `tls`, whose files only the master can read */
};

/* For struct process_daemon. */
int tlsproxy_config_read(const char *path, void **out, struct diag_list *diags);
void tlsproxy_config_release(void *config);
const struct process_settings *tlsproxy_config_process(const void *config);
size_t tlsproxy_config_listeners(const void *config, struct process_listener *out);

#endif /* SLUICE_TLSPROXY_CONFIG_H */
