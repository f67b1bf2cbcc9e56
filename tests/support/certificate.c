/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "unit.h"

#define HOUR 3600

static EVP_PKEY *make_key(bool rsa)
{
	EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	return key;
}

static void add_names(X509 *leaf, const char *names)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	CU_ASSERT_PTR_NOT_NULL_FATAL(extension);
	X509_add_ext(leaf, extension, -1);
	X509_EXTENSION_free(extension);
}

static X509 *make_leaf(const struct certificate *what, EVP_PKEY *key)
{
	X509 *leaf = X509_new();
	X509_NAME *subject = X509_get_subject_name(leaf);

	X509_set_version(leaf, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(leaf), 1);
	X509_gmtime_adj(X509_getm_notBefore(leaf), -2 * HOUR);
	X509_gmtime_adj(X509_getm_notAfter(leaf), what->expired ? -HOUR : HOUR);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)what->common_name, -1, -1, 0);
	X509_set_issuer_name(leaf, subject);
	X509_set_pubkey(leaf, key);
	if (what->names)
		add_names(leaf, what->names);
	CU_ASSERT_FATAL(X509_sign(leaf, key, EVP_sha256()) > 0);
	return leaf;
}

static void write_key(const char *path, EVP_PKEY *key)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_FATAL(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
	fclose(file);
}

void certificate_write(const struct certificate *what, const char *path, const char *key_path)
{
	EVP_PKEY *key = make_key(what->rsa);
	X509 *leaf = make_leaf(what, key);
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_FATAL(PEM_write_X509(file, leaf));
	CU_ASSERT_FATAL(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
	fclose(file);
	if (key_path)
		write_key(key_path, key);
	X509_free(leaf);
	EVP_PKEY_free(key);
}
