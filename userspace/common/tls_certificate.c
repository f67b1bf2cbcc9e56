/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Certificates and keys out of PEM files, and the names that they are for
 * (RFC 6125: the DNS names of subjectAltName; without any, the common name).
 */
#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "log.h"
#include "tls_private.h"

static const char *first_reason(void)
{
	unsigned long error = ERR_peek_error();

	return ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
				       : ERR_reason_error_string(error);
}

void tls_report(struct diag_list *diags, struct place at, const char *file, const char *what)
{
	const char *reason = first_reason();

	diag_add(diags, at, "%s: %s%s%s", file, what, reason ? ": " : "", reason ? reason : "");
	ERR_clear_error();
}

/* --- reading -------------------------------------------------------------------- */

/* A daemon has nobody to ask: an encrypted key is refused. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static int read_chain(struct tls_certificate *certificate, BIO *file)
{
	X509 *next;

	certificate->leaf = PEM_read_bio_X509_AUX(file, NULL, no_password, NULL);
	if (!certificate->leaf)
		return -EINVAL;
	certificate->chain = sk_X509_new_null();
	if (!certificate->chain)
		return -ENOMEM;
	while ((next = PEM_read_bio_X509(file, NULL, no_password, NULL)))
		if (!sk_X509_push(certificate->chain, next)) {
			X509_free(next);
			return -ENOMEM;
		}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return -EINVAL;
	ERR_clear_error();
	return 0;
}

static int load_chain(struct tls_certificate *certificate,
		      const struct tls_certificate_files *files, struct diag_list *diags)
{
	BIO *file = BIO_new_file(files->chain, "r");
	int err = file ? read_chain(certificate, file) : -EINVAL;

	if (err)
		tls_report(diags, files->place, files->chain,
			   "no chain of certificates can be read");
	BIO_free(file);
	return err;
}

static int load_key(struct tls_certificate *certificate, const char *path, struct place at,
		    struct diag_list *diags)
{
	BIO *file = BIO_new_file(path, "r");

	if (file)
		certificate->key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
	BIO_free(file);
	if (certificate->key)
		return 0;
	tls_report(diags, at, path, "no private key can be read");
	return -EINVAL;
}

static void warn_of_dates(const struct tls_certificate *certificate, const char *path)
{
	if (X509_cmp_current_time(X509_get0_notAfter(certificate->leaf)) < 0)
		log_warn("tls", "event=certificate-expired file=\"%s\"", path);
	else if (X509_cmp_current_time(X509_get0_notBefore(certificate->leaf)) > 0)
		log_warn("tls", "event=certificate-not-yet-valid file=\"%s\"", path);
}

int tls_certificate_load(struct tls_certificate *certificate,
			 const struct tls_certificate_files *files, struct diag_list *diags)
{
	const char *key = files->key[0] ? files->key : files->chain;
	int err;

	ERR_clear_error();
	*certificate = (struct tls_certificate){0};
	err = load_chain(certificate, files, diags);
	if (!err)
		err = load_key(certificate, key, files->place, diags);
	if (!err && !X509_check_private_key(certificate->leaf, certificate->key)) {
		tls_report(diags, files->place, key,
			   "the private key is not that of the certificate");
		err = -EINVAL;
	}
	if (err)
		tls_certificate_release(certificate);
	else
		warn_of_dates(certificate, files->chain);
	return err;
}

void tls_certificate_release(struct tls_certificate *certificate)
{
	X509_free(certificate->leaf);
	sk_X509_pop_free(certificate->chain, X509_free);
	EVP_PKEY_free(certificate->key);
	*certificate = (struct tls_certificate){0};
}

/* --- names ---------------------------------------------------------------------- */

static int give_name(const ASN1_STRING *text, int (*each)(void *context, const char *name),
		     void *context)
{
	const unsigned char *data = ASN1_STRING_get0_data(text);
	int length = ASN1_STRING_length(text);
	char name[TLS_NAME_LEN];

	if (length <= 0 || length >= TLS_NAME_LEN || memchr(data, 0, (size_t)length))
		return 0; /* nobody can ask for it */
	for (int i = 0; i < length; i++)
		name[i] = (char)tolower(data[i]);
	name[length] = '\0';
	return each(context, name);
}

static int alternative_names(const GENERAL_NAMES *all, int (*each)(void *context, const char *name),
			     void *context)
{
	int err = 0;

	for (int i = 0; !err && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

		if (one->type == GEN_DNS)
			err = give_name(one->d.dNSName, each, context);
	}
	return err;
}

static int common_name(X509 *leaf, int (*each)(void *context, const char *name), void *context)
{
	X509_NAME *subject = X509_get_subject_name(leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return 0;
	return give_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), each, context);
}

int tls_certificate_names(const struct tls_certificate *certificate,
			  int (*each)(void *context, const char *name), void *context)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(certificate->leaf, NID_subject_alt_name, NULL, NULL);
	int err;

	if (!all)
		return common_name(certificate->leaf, each, context);
	err = alternative_names(all, each, context);
	GENERAL_NAMES_free(all);
	return err;
}
