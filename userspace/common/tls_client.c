/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The client's side of TLS: to servers of one's own, whose authority and name
 * are known.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tls_private.h"

static int trust(SSL_CTX *context, const char *ca, struct diag_list *diags)
{
	if (ca[0] ? SSL_CTX_load_verify_file(context, ca)
		  : SSL_CTX_set_default_verify_paths(context))
		return 0;
	tls_report(diags, (struct place){0}, ca[0] ? ca : "the system's certificates",
		   "cannot be read");
	return -EINVAL;
}

int tls_client_create(const struct tls_client_settings *settings, SSL_CTX **out,
		      struct diag_list *diags)
{
	SSL_CTX *context = tls_context(TLS_client_method(), TLS1_2_VERSION);
	int err = 0;

	if (!context)
		return -ENOMEM;
	if (settings->verify) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		err = trust(context, settings->ca, diags);
	}
	if (err)
		SSL_CTX_free(context);
	else
		*out = context;
	return err;
}

static bool is_address(const char *name)
{
	unsigned char address[16];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool expect(SSL *ssl, const char *name)
{
	if (!name[0])
		return true;
	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	return SSL_set1_host(ssl, name) && SSL_set_tlsext_host_name(ssl, name);
}

SSL *tls_client_session(SSL_CTX *context, const struct tls_client_settings *settings)
{
	SSL *ssl = SSL_new(context);

	if (ssl && expect(ssl, settings->name)) {
		SSL_set_connect_state(ssl);
		return ssl;
	}
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}
