/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Contexts of OpenSSL. A server has one for each set of certificates that
 * belong together: those of a host name. The first is where every handshake
 * begins, and the name that the client asks for (RFC 6066, 3) leads to another.
 */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "tls_private.h"

/* RFC 9325, 4.2: forward secrecy and AEAD only; AES first, as CPUs have it in hardware. */
#define CIPHERS_TLS12                                                                              \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
#define GROUPS	      "X25519:P-256:P-384"

struct context {
	uint64_t certificates; /* the set of them */
	SSL_CTX *tls;
};

struct tls_server {
	const struct tls_server_settings *settings; /* while it is being made */
	struct diag_list *diags;		    /* likewise */
	struct tls_certificate certificates[TLS_MAX_CERTIFICATES];
	size_t certificate_count;
	size_t loading;		/* whose names are being taken */
	bool named;		/* it has one at least */
	const char *first_name; /* of the first certificate */
	struct tls_hosts hosts;
	struct context *contexts; /* the first is the default */
	size_t context_count;
	struct tls_tickets tickets;
	unsigned char *alpn;
	size_t alpn_length;
	struct tls_counters *counters, uncounted;
};

/* --- contexts ------------------------------------------------------------------- */

static bool configure(SSL_CTX *context, unsigned min_version)
{
	SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS |
					  SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_min_proto_version(context, (int)min_version) &&
	       SSL_CTX_set_cipher_list(context, CIPHERS_TLS12) &&
	       SSL_CTX_set_ciphersuites(context, CIPHERS_TLS13) &&
	       SSL_CTX_set1_groups_list(context, GROUPS);
}

