/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TLS of the daemons by OpenSSL: contexts for both sides, certificates chosen
 * by SNI, tickets under keys that several nodes share (RFC 5077; RFC 8446, 4.6.1).
 * A context belongs to one process: OpenSSL's locks are then never contended.
 */
#ifndef SLUICE_TLS_H
#define SLUICE_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "diag.h"

#define TLS_MAX_CERTIFICATES 64
#define TLS_TICKET_KEYS	     3 /* the one in use and those that are still accepted */

struct tls_certificate_files {
	struct place place; /* in the configuration: first, as its reader wants it */
	char chain[256];    /* PEM: leaf first */
	char key[256];	    /* PEM; "": in the chain's file */
};

struct tls_server_settings {
	struct tls_certificate_files certificates[TLS_MAX_CERTIFICATES];
	size_t certificate_count; /* the first serves clients that name no host, or one unknown */
	/* File of lines of base64 of 80 bytes, the last is in use; "": no tickets. */
	char ticket_keys[256];
	unsigned min_version;	   /* TLS1_2_VERSION or TLS1_3_VERSION */
	const unsigned char *alpn; /* wire format, preferred first, borrowed; NULL: none */
	size_t alpn_length;
};

#define TLS_COUNTERS(X)                                                                            \
	X(handshakes_tls12, "TLS 1.2 handshakes that succeeded.")                                  \
	X(handshakes_tls13, "TLS 1.3 handshakes that succeeded.")                                  \
	X(resumed, "Handshakes that resumed a session.")                                           \
	X(failed, "Handshakes that did not succeed.")                                              \
	X(handshake_ns, "Time from connection to end of the handshake, in nanoseconds, summed.")

struct tls_counters {
#define X(name, help) uint64_t name;
	TLS_COUNTERS(X)
#undef X
};

struct tls_server;

/*
 * Reads all files. Errors are told in `diags` by file and name what is wrong:
 * unreadable, a key that does not fit. A certificate that has expired is
 * served, and logged. Each serves all of its DNS names, wildcards of one label too; of
 * several for a name with keys of different kinds, OpenSSL takes one that the client knows.
 */
int tls_server_create(const struct tls_server_settings *settings, struct tls_server **out,
		      struct diag_list *diags) __must_check;
void tls_server_destroy(struct tls_server *server);
/* From now on handshakes are counted there. */
void tls_server_count(struct tls_server *server, struct tls_counters *counters);
/* A session in accept state; NULL: out of memory. */
SSL *tls_server_session(struct tls_server *server);

struct tls_client_settings {
	char ca[256];	/* PEM; "": the system's */
	bool verify;	/* chain and name */
	char name[256]; /* expected: a host, then sent as SNI too, or an address; "": any */
};

int tls_client_create(const struct tls_client_settings *settings, SSL_CTX **out,
		      struct diag_list *diags) __must_check;
/* A session in connect state; NULL: out of memory. */
SSL *tls_client_session(SSL_CTX *context, const struct tls_client_settings *settings);

/* Told by the stream: counts, and notes the time. */
void tls_handshake_ended(SSL *ssl, bool success, uint64_t duration_ns);
/* How long the handshake took. */
uint64_t tls_handshake_ns(const SSL *ssl);

#endif /* SLUICE_TLS_H */
