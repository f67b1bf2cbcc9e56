/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of tls.h share.
 */
#ifndef SLUICE_TLS_PRIVATE_H
#define SLUICE_TLS_PRIVATE_H

#include "tls.h"

/* --- contexts (tls.c) ----------------------------------------------------------- */

/* With all that servers and clients have in common; NULL: out of memory. */
SSL_CTX *tls_context(const SSL_METHOD *method, unsigned min_version);

/* --- certificates (tls_certificate.c) ------------------------------------------ */

struct tls_certificate {
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
};

int tls_certificate_load(struct tls_certificate *certificate,
			 const struct tls_certificate_files *files,
			 struct diag_list *diags) __must_check;
void tls_certificate_release(struct tls_certificate *certificate);
/* Calls `each` for its DNS names, in lower case; stops at an error. */
int tls_certificate_names(const struct tls_certificate *certificate,
			  int (*each)(void *context, const char *name), void *context) __must_check;

/* Says what went wrong with a file: OpenSSL's first reason. Empties its error queue. */
void tls_report(struct diag_list *diags, struct place at, const char *file, const char *what);

/* --- hosts (tls_hosts.c) -------------------------------------------------------- */

#define TLS_NAME_LEN 256

/* A set of certificates, one bit each in their order. */
struct tls_host {
	char *name; /* lower case; "*.example.net"; NULL: a free slot */
	uint64_t certificates;
	SSL_CTX *context; /* borrowed */
};

struct tls_hosts {
	struct tls_host *slots;
	size_t count, size; /* size: a power of two */
};

/* The entry of exactly this name, made if there is none; NULL: out of memory. */
struct tls_host *tls_hosts_add(struct tls_hosts *hosts, const char *name);
/* The entry for a name that a client has sent: exact, then wildcard; or NULL. */
const struct tls_host *tls_hosts_find(const struct tls_hosts *hosts, const char *name);
void tls_hosts_fini(struct tls_hosts *hosts);

/* --- tickets (tls_tickets.c) ---------------------------------------------------- */

struct tls_ticket_key {
	unsigned char name[16], cipher[32], mac[32];
};

struct tls_tickets {
	struct tls_ticket_key keys[TLS_TICKET_KEYS]; /* the first is in use */
	size_t count;
};

int tls_tickets_load(struct tls_tickets *tickets, const char *path,
		     struct diag_list *diags) __must_check;
/* Has the context seal tickets with the keys, which must outlive it; without any it gives none. */
void tls_tickets_use(SSL_CTX *context, struct tls_tickets *tickets);

#endif /* SLUICE_TLS_PRIVATE_H */
