/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Sealing by OpenSSL. Version, key id and purpose are authenticated with the text. */
#include "seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define VERSION	     1
#define NONCE_BYTES  12
#define TAG_BYTES    16
#define HEAD_BYTES   5	  /* version, key id */
#define SEALED_BYTES 6144 /* no cookie is larger */

_Static_assert(HEAD_BYTES + NONCE_BYTES + TAG_BYTES == SEAL_OVERHEAD, "the layout above");

/* --- base64 ------------------------------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t seal_encode(const uint8_t *data, size_t length, char *out)
{
	size_t written = 0;
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < length; i++) {
		bits = bits << 8 | data[i];
		for (have += 8; have >= 6; have -= 6)
			out[written++] = digits[bits >> (have - 6) & 63];
	}
	if (have)
		out[written++] = digits[bits << (6 - have) & 63];
	out[written] = '\0';
	return written;
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	/* Both alphabets: keys are made by base64(1). */
	return c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : -1;
}

ssize_t seal_decode(const char *text, size_t length, uint8_t *out, size_t size)
{
	size_t written = 0;
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < length; i++) {
		int value = digit_value(text[i]);

		if (value < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (written == size)
			return -ENOBUFS;
		out[written++] = (uint8_t)(bits >> have);
	}
	if (have >= 6 || (bits & ((1u << have) - 1)))
		return -EBADMSG;
	return (ssize_t)written;
}

/* --- keys --------------------------------------------------------------------------- */

static void take_key(struct seal_keys *keys, const uint8_t *bytes)
{
	struct seal_key *key = &keys->keys[keys->count++];
	uint8_t digest[SHA256_DIGEST_LENGTH];

	memcpy(key->bytes, bytes, SEAL_KEY_BYTES);
	SHA256(bytes, SEAL_KEY_BYTES, digest);
	memcpy(key->id, digest, sizeof(key->id));
}

static int report(struct diag_list *diags, const char *path, unsigned line, const char *what)
{
	diag_add(diags, (struct place){0}, "%s:%u: %s", path, line, what);
	return -EINVAL;
}

static int read_key(struct seal_keys *keys, const char *path, unsigned line, const char *text,
		    struct diag_list *diags)
{
	uint8_t bytes[SEAL_KEY_BYTES];
	size_t length = strcspn(text, "= \t\r\n#");

	if (!length)
		return 0;
	if (keys->count == SEAL_MAX_KEYS)
		return report(diags, path, line, "more keys than are used at a time (3)");
	if (seal_decode(text, length, bytes, sizeof(bytes)) != SEAL_KEY_BYTES)
		return report(diags, path, line, "expected base64 of a key of 32 bytes");
	take_key(keys, bytes);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int seal_keys_read(const char *path, struct seal_keys *keys, struct diag_list *diags)
{
	FILE *file = fopen(path, "re");
	char text[256];
	unsigned line = 0;
	int err = 0;

	if (!file) {
		diag_add(diags, (struct place){0}, "%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	keys->count = 0;
	while (!err && fgets(text, sizeof(text), file))
		err = read_key(keys, path, ++line, text, diags);
	if (!err && !keys->count)
		err = report(diags, path, line, "expected a key: base64 of 32 bytes");
	OPENSSL_cleanse(text, sizeof(text));
	fclose(file);
	return err;
}

int seal_keys_random(struct seal_keys *keys)
{
	uint8_t bytes[SEAL_KEY_BYTES];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	keys->count = 0;
	take_key(keys, bytes);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

/* --- sealing ------------------------------------------------------------------------ */

static int encrypt(EVP_CIPHER_CTX *context, const struct seal_key *key, const char *purpose,
		   const void *plain, size_t length, uint8_t *sealed)
{
	uint8_t *nonce = sealed + HEAD_BYTES, *text = nonce + NONCE_BYTES;
	int done;

	if (EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, nonce) != 1 ||
	    EVP_EncryptUpdate(context, NULL, &done, sealed, HEAD_BYTES) != 1 ||
	    EVP_EncryptUpdate(context, NULL, &done, (const uint8_t *)purpose,
			      (int)strlen(purpose)) != 1 ||
	    EVP_EncryptUpdate(context, text, &done, plain, (int)length) != 1 ||
	    EVP_EncryptFinal_ex(context, text + done, &done) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, text + length) != 1)
		return -EIO;
	return 0;
}

int seal_close(const struct seal_keys *keys, const char *purpose, const void *plain, size_t length,
	       char *text)
{
	const struct seal_key *key = &keys->keys[keys->count - 1];
	uint8_t sealed[SEALED_BYTES];
	EVP_CIPHER_CTX *context;
	int err = -EIO;

	if (length > sizeof(sealed) - SEAL_OVERHEAD)
		return -ENOBUFS;
	sealed[0] = VERSION;
	memcpy(sealed + 1, key->id, sizeof(key->id));
	if (RAND_bytes(sealed + HEAD_BYTES, NONCE_BYTES) != 1)
		return -EIO;
	context = EVP_CIPHER_CTX_new();
	if (context)
		err = encrypt(context, key, purpose, plain, length, sealed);
	EVP_CIPHER_CTX_free(context);
	if (!err)
		seal_encode(sealed, SEAL_OVERHEAD + length, text);
	return err;
}

static int decrypt(EVP_CIPHER_CTX *context, const struct seal_key *key, const char *purpose,
		   const uint8_t *sealed, size_t length, uint8_t *plain)
{
	const uint8_t *nonce = sealed + HEAD_BYTES, *text = nonce + NONCE_BYTES;
	int done;

	if (EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, nonce) != 1 ||
	    EVP_DecryptUpdate(context, NULL, &done, sealed, HEAD_BYTES) != 1 ||
	    EVP_DecryptUpdate(context, NULL, &done, (const uint8_t *)purpose,
			      (int)strlen(purpose)) != 1 ||
	    EVP_DecryptUpdate(context, plain, &done, text, (int)length) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES,
				(void *)(text + length)) != 1 ||
	    EVP_DecryptFinal_ex(context, plain + done, &done) != 1)
		return -EBADMSG;
	return 0;
}

static const struct seal_key *find_key(const struct seal_keys *keys, const uint8_t *id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (!memcmp(keys->keys[i].id, id, sizeof(keys->keys[i].id)))
			return &keys->keys[i];
	return NULL;
}

ssize_t seal_open(const struct seal_keys *keys, const char *purpose, const char *text,
		  size_t text_length, void *plain, size_t size)
{
	uint8_t sealed[SEALED_BYTES], opened[SEALED_BYTES];
	ssize_t length = seal_decode(text, text_length, sealed, sizeof(sealed));
	const struct seal_key *key;
	EVP_CIPHER_CTX *context;
	int err = -EBADMSG;

	if (length < SEAL_OVERHEAD || sealed[0] != VERSION)
		return -EBADMSG;
	length -= SEAL_OVERHEAD;
	key = find_key(keys, sealed + 1);
	if (!key)
		return -ENOKEY;
	context = EVP_CIPHER_CTX_new();
	if (context)
		err = decrypt(context, key, purpose, sealed, (size_t)length, opened);
	EVP_CIPHER_CTX_free(context);
	if (err)
		return err;
	if ((size_t)length > size)
		return -ENOBUFS;
	memcpy(plain, opened, (size_t)length);
	return length;
}
