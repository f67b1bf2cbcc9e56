/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The configuration of the router: one file, read by the master before it
 * forks. The example is in the manual page.
 */
#ifndef SLUICE_MYSQL_ROUTER_CONFIG_H
#define SLUICE_MYSQL_ROUTER_CONFIG_H

#include <openssl/evp.h>

#include "auth.h"
#include "process.h"
#include "tls.h"
#include "users.h"

#define ROUTER_CONFIG_PATH   "/etc/sluice/mysql.yaml"
#define ROUTER_MAX_SERVERS   16
#define ROUTER_MAX_LISTENERS 16

enum server_role { ROLE_AUTO, ROLE_PRIMARY, ROLE_REPLICA };
enum tls_mode { TLS_OFF, TLS_OPTIONAL, TLS_REQUIRED }; /* toward clients */
enum server_tls_mode { SERVER_TLS_OFF, SERVER_TLS_REQUIRE, SERVER_TLS_VERIFY };
enum consistency { CONSISTENCY_SESSION, CONSISTENCY_NONE };

struct server_config {
	struct place at;
	char name[SLUICE_NAME_LEN];
	struct endpoint address;
	bool has_address;
	int role;	/* enum server_role: a hint, or what it is allowed to be */
	unsigned board; /* its place in struct cluster_board */
};

struct monitor_config {
	char user[HANDSHAKE_USER_BYTES];
	char password_file[256];
	char password[AUTH_PASSWORD_BYTES]; /* the file's first line */
	char heartbeat[130];		    /* "schema.table", or "" */
	unsigned interval_ms, timeout_ms;
};

struct limits_config {
	unsigned login_ms;	/* of a client: from accept to OK */
	unsigned connect_ms;	/* to a server: until it is ready for commands */
	unsigned idle_ms;	/* a client that sends nothing */
	unsigned query_ms;	/* 0: a statement may take as long as it likes */
	unsigned stall_ms;	/* a client that takes no result, or does not finish a command */
	unsigned statements;	/* prepared at a time, of a client */
	unsigned lag_ms;	/* a replica behind more than this serves no reads */
	unsigned wait_ms;	/* how long a read waits for its session's writes on a replica */
	unsigned auth_failures; /* of an address in a minute, then it is refused */
};

struct router_config {
	struct process_settings process;
	struct endpoint *listen;
	size_t listen_count;
	char socket[104];
	struct server_config *servers;
	size_t server_count;
	char users_file[256];
	struct users users;
	struct monitor_config monitor;
	struct limits_config limits;
	struct {
		int mode; /* enum tls_mode */
		struct tls_certificate_files files;
	} tls;
	struct {
		int mode; /* enum server_tls_mode */
		struct tls_client_settings client;
	} server_tls;
	int plugin;	 /* enum auth_plugin: what clients are asked for */
	int consistency; /* enum consistency */
	bool local_infile;
	/* Made by the master, which can read the keys; each child has its own copy. */
	EVP_PKEY *rsa;		       /* for passwords that come without TLS */
	struct tls_server *tls_server; /* NULL: not offered to clients */
	SSL_CTX *tls_client;	       /* NULL: not used toward servers */
};

/* For struct process_daemon. */
int router_config_read(const char *path, void **config, struct diag_list *diags);
void router_config_release(void *config);
const struct process_settings *router_config_process(const void *config);
size_t router_config_listeners(const void *config, struct process_listener *out);

#endif /* SLUICE_MYSQL_ROUTER_CONFIG_H */