SSL_CTX *tls_context(const SSL_METHOD *method, unsigned min_version)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (context && configure(context, min_version))
		return context;
	SSL_CTX_free(context);
	ERR_clear_error();
	return NULL;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length,
		   const unsigned char *in, unsigned in_length, void *data)
{
	const struct tls_server *server = data;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_length, server->alpn, (unsigned)server->alpn_length,
				  in, in_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301, 3.2 */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int on_server_name(SSL *ssl, int *alert, void *data)
{
	const struct tls_server *server = data;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct tls_host *host = name ? tls_hosts_find(&server->hosts, name) : NULL;

	(void)alert;
	if (host)
		SSL_set_SSL_CTX(ssl, host->context);
	return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static bool use_certificates(SSL_CTX *context, struct tls_server *server, uint64_t set)
{
	for (size_t i = 0; i < server->certificate_count; i++) {
		struct tls_certificate *one = &server->certificates[i];

		if (!(set >> i & 1) ||
		    SSL_CTX_use_cert_and_key(context, one->leaf, one->key, one->chain, 1))
			continue;
		tls_report(server->diags, server->settings->certificates[i].place,
			   server->settings->certificates[i].chain,
			   "the certificate cannot be used");
		return false;
	}
	return true;
}

/* Tickets of one context are taken up under any other: the service is the same. */
static bool set_server(SSL_CTX *context, struct tls_server *server)
{
	static const unsigned char service[] = "sluice";

	SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(context, server);
	SSL_CTX_set_app_data(context, server);
	if (server->alpn)
		SSL_CTX_set_alpn_select_cb(context, on_alpn, server);
	tls_tickets_use(context, &server->tickets);
	return SSL_CTX_set_session_id_context(context, service, sizeof(service) - 1);
}

static SSL_CTX *server_context(struct tls_server *server)
{
	SSL_CTX *tls = tls_context(TLS_server_method(), server->settings->min_version);

	if (tls && set_server(tls, server))
		return tls;
	SSL_CTX_free(tls);
	return NULL;
}

static int add_context(struct tls_server *server, uint64_t set, SSL_CTX **out)
{
	struct context *contexts = reallocarray(server->contexts, server->context_count + 1,
						sizeof(*server->contexts));
	SSL_CTX *tls;

	if (!contexts)
		return -ENOMEM;
	server->contexts = contexts;
	tls = server_context(server);
	if (!tls)
		return -ENOMEM;
	contexts[server->context_count++] = (struct context){set, tls};
	*out = tls;
	return use_certificates(tls, server, set) ? 0 : -EINVAL;
}

static int context_for(struct tls_server *server, uint64_t set, SSL_CTX **out)
{
	for (size_t i = 0; i < server->context_count; i++)
		if (server->contexts[i].certificates == set) {
			*out = server->contexts[i].tls;
			return 0;
		}
	return add_context(server, set, out);
}

/* --- which certificates are a name's ---------------------------------------------- */

/* Of two with the same kind of key the first one in the file serves the name. */
static bool has_kind(const struct tls_server *server, uint64_t set, int kind)
{
	for (size_t i = 0; i < server->certificate_count; i++)
		if (set >> i & 1 && EVP_PKEY_get_base_id(server->certificates[i].key) == kind)
			return true;
	return false;
}

static int add_name(void *context, const char *name)
{
	struct tls_server *server = context;
	struct tls_host *host = tls_hosts_add(&server->hosts, name);
	int kind = EVP_PKEY_get_base_id(server->certificates[server->loading].key);

	if (!host)
		return -ENOMEM;
	if (server->loading == 0 && !server->named)
		server->first_name = host->name;
	server->named = true;
	if (!has_kind(server, host->certificates, kind))
		host->certificates |= 1ull << server->loading;
	return 0;
}

static int load_certificate(struct tls_server *server, size_t i)
{
	const struct tls_certificate_files *files = &server->settings->certificates[i];
	int err = tls_certificate_load(&server->certificates[i], files, server->diags);

	if (err)
		return err;
	server->certificate_count = i + 1;
	server->loading = i;
	server->named = false;
	err = tls_certificate_names(&server->certificates[i], add_name, server);
	if (!err && !server->named && i > 0) {
		diag_add(server->diags, files->place,
			 "%s: the certificate names no host, and is not the first: nobody gets it",
			 files->chain);
		return -EINVAL;
	}
	return err;
}

/* All are tried, so that all mistakes are told. */
static int load_certificates(struct tls_server *server)
{
	int err = 0;

	for (size_t i = 0; i < server->settings->certificate_count; i++) {
		int one = load_certificate(server, i);

		err = err ? err : one;
	}
	return err;
}

/* What serves clients that name no host: the first certificate, and what goes with its name. */
static uint64_t default_set(const struct tls_server *server)
{
	const struct tls_host *host =
		server->first_name ? tls_hosts_find(&server->hosts, server->first_name) : NULL;

	return host ? host->certificates : 1;
}

static int make_contexts(struct tls_server *server)
{
	SSL_CTX *unused;
	int err = context_for(server, default_set(server), &unused);

	for (size_t i = 0; !err && i < server->hosts.size; i++) {
		struct tls_host *host = &server->hosts.slots[i];

		if (host->name)
			err = context_for(server, host->certificates, &host->context);
	}
	return err;
}

/* --- servers ---------------------------------------------------------------------- */

static int keep_alpn(struct tls_server *server)
{
	if (!server->settings->alpn)
		return 0;
	server->alpn_length = server->settings->alpn_length;
	server->alpn = malloc(server->alpn_length);
	if (!server->alpn)
		return -ENOMEM;
	memcpy(server->alpn, server->settings->alpn, server->alpn_length);
	return 0;
}

static int fill_server(struct tls_server *server)
{
	const char *ticket_keys = server->settings->ticket_keys;
	int certificates = load_certificates(server);
	int tickets =
		ticket_keys[0] ? tls_tickets_load(&server->tickets, ticket_keys, server->diags) : 0;
	int err = certificates ? certificates : tickets;

	if (!err)
		err = keep_alpn(server);
	if (!err)
		err = make_contexts(server);
	server->settings = NULL;
	server->diags = NULL;
	return err;
}

int tls_server_create(const struct tls_server_settings *settings, struct tls_server **out,
		      struct diag_list *diags)
{
	struct tls_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->settings = settings;
	server->diags = diags;
	server->counters = &server->uncounted;
	err = fill_server(server);
	if (err)
		tls_server_destroy(server);
	else
		*out = server;
	return err;
}

void tls_server_destroy(struct tls_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->context_count; i++)
		SSL_CTX_free(server->contexts[i].tls);
	for (size_t i = 0; i < server->certificate_count; i++)
		tls_certificate_release(&server->certificates[i]);
	tls_hosts_fini(&server->hosts);
	OPENSSL_cleanse(&server->tickets, sizeof(server->tickets));
	free(server->contexts);
	free(server->alpn);
	free(server);
}

void tls_server_count(struct tls_server *server, struct tls_counters *counters)
{
	server->counters = counters;
}

SSL *tls_server_session(struct tls_server *server)
{
	SSL *ssl = SSL_new(server->contexts[0].tls);

	if (ssl)
		SSL_set_accept_state(ssl);
	else
		ERR_clear_error();
	return ssl;
}

void tls_handshake_ended(SSL *ssl, bool success, uint64_t duration_ns)
{
	struct tls_server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct tls_counters *counters = server ? server->counters : NULL;

	SSL_set_app_data(ssl, (void *)(uintptr_t)duration_ns);
	if (!counters)
		return;
	if (!success) {
		counters->failed++;
		return;
	}
	if (SSL_version(ssl) == TLS1_3_VERSION)
		counters->handshakes_tls13++;
	else
		counters->handshakes_tls12++;
	counters->resumed += SSL_session_reused(ssl) != 0;
	counters->handshake_ns += duration_ns;
}

uint64_t tls_handshake_ns(const SSL *ssl)
{
	return (uintptr_t)SSL_get_app_data(ssl);
}
