/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Session tickets sealed with keys from a file, so that every node that has the
 * file takes up every other's sessions (RFC 5077, 4: AES-256-CBC, then
 * HMAC-SHA-256). The newest key seals; what an older one has sealed is accepted
 * and sealed anew, so keys can be changed without a break.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "tls_private.h"

#define ENCODED_BYTES 108 /* base64 of 80 bytes */

/* --- the file ------------------------------------------------------------------- */

static int parse_key(struct tls_ticket_key *key, const char *text)
{
	unsigned char bytes[ENCODED_BYTES / 4 * 3];

	_Static_assert(sizeof(*key) == 80, "a key fills a line");
	if (strlen(text) != ENCODED_BYTES || strcspn(text, "=") != ENCODED_BYTES - 1 ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)text, ENCODED_BYTES) < 0)
		return -EINVAL;
	memcpy(key, bytes, sizeof(*key));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

/* The last line is the newest: it goes first, and pushes out the oldest. */
static void take_key(struct tls_tickets *tickets, const struct tls_ticket_key *key)
{
	memmove(&tickets->keys[1], &tickets->keys[0],
		sizeof(tickets->keys) - sizeof(tickets->keys[0]));
	tickets->keys[0] = *key;
	if (tickets->count < TLS_TICKET_KEYS)
		tickets->count++;
}

static int read_keys(struct tls_tickets *tickets, FILE *file, const char *path,
		     struct diag_list *diags)
{
	char line[256];
	int err = 0;

	for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
		struct tls_ticket_key key;

		line[strcspn(line, "\r\n")] = '\0';
		if (!line[0])
			continue;
		if (parse_key(&key, line)) {
			diag_add(diags, (struct place){0},
				 "%s:%u: a ticket key is 80 bytes in base64", path, number);
			err = -EINVAL;
			continue;
		}
		take_key(tickets, &key);
		OPENSSL_cleanse(&key, sizeof(key));
	}
	OPENSSL_cleanse(line, sizeof(line));
	if (!err && !tickets->count) {
		diag_add(diags, (struct place){0}, "%s: there is no ticket key", path);
		err = -EINVAL;
	}
	return err;
}

int tls_tickets_load(struct tls_tickets *tickets, const char *path, struct diag_list *diags)
{
	FILE *file = fopen(path, "re");
	int err;

	*tickets = (struct tls_tickets){0};
	if (!file) {
		diag_add(diags, (struct place){0}, "%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	err = read_keys(tickets, file, path, diags);
	fclose(file);
	return err;
}

/* --- OpenSSL's callback ----------------------------------------------------------- */

static int tickets_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

static bool set_mac_key(EVP_MAC_CTX *mac, struct tls_ticket_key *key)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params);
}

static int seal(struct tls_ticket_key *key, unsigned char *name, unsigned char *iv,
		EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	memcpy(name, key->name, sizeof(key->name));
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) <= 0 ||
	    !EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, NULL) ||
	    !set_mac_key(mac, key))
		return -1;
	return 1;
}

/* 1: opened; 2: opened, and to be replaced; 0: unknown, so a full handshake follows. */
static int unseal(struct tls_tickets *tickets, const unsigned char *name, const unsigned char *iv,
		  EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	for (size_t i = 0; i < tickets->count; i++) {
		struct tls_ticket_key *key = &tickets->keys[i];

		if (memcmp(name, key->name, sizeof(key->name)))
			continue;
		if (!EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, NULL) ||
		    !set_mac_key(mac, key))
			return -1;
		return i == 0 ? 1 : 2;
	}
	return 0;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int sealing)
{
	struct tls_tickets *tickets = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), tickets_index());

	int opened;

	if (sealing)
		return seal(&tickets->keys[0], name, iv, cipher, mac);
	opened = unseal(tickets, name, iv, cipher, mac);
	/* Clients use a ticket of TLS 1.3 once (RFC 8446, C.4): they need another. */
	return opened == 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : opened;
}

void tls_tickets_use(SSL_CTX *context, struct tls_tickets *tickets)
{
	if (!tickets->count) {
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(context, 0);
		return;
	}
	SSL_CTX_set_ex_data(context, tickets_index(), tickets);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}
